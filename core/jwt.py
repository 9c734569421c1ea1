"""Access tokens of our own: HS256, `typ` at+jwt (RFC 9068), several numbered keys at once, and a verifier that assumes nothing.

PyJWT does the cryptography; what it would let pass (unknown header fields, doubled claims, loosely typed values, a missing
expiry) is refused here first.
"""

import base64
import binascii
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import jwt

from core.errors import StickerError
from core.keyring import jwt_ring
from core.strict_json import JsonObject, read_json

ALGORITHM: Final = "HS256"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105  # a media type
MAX_TOKEN_CHARS: Final = 8192
_FORM: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+", re.ASCII)
_KID: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_HEADER_FIELDS: Final = frozenset({"alg", "typ", "kid"})
_TEXT_CLAIMS: Final = ("iss", "sub", "aud", "jti", "tenant", "surface", "scope", "env")
_TIME_CLAIMS: Final = ("iat", "nbf", "exp")


class InvalidTokenError(Exception):
    """A token that proves nothing; `reason` is for the ledger."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def mint(claims: Mapping[str, Any], *, lifetime_seconds: int) -> str:
    """Sign claims with the newest key, adding `iat`, `nbf`, `exp` (seconds since 1970) and a random `jti`."""
    key = jwt_ring().active
    now = int(time.time())
    payload = {**claims, "iat": now, "nbf": now, "exp": now + lifetime_seconds, "jti": secrets.token_urlsafe(16)}
    return jwt.encode(payload, key.secret, algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": str(key.id)})


def verify(token: str, *, issuer: str, audience: str) -> JsonObject:
    """Prove a token of ours and return its claims.

    Raises: InvalidTokenError with the first thing that is wrong. RFC 8725 §3.
    """
    header, claims = _read_parts(token)
    if set(header) != _HEADER_FIELDS or header["alg"] != ALGORITHM or header["typ"] != TOKEN_TYPE:
        raise InvalidTokenError("header")
    key = jwt_ring().get(int(header["kid"])) if _KID.fullmatch(str(header["kid"])) else None
    if key is None:
        raise InvalidTokenError("kid")
    if not all(isinstance(claims.get(name), str) for name in _TEXT_CLAIMS) or not all(
        type(claims.get(name)) is int for name in _TIME_CLAIMS
    ):
        raise InvalidTokenError("claims")
    try:
        jwt.decode(token, key.secret, algorithms=[ALGORITHM], issuer=issuer, audience=audience)
    except jwt.PyJWTError as error:
        raise InvalidTokenError(type(error).__name__) from error
    return claims


def _read_parts(token: str) -> tuple[JsonObject, JsonObject]:
    parts = _FORM.fullmatch(token) if len(token) <= MAX_TOKEN_CHARS else None
    if parts is None:
        raise InvalidTokenError("shape")
    try:
        return read_json(_decode(parts[1])), read_json(_decode(parts[2]))
    except (StickerError, binascii.Error) as error:
        raise InvalidTokenError("shape") from error


def _decode(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
