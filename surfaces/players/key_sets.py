"""Writing down how a fetch of a key set went, and raising the alarm when keys grow old because it fails."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from audit.events import EventType
from audit.services import Act, record
from core.principals import SYSTEM
from surfaces.models.players import JwksCache
from surfaces.players.keys import PublicKey
from surfaces.players.versions import new_version

# How long keys go on being used while their host does not answer.
STALE_IF_ERROR: Final = timedelta(hours=24)
_FIRST_RETRY: Final = timedelta(seconds=5)
_LAST_RETRY: Final = timedelta(minutes=5)


def store_key_set(issuer_id: UUID, *, lease: UUID, keys: Sequence[PublicKey], ttl: timedelta) -> None:
    """Keep what was fetched, unless the lease has passed to somebody else. A set that did not change keeps its version."""
    with transaction.atomic():
        cache = _leased(issuer_id, lease)
        if cache is None:
            return
        now, document = _database_now(), [key.stored() for key in keys]
        if document != cache.document:
            cache.document, cache.version = document, new_version()
        if cache.alarmed_at is not None:
            record(_act(EventType.PLAYER_KEYS_RECOVERED, cache, {"failing_since": cache.failing_since}))
        cache.fetched_at, cache.fresh_until, cache.usable_until = now, now + ttl, now + STALE_IF_ERROR
        cache.failures, cache.failing_since, cache.failure, cache.alarmed_at = 0, None, "", None
        cache.lease = cache.lease_until = cache.next_attempt_at = None
        cache.save()


def store_failure(issuer_id: UUID, *, lease: UUID, failure: str) -> None:
    """Keep that a fetch failed and when the next one may be tried; the first of a row of failures raises the alarm.

    The alarm waits until the keys at hand are no longer fresh: before that nothing depends on the fetch.
    """
    with transaction.atomic():
        cache = _leased(issuer_id, lease)
        if cache is None:
            return
        now = _database_now()
        cache.next_attempt_at = now + min(_FIRST_RETRY * 2 ** min(cache.failures, 10), _LAST_RETRY)
        cache.failures += 1
        cache.failing_since, cache.failure = cache.failing_since or now, failure[:32]
        cache.lease = cache.lease_until = None
        if cache.alarmed_at is None and (cache.fresh_until is None or cache.fresh_until <= now):
            cache.alarmed_at = now
            data = {"failure": failure, "fetched_at": cache.fetched_at, "usable_until": cache.usable_until}
            record(_act(EventType.PLAYER_KEYS_STALE, cache, data))
        cache.save()


def _leased(issuer_id: UUID, lease: UUID) -> JwksCache | None:
    rows = JwksCache.objects.select_for_update(of=("self",)).select_related("issuer")
    return rows.filter(pk=issuer_id, lease=lease).first()


def _act(event: EventType, cache: JwksCache, data: Mapping[str, object]) -> Act:
    issuer = cache.issuer
    return Act(event, SYSTEM, issuer.partner_id, issuer.environment, "player_issuer", str(issuer.pk), "", data)


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
