"""Base62 text in the order 0-9, A-Z, a-z: random strings and fixed-width numbers."""

import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def random_text(length: int) -> str:
    """Draw `length` characters from the operating system's generator (5.95 bits each)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def encode(number: int, *, width: int) -> str:
    """Write a non-negative number zero-padded to `width` characters; it must fit."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    if number:
        raise OverflowError(f"does not fit {width} base62 characters")
    return "".join(reversed(digits))
