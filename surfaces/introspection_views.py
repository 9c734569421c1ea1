"""The doors where a credential is looked at (RFC 7662) and ended (RFC 7009), by form or JSON, opened by a partner's API key."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.errors import FieldProblem, InvalidRequestError
from core.http import context_of
from core.net import client_address
from core.responses import json_response
from partners.authentication import KeyedView, principal_of
from surfaces import introspection_shapes as shapes
from surfaces.oauth import FORM, read_parameters
from surfaces.services.introspection import Asking, introspect
from surfaces.services.revocation import revoke_token


class IntrospectView(KeyedView):
    """What a credential is worth at this moment; it is not spent by the question."""

    required_scopes: ClassVar = {"POST": "introspect"}

    @extend_schema(
        operation_id="introspect",
        summary="What a credential is worth",
        request={FORM: shapes.IntrospectionRequest, "application/json": shapes.IntrospectionRequest},
        responses=shapes.IntrospectionAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        parameters = read_parameters(request._request)
        asking = Asking(principal_of(request), address_in(parameters))
        return json_response(introspect(token_in(parameters), asking=asking))


class RevokeView(KeyedView):
    """End a credential of one's own; 200 whether or not it was one (RFC 7009 §2.2)."""

    required_scopes: ClassVar = {"POST": None}

    @extend_schema(
        operation_id="revoke",
        summary="End a credential",
        request={FORM: shapes.TokenRevocationRequest, "application/json": shapes.TokenRevocationRequest},
        responses={200: None},
    )
    def post(self, request: Request) -> HttpResponse:
        http, principal = request._request, principal_of(request)
        token = token_in(read_parameters(http))
        revoke_token(token, caller=principal, actor=principal.actor(context_of(http)))
        return HttpResponse(headers={"Cache-Control": "no-store"})


def token_in(parameters: Mapping[str, str]) -> str:
    """The credential a call is about. `token_type_hint` is not needed: each kind has a form of its own.

    Raises: InvalidRequestError.
    """
    token = parameters.get("token", "")
    if not token:
        raise _wrong("token", "Send the credential that this call is about.")
    return token


def address_in(parameters: Mapping[str, str]) -> str | None:
    """The address from which the credential came to the caller; without it a key that is bound to networks is not active.

    Raises: InvalidRequestError.
    """
    text = parameters.get("client_address", "")
    address = client_address({"REMOTE_ADDR": text}, trusted_hops=0) if text else None
    if text and address is None:
        raise _wrong("client_address", "This is not an IP address.")
    return address


def _wrong(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="parameter", details=[FieldProblem(field, message)])
