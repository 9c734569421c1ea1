"""Numbered secrets of the service itself: the newest signs, all verify, a staged one only verifies.

A ring is written `1:<base64url>,2:<base64url>`. In a rolling deployment the next secret is first given to every process
as `+3:<base64url>` (known, not yet used to sign) and loses its plus sign once all of them know it. Where rings stand in a
file (`core.keyring_file`), running processes follow it, and `manage.py rotate_ring` does both steps.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core.keyring_file import WatchedFile

MIN_SECRET_BYTES: Final = 32
_EXACT_BYTES: Final = {"STICKER_ASSERTION_KEYS": 32, "STICKER_LEDGER_KEYS": 32}
_ENTRY: Final = re.compile(r"(\+?)([1-9][0-9]{0,4}):([A-Za-z0-9_-]+=*)")


@dataclass(frozen=True, slots=True)
class RingKey:
    """One secret and its number."""

    id: int
    secret: bytes = field(repr=False)


class Ring:
    """An ordered set of numbered secrets of one kind."""

    __slots__ = ("_keys", "active")

    def __init__(self, keys: dict[int, RingKey], active: RingKey) -> None:
        self._keys = keys
        self.active = active

    def get(self, key_id: int) -> RingKey | None:
        """Find a secret by its number; None when this process does not know it."""
        return self._keys.get(key_id)

    def __iter__(self) -> Iterator[RingKey]:
        return iter(sorted(self._keys.values(), key=lambda k: k.id, reverse=True))

    def __len__(self) -> int:
        return len(self._keys)


def parse_ring(text: str, *, setting: str, exact_bytes: int | None = None) -> Ring:
    """Read a ring from its setting; `exact_bytes` where a secret is a key of a fixed length.

    Raises: ImproperlyConfigured naming the setting, never the value, when an entry is malformed, doubled or too short.
    """
    keys: dict[int, RingKey] = {}
    staged: set[int] = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = _ENTRY.fullmatch(entry)
        secret = _decode(match[3]) if match else None
        if match is None or secret is None or int(match[2]) in keys:
            raise ImproperlyConfigured(f"{setting}: each entry must read NUMBER:BASE64URL, each number once")
        if len(secret) < MIN_SECRET_BYTES:
            raise ImproperlyConfigured(f"{setting}: each secret needs at least {MIN_SECRET_BYTES} random bytes")
        if exact_bytes and len(secret) != exact_bytes:
            raise ImproperlyConfigured(f"{setting}: each secret needs exactly {exact_bytes} random bytes")
        keys[int(match[2])] = RingKey(int(match[2]), secret)
        if match[1]:
            staged.add(int(match[2]))
    signing = sorted(set(keys) - staged)
    if not signing:
        raise ImproperlyConfigured(f"{setting} is missing: set at least one numbered secret")
    return Ring(keys, keys[signing[-1]])


def _decode(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None


def check_ring(text: str, *, setting: str) -> Ring:
    """Read a ring as its setting wants it.

    Raises: ImproperlyConfigured.
    """
    return parse_ring(text, setting=setting, exact_bytes=_EXACT_BYTES.get(setting))


@lru_cache(maxsize=32)
def _cached(text: str, setting: str) -> Ring:
    return check_ring(text, setting=setting)


@lru_cache(maxsize=4)
def _watched(path: str) -> WatchedFile:
    return WatchedFile(path, check=lambda setting, text: check_ring(text, setting=setting))


def _ring(setting: str) -> Ring:
    """The ring in force: what the file says where it names this ring, else what the setting says."""
    path: str = settings.STICKER_KEYRING_FILE
    text = _watched(path).current().get(setting) if path else None
    return _cached(text or getattr(settings, setting), setting)


def pepper_ring() -> Ring:
    """The peppers that key the digests of API keys, session tokens and embed handles."""
    return _ring("STICKER_PEPPERS")


def jwt_ring() -> Ring:
    """The HS256 secrets that sign access tokens."""
    return _ring("STICKER_JWT_KEYS")


def encryption_ring() -> Ring:
    """The keys that encrypt secrets of partners which must be read back (`core.encryption`)."""
    return _ring("STICKER_ENCRYPTION_KEYS")


def ledger_ring() -> Ring:
    """The Ed25519 seeds that sign the seals of the ledger."""
    return _ring("STICKER_LEDGER_KEYS")


def assertion_ring() -> Ring:
    """The Ed25519 seeds that sign what others verify by our published keys."""
    return _ring("STICKER_ASSERTION_KEYS")
