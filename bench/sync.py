"""`python -m bench.sync`: how fast due organizations are synced, and how much memory that takes.

A PostgreSQL of its own, a provider on loopback that takes its time, and as many syncing processes as asked for. Three rounds:
every organization is filled for the first time; every access token has ended and one user in each has changed; nothing is new.
"""

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psycopg

from bench.processes import bare_environment, cpu_seconds, free_port, run_to_end, running
from core.keyring_file import RING_SETTINGS
from sticker_auth.local.postgres import DURABLE_SETTINGS, EmbeddedPostgres

ROUNDS: Final = ("first fill", "refresh and one change", "nothing new")
_SECONDS: Final = 600.0
_PYTHON: Final = (sys.executable, "-m")


@dataclass(frozen=True, slots=True)
class Round:
    """What one round showed; memory is the most that a syncing process ever held."""

    name: str
    organizations: int
    seconds: float
    a_second: float
    sync_cpu_ms: float
    postgres_cpu_ms: float
    most_memory_mb: float


def main(arguments: Sequence[str]) -> int:
    """Run the rounds and print them; 1 when a sync did not end as it should."""
    options = _parser().parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sticker-bench-", ignore_cleanup_errors=True)))
        folder.chmod(0o711)  # the server may run under another user
        postgres = EmbeddedPostgres(folder / "postgres", settings=DURABLE_SETTINGS, is_disposable=True, is_restarted=False)
        postgres.join()
        stack.callback(postgres.leave)
        env = _environment(postgres)
        run_to_end([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=env, seconds=_SECONDS)
        port = stack.enter_context(_provider(options, folder))
        _run(env, "bench.seed_sync", str(options.partners), str(options.organizations), str(port))
        rounds = [_round(options, number, env, postgres, port) for number in range(len(ROUNDS))]
    for each in rounds:
        print(each)
    if options.json:
        print(json.dumps([asdict(each) for each in rounds]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, default=1000)
    parser.add_argument("--partners", type=int, default=4)
    parser.add_argument("--users", type=int, default=20, help="in each organization")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4, help="in each process")
    parser.add_argument("--latency-ms", type=int, default=20, help="of each answer of the provider")
    parser.add_argument("--json", action="store_true")
    return parser


def _environment(postgres: EmbeddedPostgres) -> dict[str, str]:
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE sync")
    rings = {name: f"1:{urlsafe_b64encode(secrets.token_bytes(32)).decode()}" for name in RING_SETTINGS}
    return {
        **bare_environment(),
        **rings,
        "STICKER_ENV": "development",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": postgres.url_of("sync"),
        "DJANGO_SETTINGS_MODULE": "sticker_auth.settings",
        "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SYNC_CALLS_PER_PROVIDER": "64",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def _provider(options: argparse.Namespace, folder: Path) -> Iterator[int]:
    port = free_port()
    command = [*_PYTHON, "bench.sync_provider", str(port), str(options.users), str(options.latency_ms)]
    with running(command, env=bare_environment(), output=folder / "provider.log"):
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port


def _round(options: argparse.Namespace, number: int, env: Mapping[str, str], postgres: EmbeddedPostgres, port: int) -> Round:
    begin = urllib.request.Request(f"http://127.0.0.1:{port}/round/{number + 1}", method="PUT")
    urllib.request.urlopen(begin, timeout=5).close()
    if number:
        _run(env, "bench.seed_sync", "due" if number == 1 else "fresh")
    command = [sys.executable, "manage.py", "sync_organizations", "--threads", str(options.threads), "--json"]
    database_before, began = cpu_seconds(postgres.pid), time.monotonic()
    children = [
        subprocess.Popen(command, cwd=Path(__file__).parents[1], env=dict(env), stdout=subprocess.PIPE, text=True)
        for _ in range(options.processes)
    ]
    most, cpu = _watch(children)
    seconds = time.monotonic() - began
    said = [json.loads(child.communicate()[0]) for child in children]
    wanted = "unchanged" if number == 2 else "changed"
    done = sum(each[wanted] for each in said)
    assert done == options.organizations == sum(each["runs"] for each in said), said
    database = cpu_seconds(postgres.pid) - database_before
    return Round(
        name=ROUNDS[number],
        organizations=done,
        seconds=round(seconds, 2),
        a_second=round(done / seconds, 1),
        sync_cpu_ms=round(cpu / done * 1000, 2),
        postgres_cpu_ms=round(database / done * 1000, 2),
        most_memory_mb=round(most / 1024, 1),
    )


def _watch(children: Sequence["subprocess.Popen[str]"]) -> tuple[int, float]:
    """The most memory one of them ever held, in KiB, and the processor time of all, in seconds."""
    most, cpu = 0, dict.fromkeys((child.pid for child in children), 0.0)
    while any(child.poll() is None for child in children):
        for child in children:
            most = max(most, _peak_kib(child.pid))
            cpu[child.pid] = max(cpu[child.pid], _cpu_of(child.pid))
        time.sleep(0.02)
    return most, sum(cpu.values())


def _peak_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) if found else 0


def _cpu_of(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except (OSError, KeyError):
        return 0.0


def _run(env: Mapping[str, str], module: str, *arguments: str) -> None:
    run_to_end([*_PYTHON, module, *arguments], env=env, seconds=_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
