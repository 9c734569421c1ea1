"""Fields of a body: a number is no text, and no text hides control characters."""

from typing import Any

import pytest
from rest_framework import serializers

from core.errors import InvalidRequestError
from core.fields import StrictEmailField, StrictTextField, validated


class Inner(serializers.Serializer[Any]):
    city = StrictTextField(max_length=20)


class Outer(serializers.Serializer[Any]):
    name = StrictTextField(max_length=20)
    email = StrictEmailField(required=False)
    places = Inner(many=True, required=False)


def problems(body: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidRequestError) as refusal:
        validated(Outer, body)
    return [problem.field for problem in refusal.value.details]


def test_text_is_trimmed_and_unknown_fields_are_left_out() -> None:
    assert validated(Outer, {"name": "  Ada ", "more": 1}) == {"name": "Ada"}


@pytest.mark.parametrize("value", [1, 1.5, True, None, [], {}, ["Ada"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    assert problems({"name": value}) == ["name"]


@pytest.mark.parametrize("value", ["", "   ", "x" * 21, "a\u0007b", "a\x1bb", "a\x7fb", "a\x85b"])
def test_text_that_is_empty_long_or_hides_controls_is_refused(value: str) -> None:
    assert problems({"name": value}) == ["name"]


@pytest.mark.parametrize("value", ["line\nbreak", "tab\there", "Zoë", "株式会社", "🎉"])
def test_text_that_people_write_is_taken(value: str) -> None:
    assert validated(Outer, {"name": value})["name"] == value


@pytest.mark.parametrize(
    "value", ["ada", "ada@", "@example.com", "a b@example.com", "a" * 250 + "@example.com", "ada@example.com\n.x"]
)
def test_what_is_no_address_is_refused(value: str) -> None:
    assert problems({"name": "Ada", "email": value}) == ["email"]


def test_a_problem_deep_inside_is_named_by_its_path() -> None:
    body = {"name": "Ada", "places": [{"city": "Oslo"}, {"city": 5}, {}]}
    assert problems(body) == ["places[1].city", "places[2].city"]


def test_every_problem_is_named_at_once() -> None:
    assert problems({"email": "x"}) == ["name", "email"]
