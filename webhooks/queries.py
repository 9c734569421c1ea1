"""What callers ask for in the query string of lists and feeds."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest
from rest_framework import serializers

from core.errors import FieldProblem, InvalidRequestError
from core.feeds import START, Position, parse_position
from core.fields import StrictTextField, validated
from webhooks.answers import parse_delivery_id
from webhooks.catalogue import pattern_problem
from webhooks.models import DeliveryState
from webhooks.services.deliveries import DeliveryFilter
from webhooks.services.feed import MAX_EVENTS, present_position
from webhooks.shapes import InstantField
from webhooks.specs import MAX_PATTERNS

MAX_DELIVERIES: Final = 200
NOW: Final = "now"


class FeedQuery(serializers.Serializer[Any]):
    after = StrictTextField(
        max_length=64,
        required=False,
        allow_blank=True,
        help_text="A `cursor` or `next` of before; `now` to begin here. Absent or empty: the oldest.",
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_EVENTS, default=100)
    types = StrictTextField(max_length=2000, required=False, help_text="Types with comma between; `*` is allowed.")


class DeliveriesQuery(serializers.Serializer[Any]):
    endpoint_id = serializers.UUIDField(required=False)
    message_id = StrictTextField(max_length=40, required=False)
    type = StrictTextField(max_length=100, required=False)
    state = StrictTextField(max_length=100, required=False, help_text="States with comma between.")
    since = InstantField(required=False)
    until = InstantField(required=False)
    after = StrictTextField(max_length=80, required=False, help_text="`next` of the page before.")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_DELIVERIES, default=50)


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """Which part of the feed to read."""

    after: Position
    limit: int
    patterns: tuple[str, ...] = field(default=())


def read_feed_query(request: HttpRequest) -> FeedRequest:
    """Read the query of `GET /v1/events`.

    Raises: InvalidRequestError.
    """
    fields = validated(FeedQuery, _given(request, FeedQuery))
    patterns = _listed(fields.get("types", ""))
    problems = [FieldProblem("types", problem) for each in patterns if (problem := pattern_problem(each))]
    if problems or len(patterns) > MAX_PATTERNS:
        raise _wrong("types", problems[0].message if problems else f"At most {MAX_PATTERNS}.")
    return FeedRequest(_position(fields.get("after")), fields["limit"], patterns)


def read_deliveries_query(request: HttpRequest) -> DeliveryFilter:
    """Read the query of `GET /v1/deliveries`.

    Raises: InvalidRequestError.
    """
    fields = validated(DeliveriesQuery, _given(request, DeliveriesQuery))
    states, after = _listed(fields.pop("state", "")), fields.pop("after", None)
    if unknown := [each for each in states if each not in DeliveryState.values]:
        raise _wrong("state", f"'{unknown[0][:20]}' is not one of: {', '.join(DeliveryState.values)}.")
    place = parse_delivery_id(after) if after else None
    if after and place is None:
        raise _wrong("after", "Give what `next` of the page before said.")
    return DeliveryFilter(**fields, states=tuple(DeliveryState(each) for each in states), after=place)


def _position(text: str | None) -> Position:
    if not text:
        return START
    position = present_position() if text == NOW else parse_position(text)
    if position is None:
        raise _wrong("after", "Give a cursor that this feed has given out, or `now`.")
    return position


def _given(request: HttpRequest, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The known parameters; each may stand once. Unknown ones are ignored, as unknown fields of bodies are."""
    known = {name: request.GET.getlist(name) for name in map(str, serializer().fields) if name in request.GET}
    for name, values in known.items():
        if len(values) > 1:
            raise _wrong(name, "This parameter stands twice.")
    return {name: values[0] for name, values in known.items()}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))


def _wrong(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="query", details=[FieldProblem(name, message)])
