"""The parts of the API document about credentials in general: looking at them, ending them, and `/.well-known/`."""

from collections.abc import Mapping
from typing import Any, Final

from core.strict_json import JsonObject
from sticker_auth.openapi_examples import Examples

TAGS: Final = {"Credentials": "What a credential is worth, how to end it, and the keys and addresses a machine looks up."}
_NAMES: Final = ("oauth-authorization-server", "oauth-protected-resource")
_JSON: Final = "application/json"
_BASE: Final = "https://auth.example"
_KEY: Final = "sk_test_9Vd1bTq0ZxLm" + "x" * 38
_KEY_SET: Final = {
    "keys": [
        {
            "crv": "Ed25519",
            "kty": "OKP",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "use": "sig",
            "alg": "EdDSA",
        }
    ]
}
_SERVER: Final = {
    "issuer": _BASE,
    "token_endpoint": f"{_BASE}/v1/reseller/token",
    "introspection_endpoint": f"{_BASE}/v1/introspect",
    "revocation_endpoint": f"{_BASE}/v1/revoke",
    "jwks_uri": f"{_BASE}/.well-known/jwks.json",
}
_RESOURCE: Final = {"resource": _BASE, "authorization_servers": [_BASE], "bearer_methods_supported": ["header"]}

GATEWAY_EXAMPLES: Final[Mapping[str, Examples]] = {
    "introspect": Examples(
        requests={
            "key": {"summary": "A key, and where it came from", "value": {"token": _KEY, "client_address": "192.0.2.7"}},
            "token": {"summary": "Any credential", "value": {"token": "eyJhbGciOi…", "token_type_hint": "access_token"}},
        },
        answers={
            "200": {
                "active": True,
                "tenant": "3f0d6a0e-6f0e-4c55-9a57-6b1d1f8f6a01",
                "env": "test",
                "credential": "api_key",
                "token_type": "ApiKey",
                "kind": "sk",
                "scope": "session:create session:read",
                "client_id": "9Vd1bTq0ZxLm",
                "sub": "9Vd1bTq0ZxLm",
                "exp": 1801440000,
            }
        },
    ),
    "revoke": Examples(requests={"key": {"summary": "A key", "value": {"token": _KEY}}}),
}


def pages() -> dict[str, JsonObject]:
    """The documents at `/.well-known/`."""
    jwks, server, resource = (f"/.well-known/{name}" for name in ("jwks.json", *_NAMES))
    return {
        jwks: {"get": _document("jwks", "The keys that verify assertions (RFC 7517)", "application/jwk-set+json", _KEY_SET)},
        server: {"get": _document("oauth_server", "What we are as an OAuth server (RFC 8414)", _JSON, _SERVER)},
        resource: {"get": _document("oauth_resource", "What we are as a protected resource (RFC 9728)", _JSON, _RESOURCE)},
    }


def _document(name: str, summary: str, media_type: str, example: Mapping[str, Any]) -> JsonObject:
    content = {media_type: {"schema": {"type": "object", "required": sorted(example)}, "example": example}}
    return {
        "operationId": name,
        "summary": summary,
        "description": "May be kept for 300 seconds.",
        "tags": ["Credentials"],
        "security": [],
        "responses": {"200": {"description": "The document.", "content": content}},
    }
