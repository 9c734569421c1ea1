"""Sealing: rows that are settled are covered by a signed seal, in batches, and each seal's checkpoint leaves the database.

Ids commit out of order, so a seal names the very rows it covers. Ids that were missing when their neighbours were sealed are
awaited for an hour and sealed as they come; what appears in such a gap later was not written by this service.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.chain import (
    GENESIS,
    Span,
    Statement,
    id_of,
    leaf,
    multirange,
    parse,
    public_keys,
    read_lines,
    root_of,
    sign,
    spans_of,
    spell,
    spell_bytes,
)
from audit.models import Seal

BATCH_ROWS: Final = 5_000
SETTLE_SECONDS: Final = 5
AWAIT_SECONDS: Final = 3_600
# Any number that no other advisory lock of ours uses.
ADVISORY_LOCK: Final = 7_240_312
log = structlog.get_logger("sticker.ledger")


@dataclass(frozen=True, slots=True)
class Gap:
    """Ids that were missing when those after them were sealed, and since when, in seconds since 1970."""

    first: int
    last: int
    since: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}@{self.since}"


def parse_gaps(awaited: str) -> list[Gap]:
    """Read what a seal says it awaits.

    Raises: ValueError.
    """
    found = []
    for text in filter(None, awaited.split(",")):
        span, _, since = text.partition("@")
        [(first, last)] = parse(span)
        found.append(Gap(first, last, int(since)))
    return found


@dataclass(frozen=True, slots=True)
class _Tail:
    """Where the chain stands."""

    number: int
    chain: bytes
    newest_id: int
    gaps: Sequence[Gap]


def seal_ledger(*, settle_seconds: int = SETTLE_SECONDS) -> Iterator[Seal]:
    """Seal whatever is settled, a batch and a transaction at a time; of concurrent callers one works.

    Safe to call twice, and to kill: a batch is sealed as a whole or not at all.
    """
    while (seal := _seal_batch(settle_seconds)) is not None:
        _publish(seal)
        yield seal
        if seal.count < BATCH_ROWS:
            return


def checkpoint(seal: Seal) -> dict[str, object]:
    """What of a seal is kept outside the database: enough to prove later that it existed, in this order and no other."""
    said = asdict(statement_of(seal))
    return {
        **{name: spell_bytes(value) if isinstance(value, bytes) else value for name, value in said.items()},
        "key_id": seal.key_id,
        "public_key": public_keys().get(seal.key_id, ""),
        "signature": spell_bytes(bytes(seal.signature)),
    }


def _seal_batch(settle_seconds: int) -> Seal | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            return None
        tail, now = _tail(), int(time.time())
        lines = _settled(tail, settle_seconds)
        if not lines:
            return None
        return _store(tail, [id_of(line) for line in lines], b"".join(map(leaf, lines)), now)


def _store(tail: _Tail, ids: list[int], leaves: bytes, now: int) -> Seal:
    statement = Statement(
        number=tail.number + 1,
        ids=spell(spans_of(ids)),
        count=len(ids),
        root=root_of(leaves),
        previous=tail.chain,
        sealed_at=now,
        newest_id=max(tail.newest_id, ids[-1]),
        awaited=",".join(map(str, _gaps_after(tail, ids, now))),
    )
    key_id, signature = sign(statement)
    return Seal.objects.create(**asdict(statement), leaves=leaves, key_id=key_id, signature=signature)


def _tail() -> _Tail:
    seal = Seal.objects.order_by("-number").first()
    if seal is None:
        return _Tail(0, GENESIS, 0, ())
    return _Tail(seal.number, statement_of(seal).chain(), seal.newest_id, parse_gaps(seal.awaited))


def statement_of(seal: Seal) -> Statement:
    """What a stored seal says."""
    return Statement(
        number=seal.number,
        ids=seal.ids,
        count=seal.count,
        root=bytes(seal.root),
        previous=bytes(seal.previous),
        sealed_at=seal.sealed_at,
        newest_id=seal.newest_id,
        awaited=seal.awaited,
    )


def _settled(tail: _Tail, settle_seconds: int) -> Sequence[bytes]:
    is_new = f"id > {tail.newest_id}"
    if tail.gaps:
        # By their bounds as well, so that the index is used.
        oldest, latest = min(gap.first for gap in tail.gaps), max(gap.last for gap in tail.gaps)
        spans = multirange((gap.first, gap.last) for gap in tail.gaps)
        is_new = f"({is_new} OR (id BETWEEN {oldest} AND {latest} AND id <@ '{spans}'::int8multirange))"
    is_settled = f"recorded_at < clock_timestamp() - interval '{settle_seconds} seconds'"
    first = f"SELECT id FROM audit_event WHERE {is_new} AND {is_settled} ORDER BY id LIMIT {BATCH_ROWS}"  # noqa: S608  # numbers
    return list(read_lines(f"id IN ({first})"))


def _gaps_after(tail: _Tail, sealed: list[int], now: int) -> Iterator[Gap]:
    """What is awaited from now on: old gaps without what came, and the new ones up to the newest id."""
    came = spans_of(sealed)
    for gap in tail.gaps:
        if now - gap.since < AWAIT_SECONDS:
            yield from (Gap(first, last, gap.since) for first, last in _without(gap, came))
    if sealed[-1] > tail.newest_id:
        fresh = Gap(tail.newest_id + 1, sealed[-1], now)
        yield from (Gap(first, last, now) for first, last in _without(fresh, came))


def _without(gap: Gap, spans: list[Span]) -> Iterator[Span]:
    first = gap.first
    for begin, end in spans:
        if end < first or begin > gap.last:
            continue
        if begin > first:
            yield first, begin - 1
        first = end + 1
    if first <= gap.last:
        yield first, gap.last


def _publish(seal: Seal) -> None:
    """Let the checkpoint leave the database: into the log, and into the file of checkpoints where one is set."""
    facts: dict[str, Any] = checkpoint(seal)
    log.info("ledger.sealed", **facts)
    if settings.LEDGER_CHECKPOINT_FILE:
        append_checkpoint(Path(settings.LEDGER_CHECKPOINT_FILE), facts)


def append_checkpoint(path: Path, facts: dict[str, Any]) -> None:
    """Add one line to a file of checkpoints, on disk when this returns."""
    with path.open("a", encoding="ascii") as file:
        file.write(json.dumps(facts) + "\n")
        file.flush()
        os.fsync(file.fileno())
