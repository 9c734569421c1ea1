"""Access tokens of our own: HS256, `typ` at+jwt (RFC 9068), several numbered keys at once, and a verifier that assumes nothing.

PyJWT does the cryptography; what it would let pass (unknown header fields, doubled claims, loosely typed values, a missing
expiry, spellings of base64 that differ and decode alike) is refused here first. Nothing a token says is ever fetched.
"""

import base64
import binascii
import re
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt

from core.errors import StickerError
from core.keyring import jwt_ring
from core.strict_json import JsonObject, read_json

ALGORITHM: Final = "HS256"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105  # a media type
MAX_TOKEN_CHARS: Final = 8192
_FORM: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_KID: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_HEADER_FIELDS: Final = frozenset({"alg", "typ", "kid"})
_TEXT_CLAIMS: Final = ("iss", "sub", "aud", "jti", "tenant", "surface", "scope", "env")
_OPTIONAL_TEXT_CLAIMS: Final = ("client_id", "sid")
_TIME_CLAIMS: Final = ("iat", "nbf", "exp")
# The last second that Python, PostgreSQL and people agree on: 9999-12-31T23:59:59Z.
_LAST_SECOND: Final = 253_402_300_799
# PyJWT is asked for the signature alone: what the claims mean is judged here, their times by the database where it is asked.
_SIGNATURE: Final = jwt.PyJWS(algorithms=[ALGORITHM])


class TokenFault(StrEnum):
    """What is wrong with a token, the first thing found; for the ledger."""

    SHAPE = "token_shape"
    HEADER = "token_header"
    KID = "token_kid"
    CLAIMS = "token_claims"
    SIGNATURE = "token_signature"
    ISSUER = "token_issuer"
    AUDIENCE = "token_audience"
    EXPIRED = "token_expired"
    NOT_YET = "token_not_yet_valid"


class InvalidTokenError(Exception):
    """A token that proves nothing; `reason` is for the ledger."""

    def __init__(self, reason: TokenFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SignedToken:
    """What a token says, proven to be signed by us with the key of that number."""

    kid: str
    claims: JsonObject


def mint(claims: Mapping[str, Any], *, lifetime_seconds: int, issued_at: int | None = None) -> str:
    """Sign claims with the newest key, adding `iat`, `nbf`, `exp` (seconds since 1970) and a random `jti`.

    `issued_at` is the database's clock where the caller has just asked it, else this machine's.
    """
    key = jwt_ring().active
    now = int(time.time()) if issued_at is None else issued_at
    payload = {**claims, "iat": now, "nbf": now, "exp": now + lifetime_seconds, "jti": secrets.token_urlsafe(16)}
    return jwt.encode(payload, key.secret, algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": str(key.id)})


def verify(token: str, *, issuer: str, audience: str) -> JsonObject:
    """Prove a token of ours, its times by this machine's clock, and return its claims.

    Raises: InvalidTokenError with the first thing that is wrong. RFC 8725 §3.
    """
    claims = read_signed(token, issuer=issuer, audiences=[audience]).claims
    now = time.time()
    if claims["exp"] <= now:
        raise InvalidTokenError(TokenFault.EXPIRED)
    if claims["nbf"] > now or claims["iat"] > now:
        raise InvalidTokenError(TokenFault.NOT_YET)
    return claims


def read_signed(token: str, *, issuer: str, audiences: Collection[str]) -> SignedToken:
    """Prove everything about a token for one of some audiences but its times, which are left to the database's clock.

    Raises: InvalidTokenError.
    """
    header, claims = _read_parts(token)
    if set(header) != _HEADER_FIELDS or header["alg"] != ALGORITHM or header["typ"] != TOKEN_TYPE:
        raise InvalidTokenError(TokenFault.HEADER)
    key = jwt_ring().get(int(header["kid"])) if _KID.fullmatch(str(header["kid"])) else None
    if key is None or not isinstance(header["kid"], str):
        raise InvalidTokenError(TokenFault.KID)
    try:
        _SIGNATURE.decode(token, key.secret, algorithms=[ALGORITHM])
    except jwt.PyJWTError as error:
        raise InvalidTokenError(TokenFault.SIGNATURE) from error
    if not _are_typed(claims):
        raise InvalidTokenError(TokenFault.CLAIMS)
    if claims["iss"] != issuer:
        raise InvalidTokenError(TokenFault.ISSUER)
    if claims["aud"] not in audiences:
        raise InvalidTokenError(TokenFault.AUDIENCE)
    return SignedToken(header["kid"], claims)


def _are_typed(claims: JsonObject) -> bool:
    """Tell whether every claim we use has the one type we write; `bool` is an `int` to Python, not to us."""
    return (
        all(isinstance(claims.get(name), str) for name in _TEXT_CLAIMS)
        and all(isinstance(claims.get(name, ""), str) for name in _OPTIONAL_TEXT_CLAIMS)
        and all(type(claims.get(name)) is int and 0 <= claims[name] <= _LAST_SECOND for name in _TIME_CLAIMS)
        and _are_epochs(claims.get("epochs", {}))
    )


def _are_epochs(value: object) -> bool:
    return isinstance(value, dict) and all(type(each) is int for each in value.values())


def _read_parts(token: str) -> tuple[JsonObject, JsonObject]:
    parts = _FORM.fullmatch(token) if len(token) <= MAX_TOKEN_CHARS else None
    if parts is None:
        raise InvalidTokenError(TokenFault.SHAPE)
    try:
        _decode(parts[3])
        return read_json(_decode(parts[1])), read_json(_decode(parts[2]))
    except (StickerError, binascii.Error) as error:
        raise InvalidTokenError(TokenFault.SHAPE) from error


def _decode(part: str) -> bytes:
    """Decode base64url in its one canonical spelling: without padding, the unused bits zero (RFC 4648 §3.5)."""
    decoded = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") != part:
        raise binascii.Error("not canonical")
    return decoded
