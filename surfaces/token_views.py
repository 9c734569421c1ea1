"""The doors where tokens are asked for: logins in their published form, OAuth's token endpoints, and the way out."""

from collections.abc import Mapping
from typing import ClassVar, Final

import structlog
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api import ApiView, as_sticker_error, refuse
from core.errors import InvalidRequestError, MethodNotAllowedError
from core.http import context_of
from core.responses import json_response, platform_success
from surfaces import token_shapes as shapes
from surfaces.oauth import client_credentials, oauth_error, read_parameters, wanted_scopes
from surfaces.services import exchanges, login_sessions, logins, sign_out, token_grants
from surfaces.tenants import WantedTenant, wanted_tenant
from surfaces.token_errors import UnsupportedGrantTypeError

log = structlog.get_logger("sticker.api")

CLIENT_CREDENTIALS: Final = "client_credentials"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a name
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105  # a name


class GenerateTokenView(ApiView):
    """Get a Reseller token for an account's e-mail address and password (Generate Token)."""

    @extend_schema(
        operation_id="generate_token",
        summary="Get a Reseller token by password",
        request=shapes.LoginRequest,
        responses=shapes.LoginAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        http, body = request._request, self.read_body(request)
        credentials = shapes.read_credentials(body, tenant=tenant_of(http))
        token = logins.login_reseller(credentials, region=region_of(http), context=context_of(http))
        return platform_success(shapes.login_answer(token, body))


class CustomerLoginView(ApiView):
    """Sign a tenant's customer in to Storefront with e-mail address and password."""

    @extend_schema(
        operation_id="customer_login",
        summary="Sign a customer in by password",
        request=shapes.LoginRequest,
        responses=shapes.CustomerLoginAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        http, body = request._request, self.read_body(request)
        credentials = shapes.read_credentials(body, tenant=tenant_of(http))
        signed_in = logins.login_customer(credentials, region=region_of(http), context=context_of(http))
        return platform_success(shapes.customer_login_answer(signed_in, body))


class OAuthView(ApiView):
    """A token endpoint: its parameters come by form or JSON, and its refusals are OAuth's."""

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        request: HttpRequest = self.request._request
        error = as_sticker_error(exc)
        if isinstance(error, MethodNotAllowedError):
            error.headers["Allow"] = ", ".join(sorted(self.allowed_methods))
        if error.status >= 500:
            log.error("request.failed", slug=error.slug, path=request.path, exc_info=exc)
        refuse(request, error)
        return oauth_error(request, error)


class ResellerTokenView(OAuthView):
    """Get a Reseller token for a client's id and secret (RFC 6749, client credentials)."""

    @extend_schema(
        operation_id="reseller_token",
        summary="Get a Reseller token by client secret",
        request={"application/x-www-form-urlencoded": shapes.ClientTokenRequest, "application/json": shapes.ClientTokenRequest},
        responses=shapes.TokenAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        parameters = read_parameters(http)
        if parameters.get("grant_type", CLIENT_CREDENTIALS) != CLIENT_CREDENTIALS:
            raise UnsupportedGrantTypeError(reason="grant_type")
        credentials, scopes = client_credentials(http, parameters), wanted_scopes(parameters)
        token = token_grants.grant_client_token(credentials, scopes=scopes, context=context_of(http))
        return oauth_success(shapes.token_answer(token))


class StorefrontTokenView(OAuthView):
    """Get a Storefront token for a player token (RFC 8693), or for a refresh token, which is replaced by the next one."""

    @extend_schema(
        operation_id="storefront_token",
        summary="Exchange a player token, or refresh",
        request={
            "application/x-www-form-urlencoded": shapes.StorefrontTokenRequest,
            "application/json": shapes.StorefrontTokenRequest,
        },
        responses=shapes.StorefrontTokenAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        parameters = read_parameters(http)
        grant_type = parameters.get("grant_type", "")
        if grant_type == TOKEN_EXCHANGE:
            signed_in = exchange(http, parameters)
        elif grant_type == REFRESH_TOKEN:
            token = required(parameters, "refresh_token")
            signed_in = login_sessions.refresh_session(token, scopes=wanted_scopes(parameters), context=context_of(http))
        else:
            raise UnsupportedGrantTypeError(reason="grant_type")
        return oauth_success(shapes.storefront_token_answer(signed_in))


class StorefrontLogoutView(ApiView):
    """Sign a customer out, by access token or refresh token; 204 whether or not a session was open."""

    granting_fields: ClassVar = frozenset()

    @extend_schema(
        operation_id="storefront_logout", summary="Sign a customer out", request=shapes.LogoutRequest, responses={204: None}
    )
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        parameters = read_parameters(http)
        scheme, _, bearer = str(http.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
        access_token = bearer.strip() if scheme.lower() == "bearer" else ""
        sign_out.sign_out(access_token, parameters.get("refresh_token", ""), context=context_of(http))
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


def exchange(http: HttpRequest, parameters: Mapping[str, str]) -> login_sessions.SignedIn:
    """Read and make an exchange.

    Raises: InvalidRequestError, and what the service raises.
    """
    one_of(parameters, "subject_token_type", shapes.SUBJECT_TOKEN_TYPES, is_required=True)
    one_of(parameters, "requested_token_type", (shapes.ACCESS_TOKEN_TYPE,), is_required=False)
    if "actor_token" in parameters:
        raise InvalidRequestError("An actor token is not accepted.", reason="actor_token")
    return exchanges.exchange_player_token(
        required(parameters, "subject_token"),
        shop=tenant_of(http).name,
        scopes=wanted_scopes(parameters),
        context=context_of(http),
    )


def oauth_success(answer: Mapping[str, object]) -> HttpResponse:
    """An answer with a token: no cache may keep it (RFC 6749 §5.1)."""
    return json_response(answer, headers={"Pragma": "no-cache"})


def required(parameters: Mapping[str, str], name: str) -> str:
    """A parameter that must be there.

    Raises: InvalidRequestError.
    """
    if name not in parameters:
        raise InvalidRequestError(f"The parameter {name} is missing.", reason="parameter")
    return parameters[name]


def one_of(parameters: Mapping[str, str], name: str, known: tuple[str, ...], *, is_required: bool) -> None:
    """Insist that a parameter has a known value.

    Raises: InvalidRequestError.
    """
    value = required(parameters, name) if is_required else parameters.get(name, known[0])
    if value not in known:
        raise InvalidRequestError(f"The parameter {name} has a value that is not known here.", reason="parameter")


def tenant_of(http: HttpRequest) -> WantedTenant:
    """The tenant that a call without a credential names."""
    names = (http.META.get("HTTP_X_TENANT", ""), http.META.get("HTTP_X_SHOP_HANDLE", ""))
    return wanted_tenant(host=http.META.get("HTTP_HOST", ""), names=names)


def region_of(http: HttpRequest) -> str:
    """The region a login names."""
    return shapes.read_region(http.META.get("HTTP_H_REGION_CODE", ""))
