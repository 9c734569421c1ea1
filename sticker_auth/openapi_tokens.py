"""The parts of the API document that are about getting tokens: logins, OAuth's token endpoints, and how these refuse."""

from collections.abc import Mapping
from typing import Final

from core.api import ApiView
from core.errors import MultipleCredentialsError, RateLimitExceededError, StickerError
from core.strict_json import JsonObject
from sticker_auth.openapi_examples import Examples
from sticker_auth.openapi_parts import REQUEST_ID
from surfaces.oauth import error_name
from surfaces.token_errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    LoginFailedError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
)
from surfaces.token_shapes import ACCESS_TOKEN_TYPE
from surfaces.token_views import CustomerLoginView, GenerateTokenView, OAuthView

TAG: Final = "Tokens"
TAGS: Final = {
    TAG: (
        "How access tokens are had. A reseller's account signs in with e-mail and password, a reseller's program with a client"
        " id and secret; a shop's customer signs in with a password, or brings a token that the shop itself signed."
    )
}
MODULE: Final = "surfaces.token_views"
OAUTH_ERROR: Final = "OAuthError"
_GRANTS: Final = (UnsupportedGrantTypeError, UnauthorizedClientError, InvalidScopeError, RateLimitExceededError)
RAISES: Final[Mapping[str, tuple[type[StickerError], ...]]] = {
    "generate_token": (LoginFailedError, RateLimitExceededError),
    "customer_login": (LoginFailedError, RateLimitExceededError),
    "reseller_token": (*_GRANTS, InvalidClientError, MultipleCredentialsError),
    "storefront_token": (*_GRANTS, InvalidGrantError),
}
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "generate_token": ("Region", "WantedTenant"),
    "customer_login": ("Region", "WantedTenant", "WantedShop"),
    "storefront_token": ("WantedTenant", "WantedShop"),
}
_TOKEN: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"  # noqa: S105  # an example
_EXPIRATION: Final = "2026-01-31T10:30:00.000Z"
_LOGIN: Final = {"Email": "ada@northwind.example", "Password": "your password", "callbackData": "cart-17"}
_REFRESH: Final = "0123456789abcdef" * 6

EXAMPLES: Final[Mapping[str, Examples]] = {
    "generate_token": Examples(
        requests={"account": {"summary": "An account and its password", "value": _LOGIN}},
        answers={
            "200": {
                "success": True,
                "message": "OK",
                "data": {"Token": _TOKEN, "Expiration": _EXPIRATION, "callbackData": "cart-17"},
            }
        },
    ),
    "customer_login": Examples(
        requests={"customer": {"summary": "A customer and their password", "value": _LOGIN}},
        answers={
            "200": {
                "success": True,
                "message": "OK",
                "data": {
                    "Token": _TOKEN,
                    "Expiration": _EXPIRATION,
                    "callbackData": "cart-17",
                    "RefreshToken": _REFRESH,
                    "RefreshExpiration": "2026-03-02T09:30:00.000Z",
                },
            }
        },
    ),
    "reseller_token": Examples(
        requests={
            "body": {
                "summary": "Credentials in the body",
                "value": {
                    "grant_type": "client_credentials",
                    "client_id": "rc_test_9Vd1bTq0ZxLm4Rf2",
                    "client_secret": "your secret",
                    "scope": "orders:create",
                },
            }
        },
        answers={"200": {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "orders:create"}},
    ),
    "storefront_token": Examples(
        requests={
            "exchange": {
                "summary": "A player token of the shop's own issuer",
                "value": {
                    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                    "subject_token": "the player token",
                    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                },
            },
            "refresh": {
                "summary": "A refresh token",
                "value": {"grant_type": "refresh_token", "refresh_token": _REFRESH},
            },
        },
        answers={
            "200": {
                "access_token": _TOKEN,
                "token_type": "Bearer",
                "expires_in": 900,
                "scope": "orders:create orders:read products:read",
                "issued_token_type": ACCESS_TOKEN_TYPE,
            }
        },
    ),
}


def is_numbered(view: type[ApiView]) -> bool:
    """Tell whether a login refuses in the platform's numbers."""
    return issubclass(view, GenerateTokenView | CustomerLoginView)


def is_oauth(view: type[ApiView]) -> bool:
    """Tell whether an endpoint refuses in OAuth's words."""
    return issubclass(view, OAuthView)


def security(operation_id: str) -> list[JsonObject]:
    """What proves the caller: a client's credentials by Basic, a customer's access token, or what stands in the body."""
    if operation_id == "reseller_token":
        return [{"clientBasic": []}, {}]
    return [{"storefrontToken": []}, {}] if operation_id == "storefront_logout" else []


def components() -> dict[str, dict[str, JsonObject]]:
    """The reusable parts by kind and name."""
    return {"securitySchemes": _SECURITY, "parameters": _PARAMETERS, "schemas": {OAUTH_ERROR: _oauth_error()}}


def error_example(error: type[StickerError]) -> JsonObject:
    """The body of an OAuth refusal as a client meets it."""
    waits = {"retry_after": 2} if error.status in (429, 503) else {}
    return {
        "error": error_name(error.slug),
        "error_description": error.message.replace('"', "'"),
        "code": error.code,
        "name": error.slug,
        "request_id": REQUEST_ID,
        **waits,
    }


def _oauth_error() -> JsonObject:
    return {
        "type": "object",
        "description": "A refusal of a token endpoint (RFC 6749 §5.2), with the number and name it has everywhere else.",
        "required": ["error", "error_description", "code", "name", "request_id"],
        "properties": {
            "error": {"type": "string", "description": "One of the standard's words."},
            "error_description": {"type": "string", "description": "For a person."},
            "code": {"type": "integer"},
            "name": {"type": "string"},
            "request_id": {"type": "string"},
            "retry_after": {"type": "integer", "description": "Seconds to wait; with 429 and 503."},
        },
    }


def _header(name: str, text: str, example: str) -> JsonObject:
    schema = {"type": "string", "maxLength": 63}
    return {"name": name, "in": "header", "required": False, "description": text, "schema": schema, "example": example}


_SECURITY: Final[dict[str, JsonObject]] = {
    "clientBasic": {"type": "http", "scheme": "basic", "description": "The client id and secret, by HTTP Basic."},
}
_PARAMETERS: Final[dict[str, JsonObject]] = {
    "Region": _header("h-region-code", "Where the caller is, as a code of two letters. Kept in the ledger.", "TR"),
    "WantedTenant": _header(
        "X-Tenant", "The tenant, by its slug or id, where the host called is not the tenant's own.", "acme"
    ),
    "WantedShop": _header("X-Shop-Handle", "The same, for clients that know it under this name.", "acme"),
}
