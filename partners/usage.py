"""The use of keys: counted in memory, added up in PostgreSQL in batches, so that a good request writes nothing.

The same batch moves a key's digest to the newest pepper once the key has proved itself under an older one.
"""

import time
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.db import connection, transaction

from core.batching import Batch
from core.credentials import ParsedKey, key_digest
from core.keyring import pepper_ring
from core.net import network_of
from partners.verification import KeyRecord

ACCEPTED: Final = "accepted"
# A busy key's row would otherwise be written anew, with its index entries, at every flush of every process.
LAST_USE_STEP_SECONDS: Final = 60


class UsageKey(NamedTuple):
    """What makes two uses of a key equal for counting."""

    key_id: int
    hour: int
    outcome: str
    endpoint: str
    network: str


class Uses(NamedTuple):
    """How many equal uses there were, and when the latest was, in seconds since 1970."""

    calls: int
    latest: float


class Rehash(NamedTuple):
    """A digest under the newest pepper, for a row that still holds `old_pepper_id`'s."""

    old_pepper_id: int
    pepper_id: int
    digest: bytes


def note_use(record: KeyRecord, parsed: ParsedKey, *, outcome: str, endpoint: str, address: str | None) -> None:
    """Count one use of a proven key. A key's first use is written at once: a rotation asks whether it happened."""
    now = time.time()
    is_accepted = outcome == ACCEPTED
    use = UsageKey(record.id, int(now) // 3600, outcome, endpoint, network_of(address))
    _uses.add(use, Uses(1, now), is_urgent=is_accepted and record.is_unused)
    active = pepper_ring().active
    if is_accepted and record.pepper_id < active.id:
        _rehashes.add(record.id, Rehash(record.pepper_id, active.id, key_digest(active, parsed.key_hash)))


def _write_uses(pending: dict[UsageKey, Uses]) -> None:
    uses = sorted(pending.items())
    with transaction.atomic():
        _add_counts(uses)
        _advance_last_uses([use for use in uses if use[0].outcome == ACCEPTED])


def _add_counts(uses: list[tuple[UsageKey, Uses]]) -> None:
    keys = [key for key, _ in uses]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO partners_keyusage AS u (key_id, hour, outcome, endpoint, network, count)
               SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::bigint[])
               ON CONFLICT (key_id, hour, outcome, endpoint, network) DO UPDATE SET count = u.count + excluded.count""",
            [
                [key.key_id for key in keys],
                [datetime.fromtimestamp(key.hour * 3600, UTC) for key in keys],
                [key.outcome for key in keys],
                [key.endpoint for key in keys],
                [key.network for key in keys],
                [use.calls for _, use in uses],
            ],
        )


def _advance_last_uses(uses: list[tuple[UsageKey, Uses]]) -> None:
    """Move `last_used_at` forward, never back, and not for less than a minute from the same network.

    A row another process is writing is skipped: its newer value stands for ours.
    """
    latest: dict[int, tuple[float, str]] = {}
    for key, use in uses:
        latest[key.key_id] = max(latest.get(key.key_id, (0.0, "")), (use.latest, key.network))
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE partners_apikey k SET last_used_at = u.at, last_used_network = u.network
               FROM (SELECT k.id, to_timestamp(n.at) AS at, n.network
                     FROM unnest(%s::bigint[], %s::float8[], %s::text[]) AS n(id, at, network)
                     JOIN partners_apikey k ON k.id = n.id
                     WHERE k.last_used_at IS NULL OR k.last_used_at < to_timestamp(n.at - %s)
                        OR (k.last_used_at < to_timestamp(n.at) AND k.last_used_network IS DISTINCT FROM n.network)
                     ORDER BY k.id FOR NO KEY UPDATE OF k SKIP LOCKED) u
               WHERE k.id = u.id""",
            [
                list(latest),
                [at for at, _ in latest.values()],
                [network for _, network in latest.values()],
                LAST_USE_STEP_SECONDS,
            ],
        )


def _write_rehashes(pending: dict[int, Rehash]) -> None:
    rows = [(rehash.digest, rehash.pepper_id, key_id, rehash.old_pepper_id) for key_id, rehash in sorted(pending.items())]
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE partners_apikey SET digest = %s, pepper_id = %s WHERE id = %s AND pepper_id = %s", rows)


def _together(first: Uses, second: Uses) -> Uses:
    return Uses(first.calls + second.calls, max(first.latest, second.latest))


def _newer(_first: Rehash, second: Rehash) -> Rehash:
    return second


_uses: Final[Batch[UsageKey, Uses]] = Batch("key usage", merge=_together, write=_write_uses)
_rehashes: Final[Batch[int, Rehash]] = Batch("pepper re-hash", merge=_newer, write=_write_rehashes)
