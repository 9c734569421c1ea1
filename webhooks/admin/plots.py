"""The attempts at an endpoint as bars, drawn on the server: how many arrived, and how long the receiver took."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from audit.admin_display import thousands
from partners.admin.usage_plot import HEIGHT, Bar, Plot

_SLOT: Final = 10.0
_BAR: Final = 8.0
_HOURS: Final = 24
_DAYS: Final = 14

_COUNTS: Final = """
SELECT date_trunc(%(unit)s, started_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
       count(*) FILTER (WHERE reason = 'delivered'), count(*) FILTER (WHERE reason NOT IN ('delivered', 'superseded')),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY total_ms) FILTER (WHERE reason = 'delivered'),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY total_ms) FILTER (WHERE reason = 'delivered')
FROM webhooks_attempt WHERE endpoint_id = %(endpoint)s AND started_at >= %(since)s GROUP BY 1
"""
_RATES: Final = """
SELECT endpoint_id, count(*) FILTER (WHERE reason = 'delivered'), count(*) FILTER (WHERE reason <> 'superseded')
FROM webhooks_attempt WHERE endpoint_id = ANY(%(endpoints)s) AND started_at >= %(since)s GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class _Slot:
    """The attempts of one hour or day; the two times are of those that arrived, in milliseconds."""

    delivered: int = 0
    failed: int = 0
    median_ms: float = 0.0
    p95_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """How many of the attempts of a day arrived."""

    delivered: int
    attempts: int

    def __str__(self) -> str:
        return f"{100 * self.delivered / self.attempts:.1f} %"


def plots_of(endpoint_id: UUID, now: datetime) -> list[Plot]:
    """Success and latency of an endpoint, by hour for a day and by day for two weeks."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=back) for back in range(_HOURS - 1, -1, -1)]
    days = [hour.replace(hour=0) - timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    by_hour, by_day = _slots(endpoint_id, "hour", hours[0]), _slots(endpoint_id, "day", days[0])
    return [
        _plot("Attempts, last 24 hours", hours, by_hour, "%H:%M", _outcome_bar),
        _plot("Answer time, last 24 hours", hours, by_hour, "%H:%M", _latency_bar),
        _plot("Attempts, last 14 days", days, by_day, "%d %b", _outcome_bar),
        _plot("Answer time, last 14 days", days, by_day, "%d %b", _latency_bar),
    ]


def success_rates(endpoint_ids: list[UUID], *, since: datetime) -> Mapping[UUID, SuccessRate]:
    """How many attempts arrived, for each endpoint that had any."""
    with connection.cursor() as cursor:
        cursor.execute(_RATES, {"endpoints": endpoint_ids, "since": since})
        return {row[0]: SuccessRate(row[1], row[2]) for row in cursor.fetchall() if row[2]}


def _slots(endpoint_id: UUID, unit: str, since: datetime) -> Mapping[datetime, _Slot]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"unit": unit, "endpoint": endpoint_id, "since": since})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return {row[0]: _Slot(row[1], row[2], float(row[3] or 0), float(row[4] or 0)) for row in rows}


def _plot(
    title: str,
    slots: list[datetime],
    found: Mapping[datetime, _Slot],
    form: str,
    draw: "Callable[[int, str, _Slot, float], Bar]",
) -> Plot:
    filled = [(slot, found.get(slot, _Slot())) for slot in slots]
    is_latency = draw is _latency_bar
    most = max((each.p95_ms if is_latency else each.delivered + each.failed) for _, each in filled)
    bars = [draw(index, slot.strftime(form), each, most) for index, (slot, each) in enumerate(filled)]
    summary = _latency_summary(filled) if is_latency else _outcome_summary(filled)
    ends = slots[0].strftime(form), slots[-1].strftime(form)
    shown = f"{thousands(round(most))} ms" if is_latency else thousands(round(most))
    return Plot(title, bars, len(slots) * _SLOT, HEIGHT, shown, summary, *ends)


def _outcome_summary(filled: list[tuple[datetime, _Slot]]) -> str:
    delivered, failed = sum(each.delivered for _, each in filled), sum(each.failed for _, each in filled)
    return f"{thousands(delivered)} delivered, {thousands(failed)} failed"


def _latency_summary(filled: list[tuple[datetime, _Slot]]) -> str:
    latest = next((each for _, each in reversed(filled) if each.delivered), None)
    return f"latest: median {latest.median_ms:.0f} ms, p95 {latest.p95_ms:.0f} ms" if latest else "nothing was delivered"


def _outcome_bar(index: int, name: str, slot: _Slot, most: float) -> Bar:
    label = f"{name}: {thousands(slot.delivered)} delivered, {thousands(slot.failed)} failed"
    return _bar(index, label, slot.delivered, slot.failed, most)


def _latency_bar(index: int, name: str, slot: _Slot, most: float) -> Bar:
    label = f"{name}: median {slot.median_ms:.0f} ms, p95 {slot.p95_ms:.0f} ms" if slot.delivered else f"{name}: nothing"
    return _bar(index, label, slot.p95_ms, 0, most)


def _bar(index: int, label: str, good: float, bad: float, most: float) -> Bar:
    unit = HEIGHT / most if most else 0.0
    good_height, bad_height = _visible(good * unit), _visible(bad * unit)
    return Bar(
        x=index * _SLOT + (_SLOT - _BAR) / 2,
        accepted_y=round(HEIGHT - good_height, 2),
        accepted_height=good_height,
        refused_y=round(HEIGHT - good_height - bad_height, 2),
        refused_height=bad_height,
        label=label,
    )


def _visible(height: float) -> float:
    return round(max(height, 1.5), 2) if height else 0.0
