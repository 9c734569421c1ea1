"""What the cells run on: one private PostgreSQL, three databases in it, and the servers in front of them."""

import json
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.options import Options
from bench.processes import answer_of, bare_environment, free_port, job, running
from sticker_auth.local.postgres import DURABLE_SETTINGS, EmbeddedPostgres

_SEED_SECONDS: Final = 600.0
_READY_SECONDS: Final = 30.0
# Counters are written often, so that a short visit pays for the writing of what it gathered.
FLUSH_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens and the top of its process tree."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a cell may use."""

    options: Options
    folder: Path
    postgres_pid: int
    environment: Mapping[str, str]
    servers: Mapping[str, Server]
    ours: Mapping[str, Any]
    few: Mapping[str, Any]
    peers: Mapping[str, Any]

    def connect(self) -> "psycopg.Connection[Any]":
        """Open a connection to the database with many keys."""
        return psycopg.connect(self.environment["DATABASE_URL"], autocommit=True)


@contextmanager
def built(options: Options) -> Iterator[Stage]:
    """Start PostgreSQL, fill the databases, start the servers; take it all down again."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sticker-bench-", ignore_cleanup_errors=True)))
        postgres = _join_postgres(stack, folder)
        environments = _environments(postgres)
        seeded = _seed(options, environments)
        _calm(postgres)
        servers = {
            name: stack.enter_context(_server(options, folder, name, application, environments[database]))
            for name, application, database in (
                ("ours", "sticker_auth.rsgi", "many"),
                ("quiet", "bench.quiet_rsgi", "many"),
                ("few", "bench.quiet_rsgi", "few"),
                ("peers", "bench.peers_wsgi", "peers"),
                *([("gateway", "sticker_auth.gateway", "many")] if options.has_gateway else []),
            )
        }
        yield Stage(
            options=options,
            folder=folder,
            postgres_pid=postgres.pid,
            environment=environments["many"],
            servers=servers,
            ours=seeded["many"],
            few=seeded["few"],
            peers=seeded["peers"],
        )


def _join_postgres(stack: ExitStack, folder: Path) -> EmbeddedPostgres:
    folder.chmod(0o711)  # the server may run under another user
    settings = (*DURABLE_SETTINGS, "max_wal_size=4GB")  # no checkpoint of the loading falls into a measurement
    postgres = EmbeddedPostgres(folder / "postgres", settings=settings, is_disposable=True, is_restarted=False)
    postgres.join()
    stack.callback(postgres.leave)
    return postgres


def _environments(postgres: EmbeddedPostgres) -> dict[str, dict[str, str]]:
    """The environment of the processes of each database; their secrets are of this run only."""
    common = {
        **bare_environment(),
        "STICKER_ENV": "development",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "STICKER_PEPPERS": f"1:{_ring_secret()}",
        "STICKER_JWT_KEYS": f"1:{_ring_secret()}",
        "STICKER_ENCRYPTION_KEYS": f"1:{_ring_secret()}",
        "STICKER_ASSERTION_KEYS": f"1:{_ring_secret()}",
        "STICKER_LEDGER_KEYS": f"1:{_ring_secret()}",
        "BATCH_FLUSH_SECONDS": str(FLUSH_SECONDS),
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        for name in ("many", "few", "peers"):
            connection.execute(f"CREATE DATABASE {name}")
    return {
        name: {**common, "DATABASE_URL": postgres.url_of(name), "DJANGO_SETTINGS_MODULE": module}
        for name, module in (("many", _OURS), ("few", _OURS), ("peers", "bench.peers_settings"))
    }


_OURS: Final = "sticker_auth.settings"


def _ring_secret() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def _seed(options: Options, environments: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Fill the databases, at the same time; a statement may take as long as a busy machine needs for a million rows."""
    patient = {"DATABASE_STATEMENT_TIMEOUT_MS": str(int(_SEED_SECONDS) * 1000)}
    rows, used = str(options.keys), str(options.used)
    few = str(options.few_keys)
    commands = {
        "many": ("bench.seed_ours", rows, used),
        "few": ("bench.seed_ours", few, few),
        "peers": ("bench.seed_peers", rows, used, *options.peers),
    }
    with ExitStack() as stack:
        jobs = {
            name: stack.enter_context(job([sys.executable, "-m", *command], env={**environments[name], **patient}))
            for name, command in commands.items()
        }
        return {name: json.loads(answer_of(child, seconds=_SEED_SECONDS)) for name, child in jobs.items()}


def _calm(postgres: EmbeddedPostgres) -> None:
    """Write out what the loading left, so that it is not written during the measurements."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


@contextmanager
def _server(options: Options, folder: Path, name: str, application: str, environment: Mapping[str, str]) -> Iterator[Server]:
    port = free_port()
    interface = "asgi" if name == "gateway" else application[-4:]
    command = [
        *(sys.executable, "-m", "granian", f"{application}:application", "--interface", interface, "--http", "1"),
        *("--host", "127.0.0.1", "--port", str(port), "--no-ws", "--workers", str(options.workers)),
        *(("--blocking-threads", "1") if application.endswith("wsgi") else ()),
    ]
    base = {"PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
    log = folder / f"{name}.log"
    with running(command, env={**environment, **base}, output=log) as pid:
        _await_answer(port, log)
        yield Server(port, pid)


def _await_answer(port: int, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > end:
                raise RuntimeError(f"a server did not start:\n{log.read_text()[-4000:]}") from None
            time.sleep(0.05)
