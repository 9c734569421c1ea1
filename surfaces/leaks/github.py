"""GitHub's secret scanning as it calls a partner: a signed list of findings in, a list of labels out.

The signature is ECDSA on P-256 over SHA-256 of the body as it came, in DER and base64; the header beside it names the key.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from core.errors import FieldProblem, InvalidRequestError, UnauthorizedError
from core.strict_json import read_json_list
from surfaces.leaks.github_keys import KeyCache

MAX_ITEMS: Final = 1000
MAX_BODY_BYTES: Final = 1024 * 1024
MAX_TOKEN_CHARS: Final = 8192
_MAX_TYPE_CHARS: Final = 255
_MAX_SIGNATURE_CHARS: Final = 256


class NotSignedError(UnauthorizedError):
    """A body that GitHub did not sign."""

    message = "Send the body as GitHub signed it, with the key's identifier and the signature in their headers."


@dataclass(frozen=True, slots=True)
class Item:
    """One finding: the text, which of our patterns it fits, and where it stands for all to see."""

    token: str = field(repr=False)
    type: str
    url: str
    source: str


def check_signature(body: bytes, *, identifier: str, signature: str, keys: KeyCache) -> None:
    """Make sure that GitHub signed a body.

    Raises: NotSignedError; ServiceUnavailableError when its keys cannot be had.
    """
    if not identifier or not signature or len(signature) > _MAX_SIGNATURE_CHARS:
        raise NotSignedError(reason="leak_unsigned")
    key = keys.find(identifier)
    if key is None:
        raise NotSignedError(reason="leak_unknown_key")
    if not _is_signed(body, signature, key):
        raise NotSignedError(reason="leak_bad_signature")


def read_items(body: bytes) -> list[Item]:
    """Read the list of findings.

    Raises: PayloadTooLargeError, InvalidRequestError.
    """
    entries = read_json_list(body, max_bytes=MAX_BODY_BYTES)
    if len(entries) > MAX_ITEMS:
        raise _wrong("", f"At most {MAX_ITEMS} findings in one call.")
    return [_item(entry, f"[{index}]") for index, entry in enumerate(entries)]


def labels(items: Sequence[Item], are_genuine: Sequence[bool]) -> Iterator[dict[str, str]]:
    """What GitHub is told of each finding; the token is named by its SHA-256, so that no answer of ours holds a secret."""
    for item, is_genuine in zip(items, are_genuine, strict=True):
        yield {
            "token_hash": hashlib.sha256(item.token.encode()).hexdigest(),
            "token_type": item.type,
            "label": "true_positive" if is_genuine else "false_positive",
        }


def _is_signed(body: bytes, signature: str, key: EllipticCurvePublicKey) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), body, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _item(entry: Any, place: str) -> Item:
    if not isinstance(entry, dict):
        raise _wrong(place, "This must be an object.")
    token = _text(entry, "token", place, most=MAX_TOKEN_CHARS)
    kind = _text(entry, "type", place, most=_MAX_TYPE_CHARS)
    if not token or not kind:
        raise _wrong(place, "A finding has a token and a type.")
    return Item(token, kind, _text(entry, "url", place), _text(entry, "source", place))


def _text(entry: dict[str, Any], name: str, place: str, *, most: int | None = None) -> str:
    """A member that is a text; the url and the source are cut where they are kept, and may be absent or null."""
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or (most is not None and len(value) > most):
        raise _wrong(f"{place}.{name}", "This must be a text, and not longer than any of ours.")
    return value


def _wrong(where: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="leak_items", details=[FieldProblem(where or "body", message)])
