"""The signed identity assertion: 60 seconds of proof for an upstream that need not trust the network between it and the proxy.

An EdDSA JWT (Ed25519, RFC 8037) whose public keys are published, so that an upstream checks it with any JOSE library and holds
no secret. It names the request it was made for, method and path, so that it is worth nothing on another one.
"""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from core.keyring import RingKey, assertion_ring

ALGORITHM: Final = "EdDSA"
ASSERTION_TYPE: Final = "sticker-assertion+jwt"
LIFETIME_SECONDS: Final = 60
# How long a verifier may keep the key set. A new key is published that long before it signs (docs/gateway.md).
KEY_SET_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Assertion:
    """Who was proven, and the one request it holds for. `path` is the path as the client wrote it, without the query."""

    audience: str
    policy: str
    subject: str
    tenant: str
    surface: str
    scope: str
    environment: str
    key_id: str | None
    session_id: str | None
    method: str
    path: str


def sign(assertion: Assertion) -> str:
    """Sign an assertion with the newest key; it holds for 60 seconds by this machine's clock."""
    key = assertion_ring().active
    now = int(time.time())
    claims = {
        "iss": settings.PUBLIC_BASE_URL,
        "aud": assertion.audience,
        "sub": assertion.subject,
        "tenant": assertion.tenant,
        "surface": assertion.surface,
        "scope": assertion.scope,
        "env": assertion.environment,
        "policy": assertion.policy,
        "method": assertion.method,
        "path_sha256": path_digest(assertion.path),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": secrets.token_urlsafe(12),
        **{name: value for name, value in (("key_id", assertion.key_id), ("sid", assertion.session_id)) if value},
    }
    signer = _signer(key)
    return jwt.encode(claims, signer.private, algorithm=ALGORITHM, headers={"typ": ASSERTION_TYPE, "kid": signer.kid})


def path_digest(path: str) -> str:
    """Base64url of the SHA-256 of a path as it stood on the wire: what an upstream compares with its own request."""
    return _base64url(hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest())


def key_set() -> dict[str, list[dict[str, str]]]:
    """The public keys of every assertion key this process knows, staged ones too, as a JWK Set (RFC 7517)."""
    return {"keys": [dict(_signer(key).public) for key in assertion_ring()]}


@dataclass(frozen=True, slots=True)
class _Signer:
    """One key of the ring, ready to sign. `kid` is the key's thumbprint (RFC 7638): a number used again is another key."""

    private: Any
    public: dict[str, str]
    kid: str


@lru_cache(maxsize=32)
def _signer(key: RingKey) -> _Signer:
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    public = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(private.public_key().public_bytes_raw())}
    kid = _base64url(hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest())
    return _Signer(private, {**public, "kid": kid, "use": "sig", "alg": ALGORITHM}, kid)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
