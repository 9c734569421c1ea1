"""Many rows in one statement each: fan-out writes thousands a second, and the ORM's own way takes several times as long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

_MESSAGES: Final = """
INSERT INTO webhooks_message (message_id, partner_id, environment, type, version, source, data, partner_org_id, occurred_at,
                              ledger_event_id)
SELECT u.message_id, u.partner_id, u.environment, u.type, u.version, 'own', u.data, '', u.occurred_at, u.ledger_event_id
FROM unnest(%(message_ids)s::text[], %(partners)s::uuid[], %(environments)s::text[], %(types)s::text[],
            %(versions)s::smallint[], %(datas)s::bytea[], %(instants)s::timestamptz[], %(ledger_events)s::bigint[])
     WITH ORDINALITY AS u(message_id, partner_id, environment, type, version, data, occurred_at, ledger_event_id, place)
ORDER BY u.place
"""
_DELIVERIES: Final = """
INSERT INTO webhooks_delivery (message_id, endpoint_id, partner_id, environment, seq, state, last_reason)
SELECT u.message_id, u.endpoint_id, e.partner_id, e.environment, u.seq, u.state, u.reason
FROM unnest(%(messages)s::bigint[], %(endpoints)s::uuid[], %(seqs)s::bigint[], %(states)s::text[], %(reasons)s::text[])
     WITH ORDINALITY AS u(message_id, endpoint_id, seq, state, reason, place)
JOIN webhooks_endpoint e ON e.id = u.endpoint_id ORDER BY u.place
"""
_BODIES: Final = """
INSERT INTO webhooks_messagebody (message_id, style, body)
SELECT * FROM unnest(%(messages)s::bigint[], %(styles)s::text[], %(bodies)s::bytea[])
ON CONFLICT (message_id, style) DO NOTHING
"""
_NUMBERS: Final = """
UPDATE webhooks_endpoint e SET last_seq = u.seq FROM unnest(%(endpoints)s::uuid[], %(seqs)s::bigint[]) AS u(id, seq)
WHERE e.id = u.id
"""

Columns = Mapping[str, list[Any]]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message of our own that a ledger row is told as."""

    message_id: str
    partner_id: UUID
    environment: str
    type: str
    version: int
    data: bytes
    occurred_at: datetime
    ledger_event_id: int


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery in the state it begins in."""

    message_id: int
    endpoint_id: UUID
    seq: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class NewBody:
    """The bytes of a message for one family of receivers."""

    message_id: int
    style: str
    body: bytes


def insert_messages(rows: Sequence[NewMessage]) -> None:
    """Write messages, numbered in the order given."""
    columns: Columns = {
        "message_ids": [row.message_id for row in rows],
        "partners": [row.partner_id for row in rows],
        "environments": [row.environment for row in rows],
        "types": [row.type for row in rows],
        "versions": [row.version for row in rows],
        "datas": [row.data for row in rows],
        "instants": [row.occurred_at for row in rows],
        "ledger_events": [row.ledger_event_id for row in rows],
    }
    _run(_MESSAGES, columns)


def insert_deliveries(rows: Sequence[NewDelivery]) -> None:
    """Write deliveries, numbered in the order given; their endpoints' rows are held by the caller."""
    columns: Columns = {
        "messages": [row.message_id for row in rows],
        "endpoints": [row.endpoint_id for row in rows],
        "seqs": [row.seq for row in rows],
        "states": [row.state for row in rows],
        "reasons": [row.reason for row in rows],
    }
    _run(_DELIVERIES, columns)


def insert_bodies(rows: Sequence[NewBody]) -> None:
    """Write bodies; one that is there already stays as it is."""
    columns: Columns = {
        "messages": [row.message_id for row in rows],
        "styles": [row.style for row in rows],
        "bodies": [row.body for row in rows],
    }
    _run(_BODIES, columns)


def store_numbers(numbers: Sequence[tuple[UUID, int]]) -> None:
    """Note the number of each endpoint's last delivery."""
    _run(_NUMBERS, {"endpoints": [each[0] for each in numbers], "seqs": [each[1] for each in numbers]})


def _run(sql: str, columns: Columns) -> None:
    if next(iter(columns.values())):
        with connection.cursor() as cursor:
            cursor.execute(sql, columns)
