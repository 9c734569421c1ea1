"""The use of keys: counted in memory, added up in PostgreSQL in batches, so that a good request writes nothing.

The same batch moves a key's digest to the newest pepper once the key has proved itself under an older one.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import add
from typing import Final

from django.db import connection, transaction

from core.batching import Batch
from core.credentials import ParsedKey, key_digest
from core.keyring import pepper_ring
from core.net import network_of
from partners.verification import KeyRecord

ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class UsageKey:
    """What makes two uses of a key equal for counting."""

    key_id: int
    hour: int
    outcome: str
    endpoint: str
    network: str


@dataclass(frozen=True, slots=True)
class LastUse:
    """The latest use of a key: seconds since 1970, and the network it came from."""

    at: float
    network: str


@dataclass(frozen=True, slots=True)
class Rehash:
    """A digest under the newest pepper, for a row that still holds `old_pepper_id`'s."""

    old_pepper_id: int
    pepper_id: int
    digest: bytes


def note_use(record: KeyRecord, parsed: ParsedKey, *, outcome: str, endpoint: str, address: str | None) -> None:
    """Count one use of a proven key. A key's first use is written at once: a rotation asks whether it happened."""
    now = time.time()
    network = network_of(address)
    _counts.add(UsageKey(record.id, int(now) // 3600, outcome, endpoint, network), 1)
    if outcome != ACCEPTED:
        return
    _last_uses.add(record.id, LastUse(now, network), is_urgent=record.is_unused)
    active = pepper_ring().active
    if record.pepper_id < active.id:
        _rehashes.add(record.id, Rehash(record.pepper_id, active.id, key_digest(active, parsed.key_hash)))


def _write_counts(pending: dict[UsageKey, int]) -> None:
    rows = [
        (key.key_id, datetime.fromtimestamp(key.hour * 3600, UTC), key.outcome, key.endpoint, key.network, count)
        for key, count in sorted(pending.items(), key=lambda item: (item[0].key_id, item[0].hour))
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO partners_keyusage AS u (key_id, hour, outcome, endpoint, network, count)
               VALUES (%s, %s, %s, %s, %s, %s)
               ON CONFLICT (key_id, hour, outcome, endpoint, network) DO UPDATE SET count = u.count + excluded.count""",
            rows,
        )


def _write_last_uses(pending: dict[int, LastUse]) -> None:
    # Forward only, and rows another process is writing are skipped: its newer value stands for ours.
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE partners_apikey k SET last_used_at = to_timestamp(u.at), last_used_network = u.network
               FROM unnest(%s::bigint[], %s::float8[], %s::text[]) AS u(id, at, network)
               WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < to_timestamp(u.at))
                 AND k.id IN (SELECT id FROM partners_apikey WHERE id = ANY(%s::bigint[]) ORDER BY id
                              FOR NO KEY UPDATE SKIP LOCKED)""",
            [
                list(pending),
                [use.at for use in pending.values()],
                [use.network for use in pending.values()],
                list(pending),
            ],
        )


def _write_rehashes(pending: dict[int, Rehash]) -> None:
    rows = [(rehash.digest, rehash.pepper_id, key_id, rehash.old_pepper_id) for key_id, rehash in sorted(pending.items())]
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE partners_apikey SET digest = %s, pepper_id = %s WHERE id = %s AND pepper_id = %s", rows)


def _later(first: LastUse, second: LastUse) -> LastUse:
    return second if second.at >= first.at else first


def _newer(_first: Rehash, second: Rehash) -> Rehash:
    return second


_counts: Final[Batch[UsageKey, int]] = Batch("key usage", merge=add, write=_write_counts)
_last_uses: Final[Batch[int, LastUse]] = Batch("last use", merge=_later, write=_write_last_uses)
_rehashes: Final[Batch[int, Rehash]] = Batch("pepper re-hash", merge=_newer, write=_write_rehashes)
