"""Deliveries a second over HTTPS, beside one Celery task per delivery; and how soon the first attempt follows a commit."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from bench.certificates import make_certificates
from bench.options import Options
from bench.processes import ROOT, job, run_to_end, running
from bench.stage import Stage
from bench.webhook_peer import WORKER
from sticker_auth.local.redis import EmbeddedRedis, find_program

NAME: Final = "webhooks"
_PORTS: Final = 50
# One for each core of the machine that the promise is about.
_PUMPS: Final = 2
_DATABASE: Final = "hooks"
_READY_SECONDS: Final = 30.0
_END_SECONDS: Final = 240.0
_PEER_PART: Final = 10
_DELAYS_MS: Final = (0, 100)
_RATE: Final = """
SELECT count(*), coalesce(extract(epoch FROM max(d.finished_at) - min(a.started_at)), 0)::float8
FROM webhooks_delivery d JOIN webhooks_attempt a ON a.delivery_id = d.id WHERE d.state = 'delivered'
"""


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    """Deliveries a second by way and receivers' delay, a round each, and the delays of first attempts in seconds."""

    rates: Mapping[str, Sequence[float]]
    idle: Sequence[float]
    beside_backlog: Sequence[float]
    errors: int

    def ratios(self) -> dict[str, float]:
        """The promised figures, medians of the rounds; the ratios are formed within a round."""
        found = {f"webhooks_{way}_per_second": median(rates) for way, rates in self.rates.items()}
        for delay in _DELAYS_MS:
            ours, theirs = self.rates[f"fresh_{delay}ms"], self.rates[f"celery_{delay}ms"]
            found[f"webhooks_vs_celery_{delay}ms"] = median(a / b for a, b in zip(ours, theirs, strict=True))
        found["webhooks_first_attempt_p99_ms"] = _percentile(self.idle, 99) * 1000
        found["webhooks_beside_backlog_p95_ms"] = _percentile(self.beside_backlog, 95) * 1000
        return found


def is_wanted(options: Options) -> bool:
    """Tell whether this run measures webhooks."""
    return options.hook_rounds > 0 and (not options.cells or NAME in options.cells)


def measure(stage: Stage) -> WebhookFigures:
    """Visit every way in turn, round after round, then time first attempts, idle and beside a backlog."""
    with _prepared(stage) as world:
        rates: dict[str, list[float]] = defaultdict(list)
        for _ in range(stage.options.hook_rounds):
            for delay in _DELAYS_MS:
                rates[f"fresh_{delay}ms"].append(world.pumped(delay, is_kept=False))
                rates[f"celery_{delay}ms"].append(world.celery(delay))
                rates[f"kept_{delay}ms"].append(world.pumped(delay, is_kept=True))
        idle = world.first_attempts(backlog=0)
        beside = world.first_attempts(backlog=stage.options.backlog)
    return WebhookFigures(rates, idle, beside, world.errors)


@contextmanager
def _prepared(stage: Stage) -> "Iterator[_World]":
    with ExitStack() as stack:
        certificates = make_certificates(stage.folder)
        notes = stage.folder / "received.txt"
        command = [sys.executable, "-m", "bench.webhook_sink", str(certificates.server), str(_PORTS), str(notes)]
        sink = stack.enter_context(job(command, env=stage.environment))
        assert sink.stdout is not None
        ports = json.loads(sink.stdout.readline())
        program = find_program()
        assert program is not None, "redis-server is needed as Celery's broker"
        broker = EmbeddedRedis(program)
        stack.callback(broker.stop)
        env = {
            **stage.environment,
            "DATABASE_URL": _own_database(stage),
            "SSL_CERT_FILE": str(certificates.authority),
            "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PUBLIC_BASE_URL": "https://auth.bench.example",
            "EMBED_BASE_URL": "https://auth.bench.example",
            "CELERY_BROKER_URL": broker.broker_url,
            "LOG_LEVEL": "WARNING",
        }
        world = _World(stage, env, notes)
        world.seed("endpoints", ",".join(map(str, ports)))
        yield world


def _own_database(stage: Stage) -> str:
    with stage.connect() as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    return urlsplit(stage.environment["DATABASE_URL"])._replace(path=f"/{_DATABASE}").geturl()


class _World:
    """A database with endpoints, receivers that are up, and a broker."""

    def __init__(self, stage: Stage, env: Mapping[str, str], notes: Path) -> None:
        self._options = stage.options
        self._env = env
        self._notes = notes
        self._log = stage.folder / "webhooks.log"
        self.errors = 0

    def seed(self, *arguments: str) -> Any:
        """Run the seeding program."""
        patient = {**self._env, "DATABASE_STATEMENT_TIMEOUT_MS": "600000"}
        command = [sys.executable, "-m", "bench.seed_webhooks", *arguments]
        return json.loads(run_to_end(command, env=patient, seconds=_END_SECONDS))

    def pumped(self, delay_ms: int, *, is_kept: bool) -> float:
        """Deliveries a second by our pumps, from the first call to the last result."""
        count = self._options.deliveries
        self.seed("queue", str(count), str(delay_ms))
        env = {**self._env, "WEBHOOK_KEEP_CONNECTIONS": str(is_kept)}
        with ExitStack() as stack:
            for _ in range(_PUMPS):
                stack.enter_context(self._pump(env))
            return self._rate(count)

    def celery(self, delay_ms: int) -> float:
        """Deliveries a second by one task each."""
        count = max(1, self._options.deliveries // _PEER_PART)
        self.seed("queue", str(count), str(delay_ms))
        from bench.webhook_peer import app, deliver

        app.conf.broker_url = self._env["CELERY_BROKER_URL"]
        for delivery_id in range(1, count + 1):
            deliver.delay(delivery_id)
        worker = [sys.executable, "-m", "celery", "--quiet", "-A", "bench.webhook_peer", *WORKER]
        with running(worker, env=self._env, output=self._log):
            return self._rate(count)

    def first_attempts(self, *, backlog: int) -> list[float]:
        """Seconds from the commit of single events to their first attempt."""
        self.seed("queue", "0", "0")
        if backlog:
            self.seed("backlog", str(backlog))
        with self._pump(self._env):
            committed: dict[str, float] = self.seed("publish", str(self._options.single_events))
            arrived = self._await_arrivals(set(committed))
        return [arrived[message_id] - at for message_id, at in committed.items() if message_id in arrived]

    @contextmanager
    def _pump(self, env: Mapping[str, str]) -> Iterator[None]:
        with running([sys.executable, str(ROOT / "manage.py"), "pump_webhooks"], env=env, output=self._log):
            yield

    def _rate(self, count: int) -> float:
        with psycopg.connect(self._env["DATABASE_URL"], autocommit=True) as connection:
            end = time.monotonic() + _END_SECONDS
            while True:
                delivered, seconds = connection.execute(_RATE).fetchone() or (0, 0.0)
                if delivered >= count or time.monotonic() > end:
                    break
                time.sleep(0.2)
        self.errors += count - delivered
        return float(delivered / seconds) if seconds else 0.0

    def _await_arrivals(self, wanted: set[str]) -> dict[str, float]:
        end = time.monotonic() + _READY_SECONDS
        while True:
            lines = (line.split() for line in self._notes.read_text().splitlines())
            arrived = {parts[0]: float(parts[1]) for parts in lines if len(parts) == 2 and parts[0] in wanted}
            if len(arrived) == len(wanted) or time.monotonic() > end:
                self.errors += len(wanted) - len(arrived)
                return arrived
            time.sleep(0.2)


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0
