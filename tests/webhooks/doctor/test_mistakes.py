"""One test for each mistake that the signature doctor names, on deliveries signed as we sign them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.webhooks.doctor.cases import (
    BODY,
    CURRENT,
    NOW,
    PREVIOUS,
    STANDARD,
    STASH,
    STICKER,
    case,
    mistakes,
    only,
    with_headers,
)
from webhooks.doctor import Diagnosis, Mistake, diagnose
from webhooks.formats import SignatureFormat
from webhooks.signing import (
    Secrets,
    sign,
    standard_signature,
    stash_signature,
    sticker_signature,
)


@pytest.mark.parametrize("signature_format", SignatureFormat)
def test_a_delivery_as_it_was_sent_is_well(signature_format: SignatureFormat) -> None:
    assert diagnose(case(signature_format)) == Diagnosis(fits=True)


def test_any_of_several_signatures_makes_it_well() -> None:
    keys = Secrets(CURRENT, (PREVIOUS,))
    headers = sign(BODY, message_id="msg_1", timestamp=NOW, secrets=keys, signature_format=STANDARD)
    assert diagnose(case(headers={**headers, "webhook-signature": f"v1a,AAAA {headers['webhook-signature']}"})).fits


REWRITERS: dict[str, Callable[[Any], str]] = {
    "with spaces": lambda value: json.dumps(value, ensure_ascii=False),
    "as Python writes it": json.dumps,
    "compact but escaped": lambda value: json.dumps(value, separators=(",", ":")),
    "indented": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    "sorted": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False),
    "as a text within JSON": lambda value: json.dumps(json.dumps(value, separators=(",", ":"), ensure_ascii=False)),
}


@pytest.mark.parametrize("style", REWRITERS)
@pytest.mark.parametrize("signature_format", SignatureFormat)
def test_a_body_that_was_parsed_and_written_again(signature_format: SignatureFormat, style: str) -> None:
    rewritten = REWRITERS[style](json.loads(BODY)).encode()
    is_sorted = style == "sorted"  # the order is lost: only who knows what was sent can tell
    mistake, text = only(case(signature_format, body=rewritten, sent=BODY if is_sorted else None))
    assert (mistake, "raw bytes" in text or "byte" in text) == (Mistake.BODY_RESERIALISED, True)


@pytest.mark.parametrize("spelled", [str(json.loads(BODY)), "[object Object]", json.dumps(json.loads(BODY))])
def test_a_signature_computed_over_what_a_parser_gave(spelled: str) -> None:
    computed = stash_signature(spelled.encode(), secret=CURRENT)
    found = diagnose(case(STASH, computed=computed))
    assert (found.fits, mistakes(found)) == (True, [Mistake.BODY_RESERIALISED])


@pytest.mark.parametrize("body", [BODY + b"\n", BODY + b"\r\n", b" " + BODY, BODY + b"\t\n"])
def test_a_body_with_white_space_around_it(body: bytes) -> None:
    assert only(case(body=body))[0] is Mistake.BODY_WHITESPACE


def test_a_body_with_a_byte_order_mark() -> None:
    assert only(case(body=b"\xef\xbb\xbf" + BODY))[0] is Mistake.BODY_BYTE_ORDER_MARK


@pytest.mark.parametrize(("signed", "pasted"), [(b'{"a":\n1}', b'{"a":\r\n1}'), (b'{"a":\r\n1}', b'{"a":\n1}')])
def test_a_body_whose_line_ends_were_changed(signed: bytes, pasted: bytes) -> None:
    headers = sign(signed, message_id="msg_1", timestamp=NOW, secrets=Secrets(CURRENT), signature_format=STASH)
    assert only(case(STASH, headers=headers, body=pasted))[0] is Mistake.BODY_LINE_ENDS


@pytest.mark.parametrize("charset", ["latin-1", "cp1252"])
def test_a_body_read_in_another_character_set(charset: str) -> None:
    assert only(case(body=BODY.decode(charset).encode()))[0] is Mistake.BODY_CHARSET


def test_a_body_that_had_been_read_before_it_was_verified() -> None:
    found = diagnose(case(STICKER, computed=sticker_signature(b"", secret=CURRENT)))
    assert (found.fits, mistakes(found)) == (True, [Mistake.BODY_EMPTY])


@pytest.mark.parametrize("signature_format", SignatureFormat)
def test_a_tampered_body(signature_format: SignatureFormat) -> None:
    assert only(case(signature_format, body=BODY.replace(b"1999", b"1")))[0] is Mistake.ALTERED


def test_a_tampered_body_is_compared_with_what_was_sent() -> None:
    mistake, text = only(case(body=BODY.replace(b"1999", b"1"), sent=BODY))
    assert mistake is Mistake.ALTERED
    assert f"from byte {BODY.index(b'1999') + 1}" in text
    assert "1999" in text


@pytest.mark.parametrize("name", ["webhook_id", "webhook_timestamp", "webhook_signature"])
def test_a_header_that_is_missing(name: str) -> None:
    found = diagnose(with_headers(case(), **{name: None}))
    assert (found.fits, mistakes(found)[0]) == (False, Mistake.HEADER_MISSING)
    assert name.replace("_", "-") in found.findings[0].text


@pytest.mark.parametrize("signature_format", [STASH, STICKER])
def test_no_signature_at_all(signature_format: SignatureFormat) -> None:
    assert only(case(signature_format, headers={"content-type": "application/json"}))[0] is Mistake.HEADER_MISSING


@pytest.mark.parametrize(
    ("signature_format", "name"),
    [
        (STANDARD, "x-webhook-signature"),
        (STANDARD, "webhook_signature"),
        (STANDARD, "http_webhook_signature"),
        (STANDARD, "svix-signature"),
        (STANDARD, "x-original-webhook-signature"),
        (STANDARD, "webhook-signatures"),
        (STASH, "x-stash-webhook-signature"),
        (STASH, "stash_webhook_signature"),
        (STICKER, "sticker-signature"),
        (STICKER, "http_x_sticker_signature"),
    ],
)
def test_a_header_under_another_name(signature_format: SignatureFormat, name: str) -> None:
    given = case(signature_format)
    names = {STANDARD: "webhook-signature", STASH: "stash-webhook-signature", STICKER: "x-sticker-signature"}
    kept = {key: value for key, value in given.headers.items() if "signature" not in key}
    mistake, text = only(replace(given, headers={**kept, name: given.headers[names[signature_format]]}))
    assert mistake is Mistake.HEADER_RENAMED
    assert name in text


def test_the_second_name_of_the_stash_header_is_as_good() -> None:
    assert diagnose(with_headers(case(STASH), stash_webhook_signature=None)).fits


@pytest.mark.parametrize("wanted", [STASH, STICKER])
def test_a_delivery_of_format_standard_for_a_receiver_of_another(wanted: SignatureFormat) -> None:
    mistake, text = only(replace(case(), signature_format=wanted))
    assert (mistake, "format standard" in text) == (Mistake.OTHER_FORMAT, True)


@pytest.mark.parametrize("body", [BODY, BODY + b"!"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stash_webhook_signature", sticker_signature(BODY, secret=CURRENT)),
        ("stash_webhook_signature", "v1," + standard_signature(BODY, message_id="msg_1", timestamp=NOW, secret=CURRENT)),
    ],
)
def test_the_signature_of_another_format_in_the_right_header(name: str, value: str, body: bytes) -> None:
    found = diagnose(with_headers(case(STASH, body=body), **{name: value}))
    expected = [Mistake.OTHER_FORMAT] if body == BODY else [Mistake.OTHER_FORMAT, Mistake.ALTERED]
    assert (found.fits, mistakes(found)) == (False, expected)


@pytest.mark.parametrize(
    "body", [b"", b"\x00", b"\xff\xfe", b"[" * 3_000, b"[" * 900 + b"]" * 900, b"1" * 6_000, b"NaN", b'"\\ud800"']
)
def test_any_body_is_borne(body: bytes) -> None:
    assert not diagnose(case(body=body, sent=BODY, computed="AAAA")).fits
