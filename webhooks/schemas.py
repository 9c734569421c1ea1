"""What describes a type of event, and small makers of JSON Schema (draft 2020-12) for its data."""

from dataclasses import dataclass
from typing import Any, Final

from audit.events import EventType
from core.strict_json import JsonObject
from webhooks.models import MessageSource

JsonSchema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TEXT: Final[JsonSchema] = {"type": "string"}
TEXT_OR_NULL: Final[JsonSchema] = {"type": ["string", "null"]}
UUID_TEXT: Final[JsonSchema] = {"type": "string", "format": "uuid"}
INSTANT: Final[JsonSchema] = {"type": "string", "format": "date-time"}
INSTANT_OR_NULL: Final[JsonSchema] = {"type": ["string", "null"], "format": "date-time"}
COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
TEXTS: Final[JsonSchema] = {"type": "array", "items": {"type": "string"}}
# What commerce services publish is theirs: any object, unknown fields pass.
ANY_OBJECT: Final[JsonSchema] = {"$schema": DIALECT, "type": "object"}


def choice(*values: str) -> JsonSchema:
    """One of a closed list of texts."""
    return {"type": "string", "enum": list(values)}


def described(schema: JsonSchema, text: str) -> JsonSchema:
    """The same, with a sentence for the reader."""
    return {**schema, "description": text}


def record_of(fields: dict[str, JsonSchema], *, optional: tuple[str, ...] = ()) -> JsonSchema:
    """An object that has these fields; more may come in later versions, so unknown ones pass."""
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
    }


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """One type of event. `ledger` are the ledger's types it is made of; empty for pings and for commerce."""

    type: str
    meaning: str
    schema: JsonSchema
    example: JsonObject
    source: MessageSource = MessageSource.OWN
    ledger: tuple[EventType, ...] = ()
    version: int = 1

    @property
    def is_subscribable(self) -> bool:
        """Whether a filter can ask for it; pings go to the endpoint they are about, whatever its filter says."""
        return self.source is MessageSource.COMMERCE or bool(self.ledger)
