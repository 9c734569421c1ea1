"""What must always hold of webhooks, asked in SQL: nothing without fan-out, nothing in flight too long, room for attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

# By this name, and its process's number, the connections of a pump are known in pg_stat_activity.
APPLICATION_NAME: Final = "sticker-pump"
# What is younger than this may be on its way.
_GRACE_SECONDS: Final = 60

_BEHIND: Final = """
SELECT count(*) FROM {table} t, webhooks_feedcursor c
WHERE c.name = %(name)s AND t.feed_xid IS NOT NULL AND (t.feed_xid, t.id) > (c.xid, c.row_id)
  AND t.{instant} < now() - make_interval(secs => %(grace)s)
"""
_STUCK: Final = """
SELECT count(*) FROM webhooks_delivery WHERE state = 'inflight' AND lease_until < now() - make_interval(secs => %(grace)s)
"""
_ROOM: Final = """
SELECT count(*) FROM generate_series(0, 1) AS step
WHERE to_regclass('webhooks_attempt_' || to_char((now() AT TIME ZONE 'UTC') + make_interval(months => step), 'YYYY_MM')) IS NULL
"""
# Due on an endpoint that takes deliveries and is not being left alone: what a pump should have sent by now.
_OLDEST: Final = """
SELECT coalesce(max(extract(epoch FROM now() - due.next_at)), 0)::float8
FROM webhooks_endpoint e JOIN partners_partner p ON p.id = e.partner_id CROSS JOIN LATERAL (
  SELECT greatest(d.next_at, e.resume_at) AS next_at FROM webhooks_delivery d WHERE d.endpoint_id = e.id AND d.state = 'pending'
  ORDER BY d.next_at LIMIT 1
) due
WHERE p.status = 'active' AND e.deleted_at IS NULL AND e.disabled_at IS NULL AND e.paused_at IS NULL
  AND e.verified_at IS NOT NULL AND due.next_at <= now() AND (e.resume_at IS NULL OR e.resume_at <= now())
  AND e.failing_since IS NULL
"""
_STATES: Final = "SELECT state, count(*) FROM webhooks_delivery GROUP BY state ORDER BY state"
_QUARANTINED: Final = "SELECT count(*) FROM webhooks_delivery WHERE state = 'quarantined'"
_FAILING: Final = "SELECT count(*) FROM webhooks_endpoint WHERE failing_since IS NOT NULL AND deleted_at IS NULL"
_PUMPS: Final = """
SELECT count(DISTINCT (client_addr, split_part(application_name, ' ', 2))) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE %(name)s AND state_change > now() - make_interval(secs => 10)
"""


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """What was found. `broken` counts by name what must not be at all; the rest is how things stand."""

    broken: Mapping[str, int]
    oldest_due_seconds: float
    quarantined: int
    failing_endpoints: int
    pumps: int
    states: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether everything that must hold does."""
        return not any(self.broken.values())


def read_health() -> WebhookHealth:
    """Ask for everything that can be asked quickly, however many deliveries there are."""
    grace = {"grace": _GRACE_SECONDS}
    broken = {
        "ledger_rows_without_fan_out": _number(
            _BEHIND.format(table="audit_event", instant="recorded_at"), name="ledger", **grace
        ),
        "events_without_fan_out": _number(
            _BEHIND.format(table="webhooks_message", instant="occurred_at"), name="messages", **grace
        ),
        "in_flight_past_their_lease": _number(_STUCK, **grace),
        "months_without_a_table": _number(_ROOM),
    }
    return WebhookHealth(
        broken=broken,
        oldest_due_seconds=float(_scalar(_OLDEST)),
        quarantined=_number(_QUARANTINED),
        failing_endpoints=_number(_FAILING),
        pumps=live_pumps(),
    )


def count_states() -> dict[str, int]:
    """Count the deliveries by state; reads all of them."""
    with connection.cursor() as cursor:
        cursor.execute(_STATES)
        return {state: int(count) for state, count in cursor.fetchall()}


def live_pumps() -> int:
    """Count the pumps that have asked for work within the last seconds."""
    return _number(_PUMPS, name=f"{APPLICATION_NAME} %")


def _number(sql: str, **params: str | int) -> int:
    return int(_scalar(sql, **params))


def _scalar(sql: str, **params: str | int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]
