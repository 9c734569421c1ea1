"""The numbers of each report, straight from the rows that prove them: ledger, use of keys, attempts at deliveries.

Everything is bounded by partner, environment and period; days are those of UTC. What retention took is no longer counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection

from audit.events import EventType
from core.principals import Environment
from partners.models import ApiKey
from partners.usage import ACCEPTED
from sticker_auth.reports.periods import Period
from webhooks.models import Endpoint

Number = int | float | None


class ReportName(StrEnum):
    """What can be reported."""

    HANDSHAKES = "handshakes"
    REDEMPTIONS = "redemptions"
    KEY_USAGE = "key-usage"
    DELIVERIES = "deliveries"


class Grouping(StrEnum):
    """What a row of a report stands for. Deliveries have no key of their own: theirs is the endpoint."""

    DAY = "day"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose numbers: one partner's in one environment."""

    partner_id: UUID
    environment: Environment


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One day, or one key with its name; `values` stand in the order of the report's columns."""

    group: str
    name: str
    values: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report's rows and what its columns are called. By day every day has a row, by key every key that did something."""

    name: ReportName
    grouping: Grouping
    columns: tuple[str, ...]
    rows: tuple[ReportRow, ...]

    def totals(self) -> dict[str, int]:
        """The sums of the columns that can be summed."""
        summed = [(index, name) for index, name in enumerate(self.columns) if name not in _TIMES]
        return {name: sum(int(row.values[index] or 0) for row in self.rows) for index, name in summed}


_TIMES: Final = ("median_ms", "p95_ms")
COLUMNS: Final[Mapping[ReportName, tuple[str, ...]]] = {
    ReportName.HANDSHAKES: ("handshakes",),
    ReportName.REDEMPTIONS: ("redemptions",),
    ReportName.KEY_USAGE: ("accepted", "refused"),
    ReportName.DELIVERIES: ("delivered", "failed", *_TIMES),
}
_EVENT: Final = {
    ReportName.HANDSHAKES: EventType.SESSION_CREATED.value,
    ReportName.REDEMPTIONS: EventType.SESSION_REDEEMED.value,
}
_DAY: Final = "({} AT TIME ZONE 'UTC')::date::text"
_LEDGER: Final = """
SELECT {group}, sum(e.count) FROM audit_event e {join}
WHERE e.partner_id = %(partner)s AND e.environment = %(environment)s AND e.type = %(type)s
  AND e.recorded_at >= %(start)s AND e.recorded_at < %(end)s
GROUP BY 1
"""
# A redemption is the user's act; the key is that of the handshake which made the token.
_MAKER: Final = """
LEFT JOIN LATERAL (
  SELECT m.actor_id FROM audit_event m WHERE m.subject_id = e.subject_id AND m.type = %(made)s ORDER BY m.id LIMIT 1
) maker ON true
"""
_USAGE: Final = """
SELECT {group}, coalesce(sum(u.count) FILTER (WHERE u.outcome = %(accepted)s), 0),
       coalesce(sum(u.count) FILTER (WHERE u.outcome <> %(accepted)s), 0)
FROM partners_keyusage u JOIN partners_apikey k ON k.id = u.key_id
WHERE k.partner_id = %(partner)s AND k.environment = %(environment)s AND u.hour >= %(start)s AND u.hour < %(end)s
GROUP BY 1
"""
_ATTEMPTS: Final = """
SELECT {group}, count(*) FILTER (WHERE a.reason = 'delivered'), count(*) FILTER (WHERE a.reason <> 'delivered'),
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY a.total_ms) FILTER (WHERE a.reason = 'delivered')),
       round(percentile_cont(0.95) WITHIN GROUP (ORDER BY a.total_ms) FILTER (WHERE a.reason = 'delivered'))
FROM webhooks_attempt a JOIN webhooks_endpoint e ON e.id = a.endpoint_id
WHERE e.partner_id = %(partner)s AND e.environment = %(environment)s AND a.reason <> 'superseded'
  AND a.started_at >= %(start)s AND a.started_at < %(end)s
GROUP BY 1
"""


def make_report(name: ReportName, *, subject: Subject, period: Period, grouping: Grouping) -> Report:
    """Count what a report is about."""
    found = _counted(name, subject, period, grouping)
    columns = COLUMNS[name]
    if grouping is Grouping.DAY:
        rows = [ReportRow(str(day), "", found.get(str(day), _nothing(columns))) for day in period.days()]
    else:
        names = _names(name, list(found), subject)
        rows = [ReportRow(group, names.get(group, ""), values) for group, values in sorted(found.items())]
    return Report(name, grouping, columns, tuple(rows))


def _counted(name: ReportName, subject: Subject, period: Period, grouping: Grouping) -> dict[str, tuple[Number, ...]]:
    params = {
        "partner": subject.partner_id,
        "environment": subject.environment.value,
        "start": period.starts_at,
        "end": period.ends_at,
        "accepted": ACCEPTED,
        "made": EventType.SESSION_CREATED.value,
        "type": _EVENT.get(name, ""),
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(name, grouping), params)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return {str(group or ""): tuple(None if value is None else int(value) for value in values) for group, *values in rows}


def _statement(name: ReportName, grouping: Grouping) -> str:
    is_by_day = grouping is Grouping.DAY
    if name is ReportName.HANDSHAKES:
        return _LEDGER.format(group=_DAY.format("e.recorded_at") if is_by_day else "e.actor_id", join="")
    if name is ReportName.REDEMPTIONS:
        group = _DAY.format("e.recorded_at") if is_by_day else "maker.actor_id"
        return _LEDGER.format(group=group, join="" if is_by_day else _MAKER)
    if name is ReportName.KEY_USAGE:
        return _USAGE.format(group=_DAY.format("u.hour") if is_by_day else "k.kid")
    return _ATTEMPTS.format(group=_DAY.format("a.started_at") if is_by_day else "e.id::text")


def _names(name: ReportName, groups: list[str], subject: Subject) -> dict[str, str]:
    """What people call the keys of a report; for deliveries, the endpoints' addresses."""
    if name is ReportName.DELIVERIES:
        endpoints = Endpoint.objects.filter(partner_id=subject.partner_id, pk__in=groups).values_list("pk", "url")
        return {str(pk): url for pk, url in endpoints}
    return dict(ApiKey.objects.filter(partner_id=subject.partner_id, kid__in=groups).values_list("kid", "name"))


def _nothing(columns: tuple[str, ...]) -> tuple[Number, ...]:
    return tuple(None if name in _TIMES else 0 for name in columns)
