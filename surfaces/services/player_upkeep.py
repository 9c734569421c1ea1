"""What is done for player tokens between requests: key sets are renewed before they are due, used ids go when they may."""

import time
from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from surfaces.models.players import JwksCache
from surfaces.players.issuers import read_rules
from surfaces.players.jwks import BACKGROUND_SECONDS, Went, Why, refresh

# Renewed this long before they are due, so that no request has to wait for it.
EARLY: Final = timedelta(seconds=90)
PURGE_ROWS: Final = 10_000
_PURGE: Final = """
DELETE FROM surfaces_playerjti WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM surfaces_playerjti WHERE expires_at < clock_timestamp() LIMIT %s FOR UPDATE SKIP LOCKED))
"""


def renew_key_sets(*, budget_seconds: float) -> int:
    """Fetch the key sets that are due or will be soon, those longest overdue first, and tell how many were fetched.

    Only what was fetched before is renewed, or failed and may be tried again: an issuer nobody has used yet is left to its
    first token. Safe to run several times at once.
    """
    deadline = time.monotonic() + budget_seconds
    due = JwksCache.objects.filter(
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now()),
        Q(fetched_at__isnull=False) | Q(failures__gte=1),
        Q(fresh_until=None) | Q(fresh_until__lte=Now() + EARLY),
        issuer__disabled_at=None,
    )
    fetched = 0
    for cache in due.select_related("issuer").order_by("fresh_until")[:1000]:
        if time.monotonic() > deadline:
            break
        done = refresh(read_rules(cache.issuer), why=Why.DUE, seconds=BACKGROUND_SECONDS, early=EARLY)
        fetched += done.went is Went.FETCHED
    return fetched


def purge_used_ids() -> int:
    """Remove the ids of tokens that have expired, in batches, and tell how many."""
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_PURGE, [PURGE_ROWS])
            rows = int(cursor.rowcount)
        removed += rows
        if rows < PURGE_ROWS:
            return removed
