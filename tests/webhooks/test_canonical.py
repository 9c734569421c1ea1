"""What we sign survives JavaScript's parse and stringify byte for byte, and what would not is named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import InvalidRequestError
from core.strict_json import MAX_DEPTH, MAX_SAFE_INTEGER
from tests.webhooks.javascript import JavaScript, running_javascript
from webhooks.canonical import MAX_PROBLEMS, problems, render_body, serialise
from webhooks.formats import SignatureFormat

NOON = datetime(2026, 8, 1, 12, 0, 0, 5_000, tzinfo=UTC)
TEXTS = st.text(max_size=12)
NAMES = TEXTS | st.sampled_from(
    ["0", "10", "9", "01", "-1", "1.5", "1e3", "4294967295", "__proto__", "constructor", "toString", ""]
)
NUMBERS = st.integers() | st.integers(-MAX_SAFE_INTEGER - 2, MAX_SAFE_INTEGER + 2) | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=15
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


@pytest.fixture(scope="module")
def javascript(node: str) -> Iterator[JavaScript]:
    with running_javascript(node) as running:
        yield running


@settings(max_examples=1500, deadline=None)
@given(OBJECTS)
@example({"note": 'quotes " and \\ and / and \x7f and \u2028 \u2029 \ufeff \x00 \x1f \b\f\n\r\t'})
@example({"emoji": "😀", "name é": "漢字", "": None})
@example({"big": MAX_SAFE_INTEGER, "small": -MAX_SAFE_INTEGER, "zero": 0})
def test_data_is_refused_or_survives_javascript(javascript: JavaScript, data: dict[str, Any]) -> None:
    if problems(data):
        with pytest.raises(InvalidRequestError):
            serialise(data)
        return
    body = serialise(data)
    assert javascript.rewritten(body) == body
    assert json.loads(body) == data


@settings(max_examples=300, deadline=None)
@given(OBJECTS, st.from_regex(r"[a-z]{1,10}\.[a-z]{1,10}", fullmatch=True))
def test_the_envelope_of_every_family_survives_javascript(javascript: JavaScript, data: dict[str, Any], name: str) -> None:
    if problems(data):
        return
    for style in SignatureFormat:
        body = render_body(serialise(data), event_type=name, occurred_at=NOON, style=style)
        assert javascript.rewritten(body) == body
        assert json.loads(body)["data"] == data


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


WRONG: list[tuple[Any, str, str]] = [
    ({"price": 1.5}, "data.price", "minor units"),
    ({"price": 1.0}, "data.price", "minor units"),
    ({"price": float("nan")}, "data.price", "minor units"),
    ({"items": [{"sku": "a"}, {"price": -0.0}]}, "data.items[1].price", "minor units"),
    ({"id": MAX_SAFE_INTEGER + 1}, "data.id", "2^53"),
    ({"id": -MAX_SAFE_INTEGER - 1}, "data.id", "2^53"),
    ({"10": "a"}, "data['10']", "begin it with a letter"),
    ({"map": {"0": "a"}}, "data.map['0']", "begin it with a letter"),
    ({"99999999999": "a"}, "data['99999999999']", "begin it with a letter"),
    ({"__proto__": {}}, "data.__proto__", "lose this name"),
    ({"note": "\ud83d"}, "data.note", "surrogate"),
    ({"\udc00": 1}, "data['\\udc00']", "surrogate"),
    ({"a b": {"c": 0.5}}, "data['a b'].c", "minor units"),
    ({1: "a"}, "data['1']", "must be a text"),
    ({"at": NOON}, "data.at", "datetime is not JSON"),
    ({"tags": ("a",)}, "data.tags", "tuple is not JSON"),
    ({"style": SignatureFormat.STASH}, "data.style", "SignatureFormat is not JSON"),
    (nested(MAX_DEPTH), "data" + "[0]" * MAX_DEPTH, "deeper"),
]


@pytest.mark.parametrize(("data", "place", "message"), WRONG, ids=[place for _, place, _ in WRONG])
def test_a_problem_is_named_with_its_place(data: Any, place: str, message: str) -> None:
    (found,) = problems(data)
    assert (found.field, message in found.message) == (place, True)
    assert found.field.isascii()


def test_a_refusal_names_every_place() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        serialise({"a": 1.5, "b": [2**60]})
    assert [each.field for each in refusal.value.details] == ["data.a", "data.b[0]"]


def test_problems_without_end_are_named_up_to_a_number() -> None:
    assert len(problems([0.5] * 10_000)) == MAX_PROBLEMS


def test_a_name_without_end_is_cut_in_the_place() -> None:
    (found,) = problems({"x" * 10_000: 0.5})
    assert len(found.field) < 100


def test_names_that_javascript_keeps_in_place_are_let_through(javascript: JavaScript) -> None:
    data = {"z": 0, "01": 1, "-1": 2, "1.5": 3, "1e3": 4, "constructor": 5, "": 6, "é": 7, "²": 8}
    assert javascript.rewritten(serialise(data)) == serialise(data)


@pytest.mark.parametrize(
    "text", ['{"z":1,"10":2}', '{"z":1.0}', '{"z":1e2}', '{"z":9007199254740993}', '{"z":"\\u00e9"}', '{"z": 1}']
)
def test_javascript_does_change_what_we_refuse_or_never_write(javascript: JavaScript, text: str) -> None:
    assert javascript.rewritten(text.encode()) != text.encode()


def test_the_three_envelopes() -> None:
    bodies = {
        style: render_body(b'{"order":"ord_1"}', event_type="order.shipped", occurred_at=NOON, style=style)
        for style in SignatureFormat
    }
    assert bodies == {
        SignatureFormat.STANDARD: b'{"type":"order.shipped","timestamp":"2026-08-01T12:00:00.005Z","data":{"order":"ord_1"}}',
        SignatureFormat.STASH: b'{"type":"order.shipped","data":{"order":"ord_1"}}',
        SignatureFormat.STICKER: b'{"event":"order.shipped","timestamp":"2026-08-01T12:00:00.005Z","data":{"order":"ord_1"}}',
    }
