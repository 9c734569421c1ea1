"""Which pepper keys how many API keys: what an operator asks before retiring one."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count
from django.utils import timezone

from core.keyring import pepper_ring
from partners.models import ApiKey
from partners.querysets import ApiKeyQuerySet


@dataclass(frozen=True, slots=True)
class PepperUse:
    """One pepper: whether this process knows it, and the keys whose digest it makes."""

    id: int
    is_known: bool
    usable_keys: int
    dead_keys: int
    can_be_retired: bool


@dataclass(frozen=True, slots=True)
class PepperReport:
    """The peppers, oldest first, and the one that signs."""

    signing: int
    peppers: list[PepperUse]

    @property
    def unknown(self) -> list[int]:
        """Peppers that usable keys need and this process lacks."""
        return [each.id for each in self.peppers if not each.is_known and each.usable_keys]

    @property
    def can_be_retired(self) -> list[int]:
        return [each.id for each in self.peppers if each.can_be_retired]


def report_peppers() -> PepperReport:
    """Count keys by pepper. A key moves to the newest pepper when it is used; one that is never used stays until it ends.

    A paused key counts as usable: it may be resumed.
    """
    ring = pepper_ring()
    every = _counts(ApiKey.objects.all())
    dead = _counts(ApiKey.objects.filter(revoked_at__isnull=False)) + _counts(ApiKey.objects.expired(timezone.now()))
    peppers = [
        PepperUse(
            id=each,
            is_known=ring.get(each) is not None,
            usable_keys=every[each] - dead[each],
            dead_keys=dead[each],
            can_be_retired=ring.get(each) is not None and each < ring.active.id and every[each] == dead[each],
        )
        for each in sorted({each.id for each in ring} | every.keys())
    ]
    return PepperReport(ring.active.id, peppers)


def _counts(keys: ApiKeyQuerySet) -> Counter[int]:
    return Counter(dict(keys.order_by().values_list("pepper_id").annotate(Count("pk"))))
