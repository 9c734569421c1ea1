"""The webhook side of the API document: what each of its calls can be refused with, and every event as an OpenAPI webhook."""

from collections.abc import Mapping
from typing import Any, Final

from core.errors import IdempotencyConflictError, RateLimitExceededError, StickerError
from core.strict_json import JsonObject
from webhooks.catalogue import CATALOGUE
from webhooks.errors import (
    DeliveryNotFoundError,
    DeliveryStateError,
    EndpointLimitError,
    EndpointNotFoundError,
    EndpointStateError,
    EventTypeReservedError,
)
from webhooks.schemas import EventDefinition

TAG: Final = "Webhooks"
TAGS: Final = {
    TAG: (
        "Be told what happens. Register endpoints, verify what arrives, see every attempt, send past deliveries again, and read"
        " the same events as a feed. All events stand under *Webhooks* of this document, with the headers they come with."
    ),
}
RAISES: Final[Mapping[str, tuple[type[StickerError], ...]]] = {
    "event_publish": (EventTypeReservedError, IdempotencyConflictError),
    "webhook_endpoint_create": (EndpointLimitError, IdempotencyConflictError),
    "webhook_endpoint": (EndpointNotFoundError,),
    "webhook_endpoint_update": (EndpointNotFoundError, EndpointStateError),
    "webhook_endpoint_delete": (EndpointNotFoundError,),
    "webhook_secret_rotate": (EndpointNotFoundError, IdempotencyConflictError),
    "webhook_endpoint_test": (EndpointNotFoundError,),
    "webhook_endpoint_verify": (EndpointNotFoundError,),
    "webhook_diagnose": (EndpointNotFoundError, RateLimitExceededError),
    "webhook_endpoint_replay": (EndpointNotFoundError,),
    "deliveries": (DeliveryNotFoundError,),
    "delivery": (DeliveryNotFoundError,),
    "delivery_replay": (DeliveryNotFoundError, DeliveryStateError),
}
REPLAYED: Final = frozenset({"event_publish", "webhook_endpoint_create", "webhook_secret_rotate"})
_AT: Final = "2026-01-31T09:30:00.000Z"
_HEADERS: Final = {
    "webhook-id": ("The event's id: the same on every attempt and replay. Answer 2xx to one you have had already.", True),
    "webhook-timestamp": ("When this attempt was made, in seconds since 1970.", True),
    "webhook-signature": ("`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; one for each valid secret.", True),
    "webhook-event-type": ("The event's type, as in the body.", True),
    "webhook-attempt": ("The number of this attempt, counted from 1.", True),
    "webhook-seq": ("The endpoint's own count of its deliveries: a gap shows what has not come yet.", True),
    "webhook-replay": ("`1` when it was asked for again.", False),
    "stash-webhook-signature": ("With the format `stash`: base64 HMAC-SHA256 of the body.", False),
    "Stash-Hmac-Signature": ("With the format `stash`: the same.", False),
    "stash-retry-count": ("With the format `stash`: attempts before this one.", False),
    "X-Sticker-Signature": ("With the format `sticker`: `sha256=` and the hex HMAC-SHA256 of the body.", False),
    "X-Sticker-Event": ("With the format `sticker`: the event's type.", False),
    "X-Sticker-Delivery-ID": ("With the format `sticker`: the event's id.", False),
    "X-Sticker-Timestamp": ("With the format `sticker`: when this attempt was made.", False),
}


def components() -> dict[str, dict[str, JsonObject]]:
    """The headers of deliveries, for all events alike."""
    return {
        "parameters": {
            _parameter_name(name): {
                "name": name,
                "in": "header",
                "required": is_always,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, (text, is_always) in _HEADERS.items()
        }
    }


def events() -> dict[str, JsonObject]:
    """Every event as OpenAPI 3.1 describes webhooks."""
    return {each.type: {"post": _operation(each)} for each in CATALOGUE.values()}


def _operation(event: EventDefinition) -> JsonObject:
    return {
        "operationId": f"on_{event.type.replace('.', '_')}",
        "tags": [TAG],
        "summary": event.meaning,
        "description": f"`{event.type}`, version {event.version}. The body's shape is that of the endpoint's signature format.",
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{_parameter_name(name)}"} for name in _HEADERS],
        "requestBody": {"required": True, "content": {"application/json": _content(event)}},
        "responses": {
            "2XX": {"description": "Received. Anything else, redirects too, is tried again."},
            "410": {"description": "Gone: the endpoint is disabled, and what it would have got is parked."},
        },
    }


def _content(event: EventDefinition) -> JsonObject:
    data = {name: value for name, value in event.schema.items() if name != "$schema"}
    shapes = {
        "standard": ({"type": event.type, "timestamp": _AT}, "Standard Webhooks"),
        "stash": ({"type": event.type}, "Stash"),
        "sticker": ({"event": event.type, "timestamp": _AT}, "Sticker"),
    }
    return {
        "schema": {"anyOf": [_envelope(title, head, data) for head, title in shapes.values()]},
        "examples": {
            name: {"summary": title, "value": {**head, "data": event.example}} for name, (head, title) in shapes.items()
        },
    }


def _envelope(title: str, head: Mapping[str, str], data: JsonObject) -> JsonObject:
    fields: dict[str, Any] = {
        name: {"type": "string", "format": "date-time"} if name == "timestamp" else {"type": "string", "const": value}
        for name, value in head.items()
    }
    properties = {**fields, "data": data}
    return {"title": title, "type": "object", "required": list(properties), "properties": properties}


def _parameter_name(header: str) -> str:
    return "Delivery" + "".join(part.capitalize() for part in header.split("-"))
