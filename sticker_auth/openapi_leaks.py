"""The parts of the API document about leaked credentials: how they are reported, and what scanners look for."""

from collections.abc import Mapping
from typing import Any, Final

from core.errors import NotFoundError, RateLimitExceededError, StickerError, UnauthorizedError
from core.strict_json import JsonObject
from sticker_auth.openapi_examples import Examples
from surfaces import secret_format
from surfaces.leak_shapes import RECEIVED

TAG: Final = "Leaks"
TAGS: Final = {TAG: "Found a key where it should not be? Whoever holds a credential may have it ended. Its owner is told."}
MODULE: Final = "surfaces.leak_views"
RAISES: Final[Mapping[str, tuple[type[StickerError], ...]]] = {
    "leak_report": (RateLimitExceededError,),
    "leaks_github": (RateLimitExceededError, UnauthorizedError, NotFoundError),
}
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {"leaks_github": ("GithubKeyIdentifier", "GithubKeySignature")}
_FOUND: Final = "https://git.example/acme/shop/blob/main/.env"
_KEY: Final = "sk_test_9Vd1bTq0ZxLm" + "x" * 38
_SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

LEAK_EXAMPLES: Final[Mapping[str, Examples]] = {
    "leak_report": Examples(
        requests={"key": {"summary": "A key, and where it was", "value": {"credential": _KEY, "url": _FOUND}}},
        answers={"202": RECEIVED},
    ),
    "leaks_github": Examples(
        requests={
            "finding": {
                "summary": "One finding",
                "value": [{"token": _KEY, "type": "sticker_api_key", "url": _FOUND, "source": "content"}],
            }
        },
        answers={"200": [{"token_hash": _SHA256, "token_type": "sticker_api_key", "label": "true_positive"}]},
    ),
}


def components() -> dict[str, dict[str, JsonObject]]:
    """The reusable parts by kind and name."""
    return {
        "parameters": {
            "GithubKeyIdentifier": _header("Github-Public-Key-Identifier", "The id of the key that signed."),
            "GithubKeySignature": _header("Github-Public-Key-Signature", "ECDSA P-256 over SHA-256 of the body; DER, base64."),
        }
    }


def pages() -> dict[str, JsonObject]:
    """The document at `/.well-known/`."""
    example = secret_format.document()
    schema = {"type": "object", "required": sorted(example)}
    return {
        "/.well-known/secret-format.json": {
            "get": {
                "operationId": "secret_format",
                "summary": "What our secrets look like, for scanners",
                "description": "May be kept for a day.",
                "tags": [TAG],
                "security": [],
                "responses": {
                    "200": {
                        "description": "The document.",
                        "content": {"application/json": {"schema": schema, "example": example}},
                    }
                },
            }
        }
    }


def _header(name: str, text: str) -> JsonObject:
    schema: dict[str, Any] = {"type": "string", "maxLength": 256}
    return {"name": name, "in": "header", "required": True, "description": text, "schema": schema}
