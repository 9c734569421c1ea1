"""The runs of a grant, or of all grants at a provider, as bars: what went well and what failed."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count as CountRows
from django.db.models import QuerySet
from django.db.models.functions import TruncHour

from organizations.models import OAuthGrant, OAuthProvider, RunOutcome, SyncRun
from partners.admin.usage_plot import Count, Plot, draw_plot

_WELL: Final = frozenset({RunOutcome.CHANGED, RunOutcome.UNCHANGED, RunOutcome.REVOKED})
_BADLY: Final = frozenset({RunOutcome.FAILED, RunOutcome.STOPPED, RunOutcome.LOST})
_WORDS: Final = ("went well", "failed")


def plots_of_grant(grant: OAuthGrant, now: datetime) -> list[Plot]:
    """The last day by hour and the last month by day, from one question."""
    return _plots(SyncRun.objects.filter(grant=grant), now)


def plots_of_provider(provider: OAuthProvider, now: datetime) -> list[Plot]:
    """The same for all grants at a provider."""
    mine = SyncRun.objects.filter(grant__partner_id=provider.partner_id, grant__environment=provider.environment)
    return _plots(mine, now)


def _plots(runs: QuerySet[SyncRun], now: datetime) -> list[Plot]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    hours = [hour - timedelta(hours=back) for back in range(23, -1, -1)]
    days = [day - timedelta(days=back) for back in range(29, -1, -1)]
    by_hour = _counts(runs.filter(started_at__gte=days[0]))
    by_day: dict[datetime, Count] = defaultdict(Count)
    for start, count in by_hour.items():
        by_day[start.replace(hour=0)] += count
    return [
        draw_plot("Last 24 hours", hours, by_hour, "%H:%M", words=_WORDS),
        draw_plot("Last 30 days", days, by_day, "%d %b", words=_WORDS),
    ]


def _counts(runs: QuerySet[SyncRun]) -> Mapping[datetime, Count]:
    rows = runs.order_by().annotate(hour=TruncHour("started_at")).values_list("hour", "outcome").annotate(n=CountRows("pk"))
    found: dict[datetime, Count] = defaultdict(Count)
    for hour, outcome, number in rows:
        if outcome in _WELL:
            found[hour] += Count(accepted=number)
        elif outcome in _BADLY:
            found[hour] += Count(refused=number)
    return found
