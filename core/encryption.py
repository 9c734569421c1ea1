"""Secrets that must be read back: AES-256-GCM under a numbered key, bound to the row they stand in.

A sealed value is `version (1 byte) | key number (2 bytes, big-endian) | nonce (12 bytes) | ciphertext and tag`. What it is
bound to (table, column, row, partner, environment) is authenticated but not stored: moved to another row it does not open.
"""

import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.keyring import RingKey, encryption_ring

_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 2
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class DecryptionError(Exception):
    """A sealed value that does not open here; the text says why, never what was inside."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands. All of it is bound to the ciphertext."""

    table: str
    column: str
    row_id: UUID | int | str
    partner_id: UUID
    environment: str

    def associated_data(self) -> bytes:
        """The place as bytes that no other place has: each part is preceded by its length."""
        parts = (self.table, self.column, str(self.row_id), str(self.partner_id), self.environment)
        return b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in parts)


def encrypt(plaintext: bytes, *, place: Place) -> bytes:
    """Seal bytes for one place with the newest key."""
    key = encryption_ring().active
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = _cipher(key).encrypt(nonce, plaintext, place.associated_data())
    return _VERSION + key.id.to_bytes(_KEY_ID_BYTES, "big") + nonce + sealed


def decrypt(sealed: bytes, *, place: Place) -> bytes:
    """Open what was sealed for this place.

    Raises: DecryptionError when it was altered or moved, or when this process does not know its key.
    """
    if len(sealed) < _HEAD_BYTES or sealed[:1] != _VERSION:
        raise DecryptionError("not a sealed value")
    key = encryption_ring().get(key_id_of(sealed))
    if key is None:
        raise DecryptionError(f"encryption key {key_id_of(sealed)} is not known here")
    nonce = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
    try:
        return _cipher(key).decrypt(nonce, sealed[_HEAD_BYTES:], place.associated_data())
    except InvalidTag as error:
        raise DecryptionError("the value was altered, or belongs to another row") from error


def key_id_of(sealed: bytes) -> int:
    """The number of the key a value was sealed with: what a re-encryption looks for."""
    return int.from_bytes(sealed[1 : 1 + _KEY_ID_BYTES], "big")


@lru_cache(maxsize=16)
def _cipher(key: RingKey) -> AESGCM:
    # A ring's secret may be longer than a key; the derivation also keeps this use apart from any other of the same secret.
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"sticker row encryption").derive(key.secret))
