"""The parts of the API document that are the platform's: the four surfaces, what opens each, and refusals by number."""

from typing import Final

from core.errors import (
    ForbiddenError,
    InvalidApiKeyError,
    MultipleCredentialsError,
    PartnerSuspendedError,
    RateLimitExceededError,
    StickerError,
    UnauthorizedError,
    catalogue,
)
from core.strict_json import JsonObject
from sticker_auth.openapi_parts import KEY_SCHEMES, REQUEST_ID
from surfaces.authentication import SurfaceView
from surfaces.errors import InvalidAccessTokenError, NoRuleError, NotEntitledError
from surfaces.names import SurfaceName

TAGS: Final = {
    "Reseller": "For resellers' systems, with an access token of the Reseller surface. Refusals are `PlatformError`s.",
    "Storefront": (
        "For end customers' browsers and apps, with an access token of the Storefront surface or, where the tenant has"
        " registered an issuer, a player token."
    ),
    "Payment": "For payment integrations, with a surface API key (`ak_…`); every bad key is 401 with the code -23.",
    "Supplier": "For suppliers' integrations, with a surface API key (`ak_…`); every bad key is 401 with the code -23.",
    "Surfaces": "What concerns all four surfaces.",
}
SHOP_HANDLE: Final = "ShopHandle"
_OPENED_BY_TOKEN: Final[dict[SurfaceName, tuple[str, ...]]] = {
    SurfaceName.RESELLER: ("resellerToken",),
    SurfaceName.STOREFRONT: ("storefrontToken", "playerToken"),
}


def components() -> dict[str, dict[str, JsonObject]]:
    """The reusable parts by kind and name."""
    schemas = {"PlatformError": _platform_error()}
    return {"securitySchemes": _SECURITY, "parameters": {SHOP_HANDLE: _SHOP_HANDLE}, "schemas": schemas}


def parameters(view: type[SurfaceView]) -> tuple[str, ...]:
    """The parameters all endpoints of a surface have, by their names."""
    return (SHOP_HANDLE,) if view.surface is SurfaceName.STOREFRONT else ()


def security(view: type[SurfaceView], method: str) -> list[JsonObject]:
    """What opens an endpoint of a surface, as its rule is seeded."""
    scope = view.required_scopes[method]
    schemes = _OPENED_BY_TOKEN.get(view.surface, KEY_SCHEMES)
    return [{name: [scope] if scope else []} for name in schemes]


def errors_of(view: type[SurfaceView], method: str) -> list[type[StickerError]]:
    """The refusals that the rules may give."""
    if view.surface in _OPENED_BY_TOKEN:
        unknown: list[type[StickerError]] = [UnauthorizedError, InvalidAccessTokenError, MultipleCredentialsError]
    else:
        unknown = [InvalidApiKeyError]
    scope: list[type[StickerError]] = [ForbiddenError] if view.required_scopes[method] else []
    return [*unknown, *scope, PartnerSuspendedError, NotEntitledError, NoRuleError, RateLimitExceededError]


def error_example(error: type[StickerError]) -> JsonObject:
    """The body of a numbered refusal as a caller meets it."""
    waits = {"retry_after": 2} if error.status in (429, 503) else {}
    return {
        "success": False,
        "code": error.code,
        "message": error.message,
        "data": None,
        "name": error.slug,
        "request_id": REQUEST_ID,
        **waits,
    }


def _bearer(surface: str) -> JsonObject:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": f"An access token of the {surface} surface: `Authorization: Bearer TOKEN`, and in no other header.",
    }


_SECURITY: Final[dict[str, JsonObject]] = {
    "resellerToken": _bearer("Reseller"),
    "storefrontToken": _bearer("Storefront"),
    "playerToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "A token that the shop's own registered issuer signed for its player: `Authorization: Bearer TOKEN`, with the"
            " shop in `X-Shop-Handle`."
        ),
    },
}
_SHOP_HANDLE: Final[JsonObject] = {
    "name": "X-Shop-Handle",
    "in": "header",
    "required": False,
    "description": (
        "The shop, by its slug or id. With a player token it says whose issuer is meant, unless one shop alone has that"
        " issuer; with an access token of ours it must be the token's own."
    ),
    "schema": {"type": "string", "maxLength": 63},
    "example": "acme",
}


def _platform_error() -> JsonObject:
    return {
        "type": "object",
        "description": "A refusal of the platform's surfaces. The number is the one in the catalogue at `/v1/errors`.",
        "required": ["success", "code", "message", "data", "name", "request_id"],
        "properties": {
            "success": {"type": "boolean", "const": False},
            "code": {"type": "integer", "enum": [entry.code for entry in catalogue()]},
            "message": {"type": "string", "description": "What is wrong and what to do, for a person."},
            "data": {"type": "null"},
            "name": {"type": "string", "enum": [entry.slug for entry in catalogue()]},
            "request_id": {"type": "string"},
            "details": {"type": "array", "items": {"$ref": "#/components/schemas/ErrorDetail"}},
            "retry_after": {"type": "integer", "description": "Seconds to wait; with 429 and 503."},
        },
    }
