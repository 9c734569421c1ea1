"""Reading a player token without believing it: one spelling of everything, a closed list of header fields, strict JSON."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from core.errors import StickerError
from core.strict_json import JsonObject, read_json

MAX_TOKEN_CHARS: Final = 8192
_FORM: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
# `x5t` names a certificate and fetches nothing; it is read by nobody here. What brings a key along, or an address of one
# (`jwk`, `jku`, `x5c`, `x5u`), and what changes the rules of reading (`crit`, `b64`, `zip`) is not on the list.
_HEADER_FIELDS: Final = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
_TYPES: Final = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
# The newer name of the same signature (RFC 9864 §2.2).
_ALIASES: Final = {"Ed25519": "EdDSA"}
_MAX_KID_CHARS: Final = 128
_QUOTED_CHARS: Final = 80


class Step(StrEnum):
    """What is checked, in this order."""

    SHAPE = "shape"
    HEADER = "header"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    KEY = "key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    AUDIENCE = "audience"
    EXPIRY = "expiry"
    NOT_BEFORE = "not_before"
    ISSUED_AT = "issued_at"
    LIFETIME = "lifetime"
    SUBJECT = "subject"
    JTI = "jti"
    PLAYER = "player"


class FlawError(Exception):
    """The first thing wrong with a token: which check, in words, and by how many seconds where it is about time.

    The words are for staff. They may quote the token's issuer, audience and key id, and nothing else of it.
    """

    def __init__(self, step: Step, text: str, *, seconds: float | None = None) -> None:
        super().__init__(text)
        self.step = step
        self.text = text
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class ReadToken:
    """A token taken apart. Nothing in it is proved."""

    algorithm: str
    kid: str
    claims: JsonObject = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def issuer(self) -> str:
        """What `iss` claims, where it is a text."""
        value = self.claims.get("iss")
        return value if isinstance(value, str) else ""

    @property
    def audiences(self) -> list[str]:
        """What `aud` claims: one text, or a list of texts (RFC 7519 §4.1.3); empty for anything else."""
        value = self.claims.get("aud")
        if isinstance(value, str):
            return [value]
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        return []

    @property
    def jti_digest(self) -> bytes:
        """SHA-256 of `jti`: what is kept of a token that was used."""
        return hashlib.sha256(str(self.claims.get("jti", "")).encode()).digest()


def read_token(text: str) -> ReadToken:
    """Take a token apart. No I/O, and no key is looked at.

    Raises: FlawError.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise FlawError(Step.SHAPE, f"The token is longer than {MAX_TOKEN_CHARS} characters.")
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise FlawError(Step.SHAPE, "A token has three parts of base64url letters, with dots between them.")
    header, claims = _json(parts[1], "header"), _json(parts[2], "claims")
    signature = _decoded(parts[3], "signature")
    _check_header(header)
    signed = text[: parts.end(2)].encode("ascii")
    algorithm = str(header["alg"])
    return ReadToken(_ALIASES.get(algorithm, algorithm), header.get("kid", ""), claims, signed, signature)


def quoted(text: str) -> str:
    """A short text of the token, for the words of a flaw: printable, and cut."""
    safe = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:_QUOTED_CHARS])
    return f"'{safe}{'…' if len(text) > _QUOTED_CHARS else ''}'"


def _json(part: str, name: str) -> JsonObject:
    try:
        return read_json(_decoded(part, name))
    except StickerError as error:
        words = error.reason.replace("_", " ")
        raise FlawError(Step.SHAPE, f"The {name} part is not one strict JSON object: {words}.") from error


def _decoded(part: str, name: str) -> bytes:
    # Only the canonical spelling (RFC 4648 §3.5): otherwise one token has many texts.
    try:
        decoded = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise FlawError(Step.SHAPE, f"The {name} part is not base64url.") from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode("ascii"):
        raise FlawError(Step.SHAPE, f"The {name} part is not in the canonical spelling of base64url.")
    return decoded


def _check_header(header: JsonObject) -> None:
    unknown = sorted(set(header) - _HEADER_FIELDS)
    if unknown:
        raise FlawError(Step.HEADER, f"The header may not have the field {quoted(unknown[0])}.")
    if not all(isinstance(value, str) for value in header.values()) or "alg" not in header:
        raise FlawError(Step.HEADER, "The header needs 'alg', and each of its fields is a text.")
    if header.get("typ", "jwt").lower() not in _TYPES:
        raise FlawError(Step.HEADER, f"The header's 'typ' says {quoted(header['typ'])}: this is another kind of token.")
    kid = header.get("kid", "")
    if len(kid) > _MAX_KID_CHARS or not kid.isprintable():
        raise FlawError(Step.HEADER, f"The header's 'kid' is longer than {_MAX_KID_CHARS} characters, or not printable.")
