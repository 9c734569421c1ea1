"""What partners are answered about event types, endpoints, deliveries and the feed."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from core.responses import iso
from core.strict_json import JsonObject
from webhooks.catalogue import CATALOGUE, RESERVED, TYPE_PATTERN
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint, EndpointSecret, Message, MessageBody
from webhooks.models import SecretState as States
from webhooks.reasons import DELIVERY_MEANINGS, MEANINGS, REFUSED, AttemptReason, DeliveryReason
from webhooks.services.feed import FeedEvent, FeedPage

_DELIVERY_ID: Final = re.compile(r"(msg_[0-9A-Za-z]{1,36})\.([0-9a-f]{32})", re.ASCII)
_ENDPOINT: Final = (
    *("id", "url", "environment", "event_types", "signature_format", "description", "max_concurrency", "rate_per_minute"),
    *("echoes_challenge", "verified_at", "paused_at", "disabled_at", "disabled_reason", "failing_since"),
    *("consecutive_failures", "last_success_at", "last_seq", "created_at", "updated_at"),
)
_SECRET: Final = ("id", "state", "created_at", "confirmed_at", "expires_at")
_ATTEMPT: Final = (
    *("number", "started_at", "status", "reason", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms"),
    *("response_headers", "response_text"),
)


def event_types() -> JsonObject:
    """The answer of `GET /v1/event-types`."""
    known = [
        {
            "type": each.type,
            "version": each.version,
            "origin": each.source.value,
            "is_subscribable": each.is_subscribable,
            "meaning": each.meaning,
            "schema": each.schema,
            "example": each.example,
        }
        for each in CATALOGUE.values()
    ]
    return {"success": True, "event_types": known, "open": {"pattern": f"^{TYPE_PATTERN}$", "reserved": sorted(RESERVED)}}


def plain(body: JsonObject) -> JsonObject:
    """A body as plain JSON, which can be kept for an `Idempotency-Key`."""
    kept: JsonObject = orjson.loads(orjson.dumps(body, default=_spelled, option=orjson.OPT_PASSTHROUGH_DATETIME))
    return kept


def status_of(endpoint: Endpoint) -> str:
    """What an endpoint is, in one word; the strongest state counts."""
    if endpoint.disabled_at:
        return "disabled"
    if endpoint.paused_at:
        return "paused"
    if not endpoint.verified_at:
        return "unverified"
    return "failing" if endpoint.failing_since else "active"


def endpoint_facts(endpoint: Endpoint) -> JsonObject:
    """One endpoint, without any secret's text; its secrets are asked for unless they were fetched along."""
    facts = {name: getattr(endpoint, name) for name in _ENDPOINT}
    secrets = sorted(endpoint.secrets.all(), key=lambda each: each.created_at, reverse=True)
    shown = [_secret_facts(each) for each in secrets if each.state != States.REVOKED]
    return {**facts, "status": status_of(endpoint), "secrets": shown}


def delivery_id(delivery: Delivery) -> str:
    """The public id of a delivery: the message's and the endpoint's, which together name it."""
    return f"{delivery.message.message_id}.{delivery.endpoint_id.hex}"


def parse_delivery_id(text: str) -> tuple[str, UUID] | None:
    """Read a delivery's public id; None for anything else."""
    match = _DELIVERY_ID.fullmatch(text)
    return (match[1], UUID(match[2])) if match else None


def delivery_facts(delivery: Delivery) -> JsonObject:
    """One delivery; its message must be fetched along."""
    return {
        "id": delivery_id(delivery),
        "message_id": delivery.message.message_id,
        "endpoint_id": delivery.endpoint_id,
        "type": delivery.message.type,
        "seq": delivery.seq,
        "is_probe": delivery.is_probe,
        "state": delivery.state,
        "attempts": delivery.numbered,
        "next_at": delivery.next_at if delivery.state == DeliveryState.PENDING else None,
        "created_at": delivery.created_at,
        "replayed_at": delivery.replayed_at,
        "finished_at": delivery.finished_at,
        "last_status": delivery.last_status,
        "last_reason": delivery.last_reason,
        "meaning": meaning_of(delivery.last_reason),
    }


def delivery_log(delivery: Delivery, *, attempts: Iterable[Attempt], body: MessageBody | None) -> JsonObject:
    """One delivery with all its attempts and what was sent."""
    text = bytes(body.body).decode() if body and body.body else None
    return {
        "success": True,
        "delivery": delivery_facts(delivery),
        "attempts": [_attempt_facts(each) for each in attempts],
        "body": text,
    }


def meaning_of(reason: str) -> str:
    """A reason of an attempt or a delivery, for a person."""
    if reason in set(DeliveryReason):
        return DELIVERY_MEANINGS[DeliveryReason(reason)]
    return MEANINGS[AttemptReason(reason)] if reason in set(AttemptReason) else ""


def published(message: Message) -> JsonObject:
    """The answer to a published event."""
    return {"success": True, "id": message.message_id, "type": message.type, "timestamp": message.occurred_at}


def feed_page(page: FeedPage) -> JsonObject:
    """One page of the pull feed."""
    events = [_feed_event(each) for each in page.events]
    return {"success": True, "events": events, "next": str(page.next), "has_more": page.has_more}


def _spelled(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _feed_event(event: FeedEvent) -> JsonObject:
    return {
        "id": event.message_id,
        "type": event.type,
        "version": event.version,
        "origin": event.source,
        "timestamp": event.occurred_at,
        "data": orjson.loads(event.data) if event.data else None,
        "partner_org_id": event.partner_org_id or None,
        "cursor": str(event.position),
    }


def _secret_facts(secret: EndpointSecret) -> JsonObject:
    return {name: getattr(secret, name) for name in _SECRET}


def _attempt_facts(attempt: Attempt) -> JsonObject:
    facts = {name: getattr(attempt, name) for name in _ATTEMPT}
    # What a name leads to inside a network is nobody's business outside it.
    address = None if attempt.reason in REFUSED else attempt.address
    return {**facts, "meaning": meaning_of(attempt.reason), "address": address}
