"""The purge: spent and expired rows go in small batches, each a transaction of its own, so that nothing waits for it.

A batch takes rows by their place in the table and skips those somebody holds; the usual form, a join by id, is ten times
slower. Killed half-way it has simply done less; the next run goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.utils import timezone

from audit.events import EventType
from audit.services import Act, record
from core.principals import SYSTEM, Actor

BATCH_ROWS: Final = 10_000
# Any number that no other advisory lock of ours uses.
ADVISORY_LOCK: Final = 7_240_311


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of data that expires: what a batch does, and what is older than which age it takes."""

    name: str
    statement: str
    retention: timedelta


@dataclass(frozen=True, slots=True)
class Progress:
    """One batch: how many rows of which target it took, and how long it took in seconds."""

    target: str
    rows: int
    seconds: float


def delete_older(table: str, column: str) -> str:
    """The statement of a batch that removes rows by their age; both names are constants of the caller's code."""
    return (
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608  # names of this module
        f"SELECT ctid FROM {table} WHERE {column} < %(before)s LIMIT %(rows)s FOR UPDATE SKIP LOCKED))"
    )


# The salt goes with the rest of the address: with it the last byte could be found by trying all of them.
_CUT_ADDRESSES: Final = """
UPDATE audit_eventcontext SET is_cut = true, salt = NULL, user_agent = '',
       address = network(set_masklen(address, CASE WHEN family(address) = 4 THEN 24 ELSE 48 END))::inet
WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM audit_eventcontext WHERE NOT is_cut AND recorded_at < %(before)s LIMIT %(rows)s FOR UPDATE SKIP LOCKED))
"""


_more: list[Callable[[], list[Target]]] = []


def also_purge(more: Callable[[], list[Target]]) -> None:
    """Register what another app has that expires."""
    _more.append(more)


def targets() -> list[Target]:
    """Everything that expires, with the retention in force."""
    return [
        Target("session tokens", delete_older("sessions_app_sessiontoken", "expires_at"), settings.SESSION_TOKEN_RETENTION),
        Target(
            "embed sessions", delete_older("sessions_app_embedsession", "idle_expires_at"), settings.EMBED_SESSION_RETENTION
        ),
        Target("idempotency records", delete_older("partners_idempotencyrecord", "created_at"), settings.IDEMPOTENCY_RETENTION),
        Target("key usage", delete_older("partners_keyusage", "hour"), settings.KEY_USAGE_RETENTION),
        Target("sync runs", delete_older("organizations_syncrun", "started_at"), settings.SYNC_RUN_RETENTION),
        Target("connect links", delete_older("organizations_connectlink", "expires_at"), settings.SESSION_TOKEN_RETENTION),
        Target(
            "rate limit states",
            delete_older("partners_ratelimitstate", "to_timestamp(tat)"),
            settings.RATE_LIMIT_STATE_RETENTION,
        ),
        Target("client addresses", _CUT_ADDRESSES, settings.ADDRESS_RETENTION),
        *(target for more in _more for target in more()),
    ]


def purge(*, now: datetime, actor: Actor = SYSTEM) -> Iterator[Progress]:
    """Remove what has expired, a batch at a time, and write one ledger row at the end of what was removed.

    Of concurrent purges one works and the others end at once. Retention is not a credential's deadline, so `now` is given.
    """
    with _only_one() as is_mine:
        if not is_mine:
            return
        totals: dict[str, int] = {}
        for target in targets():
            for progress in _batches(target, now - target.retention):
                totals[target.name] = totals.get(target.name, 0) + progress.rows
                yield progress
        SessionStore.clear_expired()
        _report(totals, actor)


def _batches(target: Target, before: datetime) -> Iterator[Progress]:
    while True:
        began = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute(target.statement, {"before": before, "rows": BATCH_ROWS})
            rows = cursor.rowcount
        if rows:
            yield Progress(target.name, rows, (timezone.now() - began).total_seconds())
        if rows < BATCH_ROWS:
            return


def _report(totals: dict[str, int], actor: Actor) -> None:
    if totals:
        data = {name.replace(" ", "_"): rows for name, rows in totals.items()}
        with transaction.atomic():
            record(Act(EventType.PURGE_COMPLETED, actor, data=data))


class _only_one:  # noqa: N801  # reads as a phrase where it is used
    """Hold the purge's advisory lock for a block; the database lets go of it when this process dies."""

    def __enter__(self) -> bool:
        self._is_mine = self._call("pg_try_advisory_lock")
        return self._is_mine

    def __exit__(self, *_exc: object) -> None:
        if self._is_mine:
            self._call("pg_advisory_unlock")

    @staticmethod
    def _call(function: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [ADVISORY_LOCK])
            row: tuple[Any, ...] = cursor.fetchone()
            return bool(row[0])
