"""The use of a key as bars, drawn on the server: the last 24 hours by hour, the last 30 days by day."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Sum

from audit.admin_display import thousands
from partners.models import ApiKey, KeyUsage
from partners.usage import ACCEPTED

HEIGHT: Final = 96.0
_SLOT: Final = 10.0
_BAR: Final = 8.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour or day: two stacked rectangles in the plot's own units, and what they say."""

    x: float
    accepted_y: float
    accepted_height: float
    refused_y: float
    refused_height: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A bar chart ready to draw, with the sentence a screen reader reads instead."""

    title: str
    bars: list[Bar]
    width: float
    height: float
    most: str
    summary: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Count:
    """Calls in one slot."""

    accepted: int = 0
    refused: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.accepted + other.accepted, self.refused + other.refused)


def plots_of(key: ApiKey, now: datetime) -> list[Plot]:
    """Both plots of a key, from one question."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    hours = [hour - timedelta(hours=back) for back in range(23, -1, -1)]
    days = [day - timedelta(days=back) for back in range(29, -1, -1)]
    by_hour = _counts(key, since=days[0])
    by_day: dict[datetime, Count] = defaultdict(Count)
    for start, count in by_hour.items():
        by_day[start.replace(hour=0)] += count
    return [draw_plot("Last 24 hours", hours, by_hour, "%H:%M"), draw_plot("Last 30 days", days, by_day, "%d %b")]


def _counts(key: ApiKey, *, since: datetime) -> Mapping[datetime, Count]:
    rows = KeyUsage.objects.filter(key=key).since(since).values_list("hour", "outcome").annotate(calls=Sum("count"))
    found: dict[datetime, Count] = defaultdict(Count)
    for hour, outcome, calls in rows:
        found[hour] += Count(accepted=calls) if outcome == ACCEPTED else Count(refused=calls)
    return found


def draw_plot(
    title: str,
    slots: list[datetime],
    counts: Mapping[datetime, Count],
    form: str,
    *,
    words: tuple[str, str] = ("accepted", "refused"),
) -> Plot:
    """Draw counts as bars, one for each slot; `form` spells a slot, `words` name what is stacked from below."""
    filled = [(slot, counts.get(slot, Count())) for slot in slots]
    most = max(count.accepted + count.refused for _, count in filled)
    bars = [
        _bar(index, f"{slot.strftime(form)}: {_said(count, words)}", count, most) for index, (slot, count) in enumerate(filled)
    ]
    whole = Count(sum(count.accepted for _, count in filled), sum(count.refused for _, count in filled))
    ends = slots[0].strftime(form), slots[-1].strftime(form)
    return Plot(title, bars, len(slots) * _SLOT, HEIGHT, thousands(most), _said(whole, words), *ends)


def _said(count: Count, words: tuple[str, str]) -> str:
    return f"{thousands(count.accepted)} {words[0]}, {thousands(count.refused)} {words[1]}"


def _bar(index: int, label: str, count: Count, most: int) -> Bar:
    unit = HEIGHT / most if most else 0.0
    accepted, refused = _visible(count.accepted * unit), _visible(count.refused * unit)
    return Bar(
        x=index * _SLOT + (_SLOT - _BAR) / 2,
        accepted_y=round(HEIGHT - accepted, 2),
        accepted_height=accepted,
        refused_y=round(HEIGHT - accepted - refused, 2),
        refused_height=refused,
        label=label,
    )


def _visible(height: float) -> float:
    """A single call among a million still shows as a line."""
    return round(max(height, 1.5), 2) if height else 0.0
