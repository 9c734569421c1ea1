"""Questions about partners, keys and their use."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import models
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from partners.models import ApiKey, KeyUsage, Partner


# A kid, alone or behind its key's prefix as logs and lists show it.
_KID: Final = re.compile(r"(?:(?:sk|ak)_(?:live|test)_)?(?P<kid>[0-9A-Za-z]{12})(?:\u2026|\.{3})?", re.ASCII)


class PartnerQuerySet(models.QuerySet["Partner"]):
    def active(self) -> PartnerQuerySet:
        """Keep partners that are not suspended."""
        return self.filter(status="active")

    def with_key_counts(self) -> PartnerQuerySet:
        """Add `live_keys` and `test_keys` (not revoked) and `last_activity_at`, each counted only for the rows asked for."""
        keys = self.model._meta.get_field("keys").related_model._default_manager
        mine = keys.filter(partner=models.OuterRef("pk")).order_by()
        unrevoked = mine.filter(revoked_at=None).values("partner")
        count = models.Count("pk")
        return self.annotate(
            live_keys=_number(unrevoked.filter(environment="live").annotate(n=count)),
            test_keys=_number(unrevoked.filter(environment="test").annotate(n=count)),
            last_activity_at=models.Subquery(mine.values("partner").annotate(n=models.Max("last_used_at")).values("n")),
        )

    def matching(self, text: str) -> PartnerQuerySet:
        """Keep partners a search text may mean: by slug, or by a part of the name."""
        return self.filter(Q(slug__istartswith=text) | Q(name__icontains=text))


def _number(counted: models.QuerySet[Any]) -> Coalesce:
    return Coalesce(models.Subquery(counted.values("n")), 0)


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

    def in_status(self, status: str, now: datetime) -> ApiKeyQuerySet:
        """Keep keys in one status of `KeyStatus`, decided as its property decides it; an unknown status keeps none."""
        is_compromised = Q(revoke_reason="compromise")
        lasting = (Q(expires_at=None) | Q(expires_at__gt=now)) & (Q(grace_until=None) | Q(grace_until__gt=now))
        revoked, unrevoked = Q(revoked_at__isnull=False), Q(revoked_at=None)
        questions = {
            "compromised": revoked & is_compromised,
            "revoked": revoked & ~is_compromised,
            "expired": unrevoked & (Q(expires_at__lte=now) | Q(grace_until__lte=now)),
            "paused": unrevoked & lasting & Q(paused_at__isnull=False),
            "grace": unrevoked & lasting & Q(paused_at=None, grace_until__isnull=False),
            "active": unrevoked & lasting & Q(paused_at=None, grace_until=None),
        }
        return self.filter(questions[status]) if status in questions else self.none()

    def matching(self, text: str) -> ApiKeyQuerySet:
        """Keep keys a search text may mean: exactly one by its kid, else by name and partner."""
        kid = _KID.fullmatch(text)
        by_kid = self.filter(kid=kid["kid"]) if kid else self.none()
        if by_kid.exists():
            return by_kid
        return self.filter(Q(partner__slug__istartswith=text) | Q(partner__name__icontains=text) | Q(name__icontains=text))

    def never_expiring(self, now: datetime) -> ApiKeyQuerySet:
        """Keep usable keys that have no end."""
        return self.usable(now).filter(expires_at=None, grace_until=None)

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
