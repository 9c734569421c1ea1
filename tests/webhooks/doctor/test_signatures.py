"""Signatures made by code that got one thing wrong, named by the signature doctor."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.webhooks.doctor.cases import (
    BODY,
    CURRENT,
    EXPIRED,
    NOW,
    OTHER,
    PENDING,
    PREVIOUS,
    STANDARD,
    STASH,
    STICKER,
    case,
    mistakes,
    with_headers,
)
from webhooks.doctor import Diagnosis, Mistake, diagnose
from webhooks.formats import SignatureFormat
from webhooks.signing import secret_bytes


def digest(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


FULL = b"msg_1.%d." % NOW + BODY
WHOLE, DECODED = CURRENT.encode(), secret_bytes(CURRENT)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


MADE_WRONG: dict[str, tuple[SignatureFormat, str, list[Mistake]]] = {
    "stash in hex": (STASH, digest(WHOLE, BODY).hex(), [Mistake.SIGNATURE_ENCODING]),
    "stash in upper-case hex": (STASH, digest(WHOLE, BODY).hex().upper(), [Mistake.SIGNATURE_ENCODING]),
    "stash as base64 of hex": (STASH, b64(digest(WHOLE, BODY).hex().encode()), [Mistake.SIGNATURE_ENCODING]),
    "stash unpadded": (STASH, b64(digest(WHOLE, BODY)).rstrip("="), [Mistake.SIGNATURE_ENCODING]),
    "stash by the decoded key": (STASH, b64(digest(DECODED, BODY)), [Mistake.KEY_RULE]),
    "stash without the prefix": (STASH, b64(digest(WHOLE[6:], BODY)), [Mistake.KEY_RULE]),
    "stash with a line end in the key": (STASH, b64(digest(WHOLE + b"\n", BODY)), [Mistake.SECRET_UNTRIMMED]),
    "stash over id and time": (STASH, b64(digest(WHOLE, FULL)), [Mistake.SIGNED_CONTENT]),
    "sticker in base64": (STICKER, f"sha256={b64(digest(WHOLE, BODY))}", [Mistake.SIGNATURE_ENCODING]),
    "sticker without sha256=": (STICKER, digest(WHOLE, BODY).hex(), [Mistake.SIGNATURE_PREFIX]),
    "sticker by the decoded key": (STICKER, f"sha256={digest(DECODED, BODY).hex()}", [Mistake.KEY_RULE]),
    "standard in hex": (STANDARD, f"v1,{digest(DECODED, FULL).hex()}", [Mistake.SIGNATURE_ENCODING]),
    "standard without v1,": (STANDARD, b64(digest(DECODED, FULL)), [Mistake.SIGNATURE_PREFIX]),
    "standard of another version": (STANDARD, f"v2,{b64(digest(DECODED, FULL))}", [Mistake.SIGNATURE_PREFIX]),
    "standard by the text": (STANDARD, f"v1,{b64(digest(WHOLE, FULL))}", [Mistake.KEY_RULE]),
    "standard by the body alone": (STANDARD, f"v1,{b64(digest(DECODED, BODY))}", [Mistake.SIGNED_CONTENT]),
    "standard without the id": (STANDARD, f"v1,{b64(digest(DECODED, FULL[6:]))}", [Mistake.SIGNED_CONTENT]),
    "standard by the careless key": (
        STANDARD,
        f"v1,{b64(digest(base64.b64decode(CURRENT), FULL))}",
        [Mistake.KEY_RULE],
    ),
    "standard in the manner of stash": (STANDARD, b64(digest(WHOLE, BODY)), [Mistake.OTHER_FORMAT]),
    "two mistakes at once": (STASH, digest(DECODED, BODY).hex(), [Mistake.SIGNATURE_ENCODING, Mistake.KEY_RULE]),
    "cut off": (STASH, b64(digest(WHOLE, BODY)[:20]), [Mistake.SIGNATURE_MALFORMED]),
    "no encoding of anything": (STASH, "é(signature)", [Mistake.SIGNATURE_MALFORMED]),
}
SIGNATURE_NAMES: Mapping[SignatureFormat, str] = {
    STANDARD: "webhook_signature",
    STASH: "stash_webhook_signature",
    STICKER: "x_sticker_signature",
}


@pytest.mark.parametrize("name", MADE_WRONG)
def test_a_signature_that_was_made_wrong(name: str) -> None:
    signature_format, signature, expected = MADE_WRONG[name]
    found = diagnose(with_headers(case(signature_format), **{SIGNATURE_NAMES[signature_format]: signature}))
    assert (found.fits, mistakes(found)) == (False, expected)


@pytest.mark.parametrize(
    "name", [each for each, (*_, expected) in MADE_WRONG.items() if Mistake.SIGNATURE_PREFIX not in expected]
)
def test_the_same_in_what_the_receivers_code_came_to(name: str) -> None:
    signature_format, computed, expected = MADE_WRONG[name]
    found = diagnose(case(signature_format, computed=computed))
    assert found.fits
    assert mistakes(found) == expected or name == "standard in the manner of stash"


def test_a_receivers_own_result_needs_no_prefix() -> None:
    assert diagnose(case(computed=b64(digest(DECODED, FULL)))) == Diagnosis(fits=True)


def test_nodes_reading_of_a_secret_with_its_prefix_left_on() -> None:
    as_node_reads = base64.b64decode(CURRENT.replace("_", "/").rstrip("=")[:48])
    computed = b64(digest(as_node_reads, FULL))
    assert mistakes(diagnose(case(computed=computed))) == [Mistake.KEY_RULE]


def test_nothing_the_doctor_says_repeats_a_secret_or_a_signature() -> None:
    for signature_format, signature, _ in MADE_WRONG.values():
        given = with_headers(case(signature_format), **{SIGNATURE_NAMES[signature_format]: signature})
        for secret in (CURRENT, OTHER, f'"{EXPIRED}'):
            said = repr(diagnose(replace(given, receiver_secret=secret, computed=signature)))
            assert not any(each[6:20] in said for each in (CURRENT, PREVIOUS, PENDING, EXPIRED, OTHER))
            assert len(signature) < 20 or signature not in said
    assert CURRENT not in repr(case(receiver_secret=CURRENT))
