"""The doors a key opens to itself: who am I, what am I, rotate me, revoke me."""

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.fields import validated
from core.http import context_of
from core.responses import json_response
from core.strict_json import JsonObject
from partners import shapes
from partners.authentication import KeyedView, principal_of
from partners.idempotency import idempotency_key
from partners.models import RevokeReason
from partners.services import keys
from partners.services.own_key import rotate_own_key


class WhoAmI(KeyedView):
    """Who this key belongs to and what it may do; answered from the one read that proved it."""

    required_scopes: ClassVar = {"GET": None}

    @extend_schema(operation_id="whoami", summary="Who am I", responses=shapes.WhoAmI)
    def get(self, request: Request) -> HttpResponse:
        return json_response(shapes.who_am_i(principal_of(request), context_of(request._request).address))


class OwnKey(KeyedView):
    """The facts about this key that its holder may see."""

    required_scopes: ClassVar = {"GET": "key:read"}

    @extend_schema(operation_id="key_self", summary="This key", responses=shapes.OwnKey)
    def get(self, request: Request) -> HttpResponse:
        return json_response(shapes.own_key(keys.find_key(principal_of(request).kid)))


class RotateOwnKey(KeyedView):
    """Issue this key's successor; this key keeps working for the chosen overlap."""

    required_scopes: ClassVar = {"POST": "key:rotate"}

    @extend_schema(
        operation_id="key_self_rotate", summary="Rotate this key", request=shapes.Rotate, responses={201: shapes.RotatedKey}
    )
    def post(self, request: Request) -> HttpResponse:
        http, principal = request._request, principal_of(request)
        fields = validated(shapes.Rotate, self._optional_body(request))
        rotated = rotate_own_key(
            principal,
            overlap=keys.Overlap(fields["overlap"]).delta,
            reason=fields["reason"],
            idempotency_key=idempotency_key(http),
            actor=principal.actor(context_of(http)),
        )
        return json_response(shapes.rotated_key(rotated), status=201 if rotated.plaintext else 200)

    def _optional_body(self, request: Request) -> JsonObject:
        return self.read_body(request) if request._request.body else {}


class RevokeOwnKey(RotateOwnKey):
    """End this key for good, at once, with every session and every unused successor made by it."""

    required_scopes: ClassVar = {"POST": "key:revoke"}

    @extend_schema(
        operation_id="key_self_revoke", summary="Revoke this key", request=shapes.Revoke, responses=shapes.RevokedKeys
    )
    def post(self, request: Request) -> HttpResponse:
        principal = principal_of(request)
        fields = validated(shapes.Revoke, self._optional_body(request))
        ended = keys.revoke_key(
            principal.key_id,
            reason=RevokeReason(fields["reason"]),
            comment=fields["comment"],
            actor=principal.actor(context_of(request._request)),
        )
        return json_response({"success": True, "kid": principal.kid, "revoked": ended})
