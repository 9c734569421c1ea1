"""Passwords of accounts: Argon2id, one at a time in each process, and the same work whether or not there is an account.

A hash costs 20 MiB and tens of milliseconds on purpose. That price is also what an attacker would make us pay, so whoever
wants one stands in a queue of the process and gives up after a while; the limits (`surfaces.attempts`) are asked within it.
"""

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from core import base62
from core.errors import ServiceUnavailableError

# OWASP's first choice for Argon2id with one lane.
ITERATIONS: Final = 2
MEMORY_KIB: Final = 19_456
LANES: Final = 1
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
MAX_PASSWORD_CHARS: Final = 256
GENERATED_CHARS: Final = 24
QUEUE_SECONDS: Final = 2.0
_PARAMETERS: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}$"


def _text(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode("ascii")


# What is compared with where there is no account: today's parameters, and random bytes that no password leads to.
_NOBODYS: Final = f"{_PARAMETERS}{_text(SALT_BYTES)}${_text(HASH_BYTES)}"
_one_at_a_time: Final = threading.Lock()


@contextmanager
def hashing() -> Iterator[None]:
    """Hold this process's one place for hashing a password.

    Raises: ServiceUnavailableError when it did not come free in time.
    """
    if not _one_at_a_time.acquire(timeout=QUEUE_SECONDS):
        raise ServiceUnavailableError(reason="password_queue", retry_after_seconds=1)
    try:
        yield
    finally:
        _one_at_a_time.release()


def generate_password() -> str:
    """A password nobody chose: 142 random bits, in characters that can be read out and typed."""
    return base62.random_text(GENERATED_CHARS)


def hash_password(password: str) -> str:
    """The text to store, which names its own parameters."""
    kdf = Argon2id(
        salt=secrets.token_bytes(SALT_BYTES), length=HASH_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return str(kdf.derive_phc_encoded(_bytes_of(password)))


def is_right(password: str, *, stored: str) -> bool:
    """Tell whether a password is the stored one; an empty `stored` costs the same and is never right."""
    try:
        Argon2id.verify_phc_encoded(_bytes_of(password), stored or _NOBODYS)
    except InvalidKey:
        return False
    return bool(stored)


def is_outdated(stored: str) -> bool:
    """Tell whether a stored text was made with other parameters than today's, and should be made anew."""
    return not stored.startswith(_PARAMETERS)


def _bytes_of(password: str) -> bytes:
    # Keyboards differ in how they compose a letter; the person typed the same one.
    return unicodedata.normalize("NFC", password).encode("utf-8")
