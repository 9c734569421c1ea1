"""What follows from an endpoint's troubles: the partner is warned after one and three days, and only after five it is disabled.

What the pump sees it counts in the endpoint's row; the consequences are drawn here, each as an act of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from audit.events import EventType
from audit.services import Act, record
from core.principals import SYSTEM
from webhooks.errors import EndpointNotFoundError
from webhooks.mails import EndpointTrouble, mail_trouble
from webhooks.models import Endpoint
from webhooks.reasons import DisabledReason
from webhooks.services.endpoints import disable_endpoint
from webhooks.services.ledger import endpoint_act

WARNED_AFTER_HOURS: Final = (24, 72)
DISABLED_AFTER: Final = timedelta(days=5)
DISABLED_FAILURES: Final = 20
# Between the first and the last failure: one bad hour after a quiet week is no reason.
DISABLED_SPAN: Final = timedelta(hours=12)
MAX_ABANDONED: Final = 5
_BATCH_ROWS: Final = 50

log = structlog.get_logger("sticker.webhooks")

_OPEN: Final = "deleted_at IS NULL AND disabled_at IS NULL AND paused_at IS NULL"
_WARN: Final = f"""
WITH due AS (
  SELECT e.id, t.hours FROM webhooks_endpoint e CROSS JOIN LATERAL (
    SELECT max(hours) AS hours FROM unnest(%(hours)s::int[]) AS hours
    WHERE e.failing_since <= now() - make_interval(hours => hours)
  ) t
  WHERE e.failing_since IS NOT NULL AND t.hours > e.warned_hours AND {_OPEN} ORDER BY e.id LIMIT %(rows)s
  FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE webhooks_endpoint e SET warned_hours = due.hours FROM due WHERE e.id = due.id
RETURNING e.id, e.partner_id, e.environment, e.url, e.failing_since, e.consecutive_failures, e.warned_hours
"""  # noqa: S608  # a constant
_RECOVER: Final = f"""
WITH well AS (
  SELECT id FROM webhooks_endpoint WHERE warned_hours > 0 AND failing_since IS NULL AND {_OPEN} ORDER BY id LIMIT %(rows)s
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webhooks_endpoint e SET warned_hours = 0 FROM well WHERE e.id = well.id RETURNING e.id
"""  # noqa: S608  # a constant
_HOPELESS: Final = f"""
SELECT id, partner_id, environment, url, failing_since, consecutive_failures, warned_hours FROM webhooks_endpoint
WHERE failing_since <= now() - %(days)s AND last_failure_at - failing_since >= %(span)s AND consecutive_failures >= %(failures)s
  AND {_OPEN} ORDER BY id LIMIT %(rows)s
"""  # noqa: S608  # a constant
_QUARANTINE: Final = """
WITH lost AS (
  SELECT id FROM webhooks_delivery WHERE state = 'inflight' AND lease_until < now() AND abandoned + 1 >= %(most)s
  ORDER BY id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
)
UPDATE webhooks_delivery d SET state = 'quarantined', claim = NULL, lease_until = NULL, abandoned = d.abandoned + 1,
  last_reason = 'leases_lost' FROM lost WHERE d.id = lost.id
RETURNING d.id, d.partner_id, d.environment, d.endpoint_id
"""


@dataclass(frozen=True, slots=True)
class Review:
    """How many endpoints were warned of, well again and disabled, and how many deliveries were set aside."""

    warned: int
    recovered: int
    disabled: int
    quarantined: int


def review_endpoints() -> Review:
    """Draw the consequences that are due. Cheap when there are none; safe to run at any time, anywhere."""
    quarantined = quarantine_lost()
    recovered = _record_recovered()
    disabled = _disable_hopeless()
    return Review(_warn_partners(), recovered, disabled, quarantined)


def disable_gone(endpoint_id: UUID) -> None:
    """Disable an endpoint that answered 410; one that was deleted meanwhile needs nothing. Safe to call twice."""
    try:
        disable_endpoint(endpoint_id, because=DisabledReason.GONE, reason="", actor=SYSTEM)
    except EndpointNotFoundError:
        return


def quarantine_lost() -> int:
    """Set aside what has lost its worker five times, for staff to look at; return how many deliveries."""
    with transaction.atomic():
        rows = _rows(_QUARANTINE, {"most": MAX_ABANDONED, "rows": _BATCH_ROWS})
        for delivery_id, partner_id, environment, endpoint_id in rows:
            data = {"endpoint_id": str(endpoint_id)}
            scope = (partner_id, environment, "delivery", str(delivery_id))
            record(Act(EventType.DELIVERY_QUARANTINED, SYSTEM, *scope, data=data))
            log.error("delivery.quarantined", delivery=delivery_id, endpoint=str(endpoint_id))
    return len(rows)


def _warn_partners() -> int:
    with transaction.atomic():
        troubles = _troubles(_WARN, {"hours": list(WARNED_AFTER_HOURS), "rows": _BATCH_ROWS})
        _record_each(EventType.ENDPOINT_FAILING, troubles)
    mail_trouble(troubles, is_disabled=False)
    return len(troubles)


def _record_recovered() -> int:
    with transaction.atomic():
        found = [row[0] for row in _rows(_RECOVER, {"rows": _BATCH_ROWS})]
        for endpoint in Endpoint.objects.filter(pk__in=found):
            record(endpoint_act(EventType.ENDPOINT_RECOVERED, endpoint, SYSTEM))
    return len(found)


def _disable_hopeless() -> int:
    params = {"days": DISABLED_AFTER, "span": DISABLED_SPAN, "failures": DISABLED_FAILURES, "rows": _BATCH_ROWS}
    troubles = _troubles(_HOPELESS, params)
    for trouble in troubles:
        disable_endpoint(trouble.endpoint_id, because=DisabledReason.FAILING, reason="", actor=SYSTEM)
    mail_trouble(troubles, is_disabled=True)
    return len(troubles)


def _record_each(event: EventType, troubles: Sequence[EndpointTrouble]) -> None:
    endpoints = Endpoint.objects.in_bulk([trouble.endpoint_id for trouble in troubles])
    for trouble in troubles:
        data = {"failing_since": trouble.failing_since, "failures": trouble.failures, "hours": trouble.warned_hours}
        record(endpoint_act(event, endpoints[trouble.endpoint_id], SYSTEM, data=data))


def _troubles(sql: str, params: dict[str, Any]) -> list[EndpointTrouble]:
    return [EndpointTrouble(*row) for row in _rows(sql, params)]


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
