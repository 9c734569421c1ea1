"""The shape of every credential: minting, recognising, and digesting API keys and session tokens."""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType

from core import base62
from core.keyring import Ring, RingKey
from core.principals import Environment

Digest = NewType("Digest", bytes)
KeyHash = NewType("KeyHash", bytes)

MAX_CREDENTIAL_CHARS: Final = 512
KID_CHARS: Final = 12
SECRET_CHARS: Final = 32
CHECKSUM_CHARS: Final = 6
# Published for secret scanners; contracts.md §1.
KEY_PATTERN: Final = r"\b(sk|ak)_(live|test)_[0-9A-Za-z]{50}\b"

_OWN: Final = re.compile(r"(sk|ak)_(live|test)_([0-9A-Za-z]{12})[0-9A-Za-z]{38}", re.ASCII)
_IMPORTED: Final = re.compile(r"(sk|ak)_(live|test)_([0-9A-Za-z_-]{16,128})", re.ASCII)
_FIFTY_BASE62: Final = re.compile(r"[0-9A-Za-z]{50}", re.ASCII)
# Keys, and the secrets of reseller clients.
_ANYWHERE: Final = re.compile(r"(?:sk|ak|cs)_(?:live|test)_[0-9A-Za-z_-]{16,128}", re.ASCII)
_SESSION_TOKEN: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class KeyKind(StrEnum):
    """`sk` belongs to a partner's backend, `ak` to a Payment or Supplier integration."""

    SECRET = "sk"  # noqa: S105  # a prefix
    SURFACE = "ak"


_PREFIXES: Final = frozenset(f"{kind}_{environment}_" for kind in KeyKind for environment in Environment)


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key before it is stored: the public id and the whole text, which exists only here."""

    kid: str
    plaintext: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A text that has the shape of a key. `kid` is None for a key issued elsewhere: it is found by its hash alone."""

    kind: KeyKind
    environment: Environment
    kid: str | None
    key_hash: KeyHash = field(repr=False)


def mint_key(kind: KeyKind, environment: Environment) -> MintedKey:
    """Make a key of 58 characters: prefix, public id, 190 secret bits, checksum of all that stands before."""
    kid = base62.random_text(KID_CHARS)
    body = f"{kind}_{environment}_{kid}{base62.random_text(SECRET_CHARS)}"
    return MintedKey(kid, body + checksum(body))


def checksum(body: str) -> str:
    """CRC32 of the text in six base62 characters, so that anyone can tell a real key from a look-alike offline."""
    return base62.encode(zlib.crc32(body.encode("ascii")), width=CHECKSUM_CHARS)


def parse_key(text: str) -> ParsedKey | None:
    """Recognise a key without any I/O; None for a text that cannot be one (wrong shape or checksum)."""
    own = _OWN.fullmatch(text)
    if own is not None:
        if checksum(text[:-CHECKSUM_CHARS]) != text[-CHECKSUM_CHARS:]:
            return None
        return ParsedKey(KeyKind(own[1]), Environment(own[2]), own[3], hash_key(text))
    foreign = _IMPORTED.fullmatch(text)
    if foreign is None or _FIFTY_BASE62.fullmatch(foreign[3]):
        return None
    return ParsedKey(KeyKind(foreign[1]), Environment(foreign[2]), None, hash_key(text))


def hash_key(text: str) -> KeyHash:
    """SHA-256 of the whole key: what an import brings along, and what the pepper is applied to."""
    return KeyHash(hashlib.sha256(text.encode("ascii")).digest())


def key_digest(pepper: RingKey, key_hash: KeyHash) -> Digest:
    """The 32 bytes stored for a key: HMAC-SHA256 keyed with a numbered pepper."""
    return Digest(hmac.digest(pepper.secret, key_hash, "sha256"))


def kid_in(text: str) -> str | None:
    """The public id inside a well-formed key of ours; None for anything else."""
    own = _OWN.fullmatch(text)
    return own[3] if own else None


def prefix_of(text: str) -> str:
    """The prefix a text begins with, out of the closed list of those a key may have; empty for anything else."""
    return text[:8] if text[:8] in _PREFIXES else ""


def keys_within(text: str) -> list[str]:
    """Every text inside `text` that is shaped like a key or a client's secret, to spot one in a place where none may stand."""
    return _ANYWHERE.findall(text)


def mint_session_token() -> str:
    """64 lower-case hex characters: 256 random bits."""
    return secrets.token_hex(32)


def is_session_token(text: str) -> bool:
    """Tell whether a text has the shape of a session token."""
    return _SESSION_TOKEN.fullmatch(text) is not None


def secret_digest(pepper: RingKey, *, purpose: str, secret: str) -> Digest:
    """Digest a random secret of ours for look-up; `purpose` keeps digests of different kinds apart."""
    return Digest(hmac.digest(pepper.secret, f"{purpose}\x1f{secret}".encode(), "sha256"))


def secret_digests(ring: Ring, *, purpose: str, secret: str) -> list[bytes]:
    """The digests under every pepper this process knows, newest first: what a look-up must try."""
    return [secret_digest(pepper, purpose=purpose, secret=secret) for pepper in ring]
