"""Signatures as texts: which digest a text stands for, and how it differs from how its format writes one."""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from webhooks.formats import SignatureFormat

DIGEST_BYTES: Final = 32
_PREFIXES: Final = {SignatureFormat.STANDARD: "v1,", SignatureFormat.STASH: "", SignatureFormat.STICKER: "sha256="}
_HEX: Final = re.compile(r"[0-9a-fA-F]{2,}", re.ASCII)
_PREFIX: Final = re.compile(r"(v[0-9]+[a-z]?,|sha256=|)(.*)", re.DOTALL)


class Encoding(StrEnum):
    """How bytes can be written as text."""

    BASE64 = "base64"
    UNPADDED = "base64 without its padding"
    URL_SAFE = "URL-safe base64"
    HEX = "hex"
    UPPER_HEX = "hex in upper case"
    HEX_IN_BASE64 = "base64 of the hex text"


@dataclass(frozen=True, slots=True)
class Written:
    """A signature as it was written: what stands before it, in which encoding, and the bytes (fewer when it is cut off)."""

    prefix: str
    encoding: Encoding
    digest: bytes


def expected_prefix(signature_format: SignatureFormat) -> str:
    """What a format writes before a signature."""
    return _PREFIXES[signature_format]


def expected_encoding(signature_format: SignatureFormat) -> Encoding:
    """How a format writes the bytes."""
    return Encoding.HEX if signature_format is SignatureFormat.STICKER else Encoding.BASE64


def read_signature(text: str) -> Written | None:
    """Read one signature in whatever form it has; None for what is no encoding of anything."""
    match = _PREFIX.fullmatch(text.strip())
    if match is None or not match[2]:
        return None
    found = _decode(match[2])
    return Written(match[1], *found) if found else None


def _decode(text: str) -> tuple[Encoding, bytes] | None:
    if _HEX.fullmatch(text) and len(text) % 2 == 0 and len(text) >= DIGEST_BYTES:
        return (Encoding.UPPER_HEX if text != text.lower() else Encoding.HEX), bytes.fromhex(text)
    is_url_safe = bool(set(text) & set("-_"))
    try:
        decoded = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_" if is_url_safe else None, True)
    except (binascii.Error, ValueError):
        return None
    if len(decoded) == 2 * DIGEST_BYTES and _HEX.fullmatch(decoded.decode("latin-1")):
        return Encoding.HEX_IN_BASE64, bytes.fromhex(decoded.decode())
    if is_url_safe:
        return Encoding.URL_SAFE, decoded
    return (Encoding.BASE64 if len(text) % 4 == 0 else Encoding.UNPADDED), decoded
