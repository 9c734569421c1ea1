"""The reader of bodies: all of strict JSON, and nothing else."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequestError, PayloadTooLargeError
from core.strict_json import MAX_BODY_BYTES, MAX_DEPTH, MAX_SAFE_INTEGER, read_json

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)


@given(OBJECTS, st.booleans())
def test_what_strict_json_can_say_is_read_as_it_was_said(value: dict[str, Any], is_ascii: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    with suppress(InvalidRequestError):
        assert isinstance(read_json(body), dict)


@given(st.text(max_size=80))
def test_arbitrary_text_is_an_object_or_a_refusal(text: str) -> None:
    with suppress(InvalidRequestError):
        assert isinstance(read_json(text.encode("utf-8", "surrogatepass")), dict)


HOSTILE = {
    b"": "not_json",
    b" ": "not_json",
    b"{": "not_json",
    b"{} {}": "not_json",
    b"{}x": "not_json",
    b"{'a': 1}": "not_json",
    b'{"a": 1,}': "not_json",
    b'{"a": 01}': "not_json",
    b'{"a": +1}': "not_json",
    b'{"a": .5}': "not_json",
    b'{"a": "\t"}': "not_json",
    b'{"a": "\\x41"}': "not_json",
    b'{"a": /* c */ 1}': "not_json",
    b"\xef\xbb\xbf{}": "not_json",
    b"\xff\xfe{\x00}\x00": "not_utf8",
    b'{"a": "\xff"}': "not_utf8",
    b'{"a": "\xed\xa0\x80"}': "not_utf8",
    b"[]": "not_an_object",
    b'"text"': "not_an_object",
    b"null": "not_an_object",
    b"1": "not_an_object",
    b'{"a": 1, "a": 1}': "duplicate_key",
    b'{"a": {"b": 1, "\\u0062": 2}}': "duplicate_key",
    b'{"a": NaN}': "not_a_number",
    b'{"a": [Infinity]}': "not_a_number",
    b'{"a": -Infinity}': "not_a_number",
    b'{"a": 1e999}': "number_too_large",
    b'{"a": 9007199254740992}': "number_too_large",
    b'{"a": -9007199254740992}': "number_too_large",
    b'{"a": ' + b"9" * 5000 + b"}": "number_too_large",
    b'{"a": "\\u0000"}': "nul_character",
    b'{"\\u0000": 1}': "nul_character",
    b'{"a": ["x\\u0000y"]}': "nul_character",
    b'{"a": "\\ud800"}': "lone_surrogate",
    b'{"\\udfff": 1}': "lone_surrogate",
    b'{"a": "\\udc00\\ud800"}': "lone_surrogate",
    b'{"a": ' + b"[" * 60_000: "too_deep",
    b'{"a":' * 12_000: "too_deep",
}


@pytest.mark.parametrize(("body", "reason"), HOSTILE.items(), ids=lambda value: repr(value)[:40])
def test_a_hostile_body_is_refused_for_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        read_json(body)
    assert refusal.value.reason == reason


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_the_deepest_nesting_allowed_is_read() -> None:
    assert read_json(nested(MAX_DEPTH))


def test_one_level_deeper_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        read_json(nested(MAX_DEPTH + 1))


def test_a_body_of_exactly_64_kib_is_read() -> None:
    body = b'{"a": "' + b"x" * (MAX_BODY_BYTES - 9) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert read_json(body)


def test_one_byte_more_is_too_large() -> None:
    with pytest.raises(PayloadTooLargeError):
        read_json(b" " * (MAX_BODY_BYTES + 1))


def test_a_doubled_field_is_named_but_its_value_is_not() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        read_json(b'{"secret": "first", "secret": "second"}')
    assert [problem.field for problem in refusal.value.details] == ["secret"]
    assert "second" not in refusal.value.details[0].message


def test_a_large_fraction_keeps_its_value() -> None:
    assert math.isclose(read_json(b'{"a": 1.5e300}')["a"], 1.5e300)
