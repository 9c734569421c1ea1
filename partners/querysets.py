"""Questions about partners, keys and their use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q, Sum

if TYPE_CHECKING:
    from partners.models import ApiKey, KeyUsage, Partner


class PartnerQuerySet(models.QuerySet["Partner"]):
    def active(self) -> PartnerQuerySet:
        """Keep partners that are not suspended."""
        return self.filter(status="active")

    def with_key_counts(self) -> PartnerQuerySet:
        """Add `live_keys` and `test_keys`: how many keys are not revoked."""
        unrevoked = Q(keys__revoked_at=None)
        return self.annotate(
            live_keys=models.Count("keys", filter=unrevoked & Q(keys__environment="live")),
            test_keys=models.Count("keys", filter=unrevoked & Q(keys__environment="test")),
        )


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def unrevoked(self) -> ApiKeyQuerySet:
        """Keep keys that were not revoked, whatever their expiry."""
        return self.filter(revoked_at=None)

    def usable(self, now: datetime) -> ApiKeyQuerySet:
        """Keep keys that a request would be accepted with, networks and partner aside."""
        ends = Q(expires_at=None) | Q(expires_at__gt=now)
        grace = Q(grace_until=None) | Q(grace_until__gt=now)
        return self.unrevoked().filter(ends, grace, paused_at=None)

    def expired(self, now: datetime) -> ApiKeyQuerySet:
        """Keep unrevoked keys whose life or grace is over."""
        return self.unrevoked().filter(Q(expires_at__lte=now) | Q(grace_until__lte=now))

    def expiring_within(self, delta: timedelta, now: datetime) -> ApiKeyQuerySet:
        """Keep usable keys that expire within a time from now."""
        return self.usable(now).filter(expires_at__lte=now + delta)

    def idle_since(self, instant: datetime) -> ApiKeyQuerySet:
        """Keep keys not used since an instant, those never used and older than it included."""
        return self.filter(Q(last_used_at__lt=instant) | Q(last_used_at=None, created_at__lt=instant))

    def in_family(self, key: ApiKey) -> ApiKeyQuerySet:
        """Keep the generations of one key."""
        return self.filter(key.family_query)


class KeyUsageQuerySet(models.QuerySet["KeyUsage"]):
    def since(self, instant: datetime) -> KeyUsageQuerySet:
        """Keep hours that began at or after an instant."""
        return self.filter(hour__gte=instant)

    def total(self) -> int:
        """Add up the calls."""
        return self.aggregate(total=Sum("count"))["total"] or 0

    def networks(self) -> list[str]:
        """The networks calls came from, busiest first."""
        rows = self.exclude(network="").values("network").annotate(calls=Sum("count")).order_by("-calls")
        return [row["network"] for row in rows[:5]]
