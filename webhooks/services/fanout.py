"""Fan-out: ledger rows become messages, and messages become one delivery for each endpoint that asks for their type.

Both steps read in the order of commits behind a cursor (`core.feeds`) and move the cursor in the transaction that writes what
they made: a crash repeats nothing and skips nothing, and of two fan-outs at once one works. So the numbers of an endpoint's
deliveries are in the order of the pull feed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit.events import EventType
from core import base62
from core.feeds import HORIZON_SQL, Position
from core.principals import Environment
from webhooks.canonical import render_body
from webhooks.catalogue import matches
from webhooks.formats import SignatureFormat
from webhooks.models import DeliveryState, Endpoint, FeedCursor
from webhooks.projection import LedgerRow, find_people, public_data
from webhooks.reasons import DeliveryReason
from webhooks.services.insertions import (
    NewBody,
    NewDelivery,
    NewMessage,
    insert_bodies,
    insert_deliveries,
    insert_messages,
    store_numbers,
)

PAGE_ROWS: Final = 200
LEDGER: Final = "ledger"
MESSAGES: Final = "messages"
_MESSAGE_ID_CHARS: Final = 27

_LEDGER_PAGE: Final = f"""
SELECT id, feed_xid::text::bigint, type, recorded_at, partner_id, environment, actor_kind, subject_type, subject_id, data
FROM audit_event
WHERE feed_xid IS NOT NULL AND (feed_xid, id) > (%(xid)s::xid8, %(id)s) AND feed_xid < {HORIZON_SQL}
ORDER BY feed_xid, id LIMIT %(limit)s
"""  # noqa: S608  # a constant
_MESSAGE_PAGE: Final = f"""
SELECT id, feed_xid::text::bigint, partner_id, environment, type, data, occurred_at FROM webhooks_message
WHERE feed_xid IS NOT NULL AND (feed_xid, id) > (%(xid)s::xid8, %(id)s) AND feed_xid < {HORIZON_SQL}
ORDER BY feed_xid, id LIMIT %(limit)s
"""  # noqa: S608  # a constant


@dataclass(frozen=True, slots=True)
class FanOut:
    """What one step made, and whether there is more to do at once."""

    messages: int
    deliveries: int
    is_behind: bool


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A message that has no deliveries yet."""

    id: int
    xid: int
    partner_id: UUID
    environment: str
    type: str
    data: bytes
    occurred_at: datetime


def fan_out(*, limit: int = PAGE_ROWS) -> FanOut:
    """Take the next page of ledger rows and of messages; cheap when there is nothing. Safe to run at any time, anywhere."""
    rows = make_messages(limit=limit)
    read, deliveries = make_deliveries(limit=limit)
    return FanOut(rows, deliveries, is_behind=rows >= limit or read >= limit)


def make_messages(*, limit: int = PAGE_ROWS) -> int:
    """Turn the next ledger rows that partners may be told of into messages; return how many rows were read."""
    with transaction.atomic():
        position = _take_cursor(LEDGER)
        if position is None:
            return 0
        rows = [_ledger_row(row) for row in _page(_LEDGER_PAGE, position, limit)]
        if rows:
            people = find_people(rows)
            insert_messages([message for row in rows for message in _messages_of(row, public_data(row, people))])
            _move_cursor(LEDGER, Position(rows[-1].xid, rows[-1].id))
    return len(rows)


def make_deliveries(*, limit: int = PAGE_ROWS) -> tuple[int, int]:
    """Make the deliveries of the next messages; return how many messages were read and how many deliveries made."""
    with transaction.atomic():
        position = _take_cursor(MESSAGES)
        if position is None:
            return 0, 0
        fresh = [_Fresh(*row) for row in _page(_MESSAGE_PAGE, position, limit)]
        if not fresh:
            return 0, 0
        deliveries = _deliver(fresh)
        _move_cursor(MESSAGES, Position(fresh[-1].xid, fresh[-1].id))
    return len(fresh), deliveries


def new_message_id() -> str:
    """A public id nobody can guess; it has no dot, which would make the signed content ambiguous."""
    return f"msg_{base62.random_text(_MESSAGE_ID_CHARS)}"


def parked_reason(endpoint: Endpoint) -> DeliveryReason | None:
    """Why deliveries of an endpoint wait; None when they go out."""
    if endpoint.disabled_at:
        return DeliveryReason.DISABLED
    if endpoint.paused_at:
        return DeliveryReason.PAUSED
    return None if endpoint.verified_at else DeliveryReason.UNVERIFIED


def _take_cursor(name: str) -> Position | None:
    cursor = FeedCursor.objects.select_for_update(skip_locked=True).filter(pk=name).first()
    return Position(int(cursor.xid or 0), cursor.row_id) if cursor else None


def _move_cursor(name: str, position: Position) -> None:
    FeedCursor.objects.filter(pk=name).update(xid=position.xid, row_id=position.id, updated_at=timezone.now())


def _page(sql: str, position: Position, limit: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"xid": str(position.xid), "id": position.id, "limit": limit})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _ledger_row(row: tuple[Any, ...]) -> LedgerRow:
    id_, xid, type_, recorded_at, partner_id, environment, actor_kind, subject_type, subject_id, data = row
    values = json.loads(data) if isinstance(data, str) else data
    kind = EventType(type_)
    return LedgerRow(id_, xid, kind, recorded_at, partner_id, environment, actor_kind, subject_type, subject_id, values)


def _messages_of(row: LedgerRow, data: bytes) -> Iterable[NewMessage]:
    if row.partner_id is None:
        return
    event = row.definition
    for environment in [row.environment] if row.environment else list(Environment):
        yield NewMessage(
            new_message_id(), row.partner_id, environment, event.type, event.version, data, row.recorded_at, row.id
        )


def _deliver(fresh: Sequence[_Fresh]) -> int:
    wanted = _wanted(fresh, Endpoint.objects.present().filter(partner_id__in={each.partner_id for each in fresh}))
    # Locked in the order of their keys, as everywhere; what changed before the lock was had counts.
    locked = Endpoint.objects.present().filter(pk__in=wanted).select_for_update(no_key=True).order_by("pk")
    endpoints = {endpoint.pk: endpoint for endpoint in locked}
    deliveries: list[NewDelivery] = []
    bodies: dict[tuple[int, str], NewBody] = {}
    for endpoint_id, messages in _wanted(fresh, endpoints.values()).items():
        endpoint = endpoints[endpoint_id]
        for message in messages:
            endpoint.last_seq += 1
            deliveries.append(_delivery(message, endpoint))
            style = endpoint.signature_format
            if (message.id, style) not in bodies:
                bodies[message.id, style] = _body(message, style)
    insert_bodies(list(bodies.values()))
    insert_deliveries(deliveries)
    store_numbers([(endpoint.pk, endpoint.last_seq) for endpoint in endpoints.values()])
    return len(deliveries)


def _wanted(fresh: Sequence[_Fresh], endpoints: Iterable[Endpoint]) -> Mapping[UUID, list[_Fresh]]:
    found: dict[UUID, list[_Fresh]] = {}
    for endpoint in endpoints:
        mine = [each for each in fresh if _is_for(each, endpoint)]
        if mine:
            found[endpoint.pk] = mine
    return found


def _is_for(message: _Fresh, endpoint: Endpoint) -> bool:
    if message.partner_id != endpoint.partner_id or message.environment != endpoint.environment:
        return False
    return any(matches(pattern, message.type) for pattern in endpoint.event_types)


def _delivery(message: _Fresh, endpoint: Endpoint) -> NewDelivery:
    reason = parked_reason(endpoint)
    state = DeliveryState.PARKED if reason else DeliveryState.PENDING
    return NewDelivery(message.id, endpoint.pk, endpoint.last_seq, state.value, reason.value if reason else "")


def _body(message: _Fresh, style: str) -> NewBody:
    data = bytes(message.data)
    body = render_body(data, event_type=message.type, occurred_at=message.occurred_at, style=SignatureFormat(style))
    return NewBody(message.id, style, body)
