"""Writing the ledger: `record` inside the act's transaction, or `ledger_ctes` inside the act's own statement."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection

from audit.events import DELIVERED, NOTES, EventType
from core.logs import mask
from core.principals import NO_CONTEXT, Actor, RequestContext

SALT_BYTES: Final = 16
_COLUMNS: Final = (
    "type, severity, actor_kind, actor_id, actor_label, partner_id, environment,"
    " subject_type, subject_id, reason, data, request_id, context_hash, feed_xid"
)
# What stands in a row that partners may be told of, and in one that they may not (`core.feeds`).
FED: Final = "pg_current_xact_id()"
NOT_FED: Final = "NULL::xid8"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happened, before it becomes a ledger row. `reason` is a person's, `data` never holds a secret."""

    type: EventType
    actor: Actor
    partner_id: UUID | None = None
    environment: str = ""
    subject_type: str = ""
    subject_id: str = ""
    reason: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


def record(act: Act) -> int:
    """Write one ledger row, with its personal part apart, and return its number.

    Must run inside the transaction of the act, so that both exist or neither.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a ledger row is written inside the transaction of its act")
    with connection.cursor() as cursor:
        cursor.execute(_RECORD[act.type in DELIVERED], ledger_params(act))
        return int(cursor.fetchone()[0])


def record_all(acts: Iterable[Act]) -> None:
    """Write many ledger rows in few round trips, inside the transaction of what they tell of."""
    if not connection.in_atomic_block:
        raise RuntimeError("a ledger row is written inside the transaction of its act")
    rows: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for act in acts:
        rows[act.type in DELIVERED].append(ledger_params(act))
    with connection.cursor() as cursor:
        for is_fed, params in rows.items():
            if params:
                cursor.executemany(_RECORD[is_fed], params)


def ledger_ctes(
    *,
    source: str,
    subject_id: str = "%(ev_subject_id)s",
    data: str = "%(ev_data)s::jsonb",
    environment: str = "%(ev_environment)s",
    feed_xid: str = FED,
) -> str:
    """The part of a WITH clause that writes the ledger row for the first row of `source`, another CTE of the statement.

    `subject_id`, `data` and `environment` are SQL expressions over `source`; the rest comes from `ledger_params`. `feed_xid`
    is FED for a type in `DELIVERED`, else NOT_FED.
    """
    return f"""ledger AS (
      INSERT INTO audit_event ({_COLUMNS})
      SELECT %(ev_type)s, %(ev_severity)s, %(ev_actor_kind)s, %(ev_actor_id)s, %(ev_actor_label)s, %(ev_partner_id)s::uuid,
             {environment}, %(ev_subject_type)s, {subject_id}, %(ev_reason)s, {data}, %(ev_request_id)s,
             %(ev_context_hash)s::bytea, {feed_xid}
      FROM {source} LIMIT 1
      RETURNING id
    ), ledger_context AS (
      INSERT INTO audit_eventcontext (event_id, address, user_agent, salt)
      SELECT id, %(ev_address)s::inet, %(ev_user_agent)s, %(ev_salt)s::bytea FROM ledger WHERE %(ev_salt)s::bytea IS NOT NULL
    )"""  # noqa: S608  # the callers pass literal SQL of their own


_RECORD: Final = {
    is_fed: f"WITH src AS (SELECT 1), {ledger_ctes(source='src', feed_xid=FED if is_fed else NOT_FED)} SELECT id FROM ledger"  # noqa: S608  # constants
    for is_fed in (True, False)
}


def ledger_params(act: Act) -> dict[str, Any]:
    """The named parameters `ledger_ctes` needs. Free text is masked here, whoever wrote it."""
    context = act.actor.context
    salt = secrets.token_bytes(SALT_BYTES) if context is not NO_CONTEXT else None
    return {
        "ev_type": act.type.value,
        "ev_severity": NOTES[act.type].severity.value,
        "ev_actor_kind": act.actor.kind.value,
        "ev_actor_id": act.actor.id[:64],
        "ev_actor_label": act.actor.label[:150],
        "ev_partner_id": act.partner_id,
        "ev_environment": act.environment,
        "ev_subject_type": act.subject_type,
        "ev_subject_id": act.subject_id,
        "ev_reason": mask(act.reason)[:500],
        "ev_data": mask(json.dumps(dict(act.data), default=str)),
        "ev_request_id": context.request_id,
        "ev_context_hash": context_hash(context, salt) if salt else None,
        "ev_address": context.address,
        "ev_user_agent": mask(context.user_agent),
        "ev_salt": salt,
    }


def context_hash(context: RequestContext, salt: bytes) -> bytes:
    """Bind the personal part to its ledger row without storing it there: SHA-256 over salt, address and user agent."""
    text = f"{context.address or ''}\x1f{mask(context.user_agent)}"
    return hashlib.sha256(salt + text.encode()).digest()
