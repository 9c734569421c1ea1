"""What an act on a key or a partner would break, from real counters: calls, networks, sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from partners.models import ApiKey, KeyUsage, Partner
from partners.querysets import KeyUsageQuerySet
from partners.usage import ACCEPTED

WINDOW: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OpenSessions:
    """How many session tokens wait to be redeemed, and how many users are signed in."""

    waiting: int = 0
    signed_in: int = 0


@dataclass(frozen=True, slots=True)
class Impact:
    """What hangs on a key or a partner right now; counters are at most some seconds old."""

    calls: int
    refused: int
    networks: list[str]
    last_used_at: datetime | None
    sessions: OpenSessions


SessionCounter = Callable[[UUID, int | None], OpenSessions]
_counters: list[SessionCounter] = []


def on_count_sessions(counter: SessionCounter) -> None:
    """Register who can count sessions, by partner id and (or None) key id: the app that has them stands above this one."""
    _counters.append(counter)


def impact_of_key(key: ApiKey) -> Impact:
    """What refusing this key from now on would stop."""
    usage = KeyUsage.objects.filter(key=key).since(timezone.now() - WINDOW)
    return _impact(usage, key.last_used_at, _sessions(key.partner_id, key.pk))


def impact_of_partner(partner: Partner) -> Impact:
    """What refusing every key of this partner from now on would stop."""
    usage = KeyUsage.objects.filter(key__partner=partner).since(timezone.now() - WINDOW)
    last_used_at = ApiKey.objects.filter(partner=partner).aggregate(at=Max("last_used_at"))["at"]
    return _impact(usage, last_used_at, _sessions(partner.pk, None))


def _impact(usage: KeyUsageQuerySet, last_used_at: datetime | None, sessions: OpenSessions) -> Impact:
    accepted = usage.filter(outcome=ACCEPTED)
    calls = accepted.total()
    return Impact(calls, usage.total() - calls, accepted.networks(), last_used_at, sessions)


def _sessions(partner_id: UUID, key_id: int | None) -> OpenSessions:
    counted = [counter(partner_id, key_id) for counter in _counters]
    return OpenSessions(sum(each.waiting for each in counted), sum(each.signed_in for each in counted))
