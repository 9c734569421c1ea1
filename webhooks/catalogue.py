"""Every type of event there is: its version, what it means, the schema and an example of its `data`, and where it comes from.

The service's own types come from ledger rows (`webhooks.projection`) or from an act on one endpoint (pings). Commerce types
are open: any lower-case dotted name whose first part is not one of ours. Those listed here are examples with a name.
"""

import re
from functools import cache, lru_cache
from typing import Any, Final

from jsonschema import Draft202012Validator

from audit.events import EventType
from core.errors import FieldProblem
from core.strict_json import JsonObject
from webhooks.models import MessageSource
from webhooks.own_events import OWN_EVENTS
from webhooks.schemas import ANY_OBJECT, EventDefinition

MAX_TYPE_CHARS: Final = 100
TYPE_PATTERN: Final = r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+"
FILTER_PATTERN: Final = r"[a-z0-9_*]+(\.[a-z0-9_*]+)*"
# First parts of names that only this service uses.
RESERVED: Final = frozenset(
    {
        "delivery",
        "endpoint",
        "event",
        "key",
        "oauth_provider",
        "organization",
        "partner",
        "profile",
        "security",
        "session",
        "user",
        "webhook",
    }
)

_TYPE: Final = re.compile(TYPE_PATTERN, re.ASCII)
_FILTER: Final = re.compile(FILTER_PATTERN, re.ASCII)


def _commerce(type_: str, meaning: str, example: JsonObject) -> EventDefinition:
    return EventDefinition(type_, meaning, ANY_OBJECT, example, source=MessageSource.COMMERCE)


_COMMERCE: Final = (
    _commerce(
        "order.shipped",
        "An order left the warehouse.",
        {"order_id": "ord_1001", "carrier": "UPS", "tracking_number": "1Z999AA10123456784", "items": 2},
    ),
    _commerce(
        "purchase.completed",
        "A purchase was paid.",
        {"purchase_id": "pur_1001", "amount_minor": 1999, "currency": "USD", "player_id": "player-7"},
    ),
    _commerce("cart.updated", "The content of a cart changed.", {"cart_id": "cart_1001", "items": 3, "total": "59.97"}),
)
CATALOGUE: Final[dict[str, EventDefinition]] = {each.type: each for each in (*OWN_EVENTS, *_COMMERCE)}
BY_LEDGER: Final[dict[EventType, EventDefinition]] = {event: each for each in OWN_EVENTS for event in each.ledger}


def is_reserved(type_: str) -> bool:
    """Tell whether only this service may say this."""
    return type_.partition(".")[0] in RESERVED


def is_type(text: str) -> bool:
    """Tell whether a text can name a type of event: lower case, dotted, at most 100 characters."""
    return len(text) <= MAX_TYPE_CHARS and _TYPE.fullmatch(text) is not None


def version_of(type_: str) -> int:
    """The present version of a type; open commerce types are 1."""
    known = CATALOGUE.get(type_)
    return known.version if known else 1


def example_of(type_: str) -> JsonObject:
    """Sample data of a type; for a commerce type nobody has described, an object with a note in it."""
    known = CATALOGUE.get(type_)
    return known.example if known else {"note": f"A sample of {type_}."}


def schema_problems(type_: str, data: Any) -> list[FieldProblem]:
    """Name what does not fit the schema of a type, each with its place."""
    validator = _validator(type_ if type_ in CATALOGUE else "")
    return [FieldProblem(_place(error.absolute_path), error.message[:200]) for error in validator.iter_errors(data)]


def pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with an entry of an event filter; None for one that can match something."""
    if len(pattern) > MAX_TYPE_CHARS or not _FILTER.fullmatch(pattern):
        return "Use an event type such as order.shipped, or one with * in it such as order.*, *.created or * alone."
    if "*" not in pattern and (not is_type(pattern) or (is_reserved(pattern) and not _is_offered(pattern))):
        return "There is no such event type. GET /v1/event-types lists them."
    return None


def matches(pattern: str, type_: str) -> bool:
    """Tell whether an entry of an event filter asks for a type; `*` stands for any characters, dots too."""
    return _as_regex(pattern).fullmatch(type_) is not None


@lru_cache(maxsize=4096)
def _as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*"))


def _is_offered(type_: str) -> bool:
    return type_ in CATALOGUE and CATALOGUE[type_].is_subscribable


def _place(path: Any) -> str:
    return "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


@cache
def _validator(type_: str) -> Draft202012Validator:
    return Draft202012Validator(CATALOGUE[type_].schema if type_ else ANY_OBJECT)
