"""The purge of a million dead session tokens while live ones are redeemed, beside one plain DELETE of as many."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from bench import cells, client
from bench.options import Options
from bench.processes import run_to_end
from bench.stage import Stage

NAME: Final = "purge"
_REDEEMS_A_SECOND: Final = 150
# Idle, one DELETE, the purge and its start: more tokens than any machine needs for these.
_TOKENS_A_ROUND: Final = 60 * _REDEEMS_A_SECOND
_PURGE_SECONDS: Final = 120.0
_AFTERMATH_SECONDS: Final = 0.3

# Dead for two days, among the live ones at random. Foreign keys are not looked at while loading.
_LOAD: Final = """
INSERT INTO sessions_app_sessiontoken (id, digest, partner_id, environment, profile_id, key_id, partner_epoch, profile_epoch,
  created_at, expires_at)
SELECT gen_random_uuid(), sha256(uuid_send(gen_random_uuid())), p.id, 'live', p.id, 1, 0, 0,
  d.expires_at - interval '5 minutes', d.expires_at
FROM generate_series(1, %s) AS n, (SELECT id FROM partners_partner LIMIT 1) AS p,
  LATERAL (SELECT now() - interval '2 days' - random() * n * interval '1 ms' AS expires_at) AS d
"""
_DELETE: Final = "DELETE FROM sessions_app_sessiontoken WHERE expires_at < now() - interval '1 day'"


@dataclass(slots=True)
class _Probe:
    """Live redemptions going on beside something."""

    samples: list[client.Sample] = field(default_factory=list)

    def p99(self, began: float, ended: float) -> float:
        """The slowest hundredth of what was due between two instants, in seconds."""
        latencies = sorted(sample.latency for sample in self.samples if began <= sample.due <= ended)
        return latencies[len(latencies) * 99 // 100] if latencies else 0.0

    @property
    def errors(self) -> int:
        """Redemptions that did not succeed."""
        return sum(not sample.is_good for sample in self.samples)


@dataclass(frozen=True, slots=True)
class _Round:
    purge_rate: float
    delete_rate: float
    longest_seconds: float
    p99_under_purge: float
    p99_idle: float
    errors: int


@dataclass(frozen=True, slots=True)
class PurgeFigures:
    """What the rounds showed."""

    rounds: Sequence[_Round]

    @property
    def errors(self) -> int:
        """Live redemptions that failed meanwhile."""
        return sum(each.errors for each in self.rounds)

    def ratios(self) -> dict[str, float]:
        """The promised figures, each the median of the rounds."""
        return {
            "purge_vs_delete": median(each.purge_rate / each.delete_rate for each in self.rounds),
            "purge_longest_statement_ms": median(each.longest_seconds for each in self.rounds) * 1000,
            "redeem_p99_under_purge_vs_idle": median(each.p99_under_purge / each.p99_idle for each in self.rounds),
        }


def is_wanted(options: Options) -> bool:
    """Tell whether this run measures the purge."""
    return options.purges > 0 and (not options.cells or NAME in options.cells)


def measure(stage: Stage) -> PurgeFigures:
    """Measure as often as the run is asked to."""
    return PurgeFigures([_round(stage) for _ in range(stage.options.purges)])


def _round(stage: Stage) -> _Round:
    live = iter(cells.redeem_requests(stage, _TOKENS_A_ROUND))
    _load(stage)
    with _probing(stage, live) as probe, stage.connect() as connection:
        began = time.monotonic()
        deleted = connection.execute(_DELETE).rowcount
        delete_rate = deleted / (time.monotonic() - began)
    _load(stage)
    with _probing(stage, live) as beside:
        idle_began = time.monotonic()
        time.sleep(2 * stage.options.seconds)
        idle_ended = time.monotonic()
        told: dict[str, Any] = json.loads(
            run_to_end([sys.executable, "-m", "bench.run_purge"], env=stage.environment, seconds=_PURGE_SECONDS)
        )
    rows = sum(rows for _, rows, _ in told["batches"])
    assert rows >= stage.options.dead, "the purge left dead rows behind"
    return _Round(
        purge_rate=rows / (told["ended"] - told["began"]),
        delete_rate=delete_rate,
        longest_seconds=max(seconds for _, _, seconds in told["batches"]),
        p99_under_purge=beside.p99(told["began"], told["ended"] + _AFTERMATH_SECONDS),
        p99_idle=beside.p99(idle_began, idle_ended),
        errors=probe.errors + beside.errors,
    )


def _load(stage: Stage) -> None:
    with stage.connect() as connection:
        connection.execute("VACUUM sessions_app_sessiontoken")
        connection.execute("SET session_replication_role = replica")
        connection.execute(_LOAD, [stage.options.dead])
        connection.execute("VACUUM (ANALYZE) sessions_app_sessiontoken")
        connection.execute("CHECKPOINT")


@contextmanager
def _probing(stage: Stage, live: Iterator[bytes]) -> Iterator[_Probe]:
    """Redeem live tokens at a fixed rate for the time of a block."""
    probe, stop = _Probe(), threading.Event()

    def run() -> None:
        client.pace(stage.servers["ours"].port, live, rate=_REDEEMS_A_SECOND, stop=stop, samples=probe.samples)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield probe
    finally:
        stop.set()
        thread.join()
