"""What of deliveries stays for how long: contents go first, then who got what and when, and attempts by whole months.

In small batches, each a transaction of its own, so that no delivery waits for it. Killed half-way it has simply done less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from audit.events import EventType
from audit.services import Act, record
from core.principals import SYSTEM, Actor
from webhooks.models import FINAL_STATES, DeliveryState

BATCH_ROWS: Final = 2_000
# Any number that no other advisory lock of ours uses.
ADVISORY_LOCK: Final = 7_240_412
_MONTHS_AHEAD: Final = 2
_FINAL: Final = ", ".join(f"'{state.value}'" for state in FINAL_STATES)

# What nobody took in time is given up; a replay makes it young again. Each state has an index of its own to find it by.
_WAITING: Final = (DeliveryState.PENDING, DeliveryState.PARKED, DeliveryState.QUARANTINED)
_EXPIRE: Final = """
WITH old AS (
  SELECT id FROM webhooks_delivery
  WHERE state = '{state}' AND created_at < %(before)s AND coalesce(replayed_at, created_at) < %(before)s
  LIMIT %(rows)s FOR UPDATE SKIP LOCKED
)
UPDATE webhooks_delivery d SET state = 'cancelled', last_reason = 'expired', finished_at = now() FROM old WHERE d.id = old.id
RETURNING d.id
"""
# Delivered contents go early; those of events that somebody still waits for, or nobody was sent, when their time is over.
_BLANK: Final = """
WITH old AS (
  SELECT m.id FROM webhooks_message m
  WHERE m.occurred_at < %(before)s AND m.id > %(after)s AND m.data <> '' AND (
    EXISTS (SELECT 1 FROM webhooks_delivery d WHERE d.message_id = m.id)
      AND NOT EXISTS (SELECT 1 FROM webhooks_delivery d WHERE d.message_id = m.id
                      AND (d.state NOT IN ('delivered', 'cancelled') OR d.finished_at >= %(before)s))
    OR m.occurred_at < %(long_before)s
      AND NOT EXISTS (SELECT 1 FROM webhooks_delivery d WHERE d.message_id = m.id
                      AND d.state IN ('pending', 'inflight', 'parked', 'quarantined')))
  ORDER BY m.id LIMIT %(rows)s
), bodies AS (
  DELETE FROM webhooks_messagebody b USING old WHERE b.message_id = old.id
)
UPDATE webhooks_message m SET data = '' FROM old WHERE m.id = old.id RETURNING m.id
"""
_DELIVERIES: Final = f"""
DELETE FROM webhooks_delivery WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM webhooks_delivery WHERE finished_at < %(before)s AND state IN ({_FINAL})
  LIMIT %(rows)s FOR UPDATE SKIP LOCKED))
RETURNING id
"""  # noqa: S608  # states of this app
_MESSAGES: Final = """
WITH old AS (
  SELECT m.id FROM webhooks_message m WHERE m.occurred_at < %(before)s AND m.id > %(after)s
    AND NOT EXISTS (SELECT 1 FROM webhooks_delivery d WHERE d.message_id = m.id)
  ORDER BY m.id LIMIT %(rows)s
), bodies AS (
  DELETE FROM webhooks_messagebody b USING old WHERE b.message_id = old.id RETURNING b.id
)
SELECT old.id FROM old, (SELECT count(*) FROM bodies) AS gone
"""
_REST: Final = "DELETE FROM webhooks_attempt_rest WHERE started_at < %(before)s"


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of one kind of data a purge has removed."""

    target: str
    rows: int


def purge_webhooks(*, now: datetime, actor: Actor = SYSTEM) -> list[Progress]:
    """Remove what is over its time, make room for the attempts to come, and write one ledger row of what was removed.

    Of concurrent purges one works and the others end at once. Retention is not a credential's deadline, so `now` is given.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            return []
    try:
        add_partitions(now=now)
        done = [Progress(target, rows) for target, rows in _targets(now) if rows]
        _report(done, actor)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
    return done


def add_partitions(*, now: datetime) -> list[str]:
    """Make the monthly tables of attempts for this month and the next two; return the names of those that are new."""
    return [_add(month) for month in _months(now) if not _exists(_name(month))]


def _targets(now: datetime) -> Iterator[tuple[str, int]]:
    bodies, undelivered = now - settings.WEBHOOK_BODY_RETENTION, now - settings.WEBHOOK_UNDELIVERED_RETENTION
    deliveries = now - settings.WEBHOOK_DELIVERY_RETENTION
    yield "undelivered", sum(_walk(_EXPIRE.format(state=state.value), before=undelivered) for state in _WAITING)
    yield "contents", _walk(_BLANK, before=bodies, long_before=undelivered)
    yield "deliveries", _walk(_DELIVERIES, before=deliveries)
    yield "messages", _walk_messages(before=deliveries)
    yield "months_of_attempts", _drop_months(deliveries)


def _walk(sql: str, **bounds: datetime) -> int:
    """Run a batch statement until nothing is left for it to do; return how many rows."""
    after, total = 0, 0
    while ids := _ids(sql, {**bounds, "after": after, "rows": BATCH_ROWS}):
        after, total = max(ids), total + len(ids)
    return total


def _walk_messages(*, before: datetime) -> int:
    total, after = 0, 0
    while True:
        with transaction.atomic():
            ids = _ids(_MESSAGES, {"before": before, "after": after, "rows": BATCH_ROWS})
            if not ids:
                return total
            _ids("DELETE FROM webhooks_message WHERE id = ANY(%(ids)s) RETURNING id", {"ids": ids})
        after, total = max(ids), total + len(ids)


def _ids(sql: str, params: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [row[0] for row in cursor.fetchall()]


def _drop_months(before: datetime) -> int:
    """Drop the tables of months that ended before an instant, and what the table for the rest holds from before it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'webhooks_attempt'::regclass AND c.relname ~ '^webhooks_attempt_[0-9]{4}_[0-9]{2}$'"
        )
        old = [name for (name,) in cursor.fetchall() if _end_of(name) <= before]
        for name in sorted(old):
            cursor.execute(f'DROP TABLE "{name}"')  # a name that the pattern above admits
        cursor.execute(_REST, {"before": before})
    return len(old)


def _add(month: datetime) -> str:
    """Make one month's table; rows of that month which the table for the rest holds move over."""
    name, bounds = _name(month), {"begin": month, "end": _next(month)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE webhooks_attempt IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "CREATE TEMPORARY TABLE moving AS"
            " SELECT * FROM webhooks_attempt_rest WHERE started_at >= %(begin)s AND started_at < %(end)s",
            bounds,
        )
        cursor.execute("DELETE FROM webhooks_attempt_rest WHERE started_at >= %(begin)s AND started_at < %(end)s", bounds)
        begin, end = month.isoformat(), _next(month).isoformat()
        cursor.execute(f"CREATE TABLE \"{name}\" PARTITION OF webhooks_attempt FOR VALUES FROM ('{begin}') TO ('{end}')")
        cursor.execute("INSERT INTO webhooks_attempt SELECT * FROM moving")  # the columns are those of the table itself
        cursor.execute("DROP TABLE moving")
    return name


def _exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def _months(now: datetime) -> Iterator[datetime]:
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(_MONTHS_AHEAD + 1):
        yield month
        month = _next(month)


def _next(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _name(month: datetime) -> str:
    return f"webhooks_attempt_{month:%Y_%m}"


def _end_of(name: str) -> datetime:
    return _next(datetime.strptime(name[-7:], "%Y_%m").replace(tzinfo=UTC))


def _report(done: list[Progress], actor: Actor) -> None:
    if done:
        data = {f"webhook_{each.target}": each.rows for each in done}
        with transaction.atomic():
            record(Act(EventType.PURGE_COMPLETED, actor, data=data))
