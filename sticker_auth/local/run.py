"""`make run`: PostgreSQL and a broker first, then tables and demo data, then web, worker, beat and the demo's site."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final

from sticker_auth.local import environment, facts, leash, processes, redis, running
from sticker_auth.local.environment import PROJECT_ROOT
from sticker_auth.local.postgres import EmbeddedPostgres, PostgresUnavailableError

_DEFAULT_PORT: Final = 8000
# Not the next ports, which a second run beside this one is likely to be given.
_DEMO_PORT_OFFSET: Final = 1000
_GATEWAY_PORT_OFFSET: Final = 2000
_LAST_PORT: Final = 65535
_TIE: Final = "--tied"


class RefusedError(Exception):
    """The run can't start, for a reason that the user can change."""


def main() -> int:
    """Run until a signal comes or a part fails; returns 0 after a signal."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _leave)
    if _TIE in sys.argv:
        leash.end_with_parent(signal.SIGTERM)()
    try:
        return _run_alone()
    except (RefusedError, PostgresUnavailableError, running.AlreadyRunningError) as error:
        sys.exit(str(error))


def _run_alone() -> int:
    environment.load()
    if os.environ.get("STICKER_ENV") != "development":
        raise RefusedError("This runs a development service. Unset STICKER_ENV, or set it to 'development'.")
    folder, port = environment.var_dir(), _port()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(PROJECT_ROOT)
    with running.only_launcher(folder):
        facts.withdraw(folder)
        _refuse_busy(port)
        sys.stdout.write(f"Starting the service; what it keeps is in {folder}\n")
        sys.stdout.flush()
        return _run(folder, port=port)


def _run(folder: Path, *, port: int) -> int:
    demo_port, gateway_port = _port_beside(port, _DEMO_PORT_OFFSET), _port_beside(port, _GATEWAY_PORT_OFFSET)
    with ExitStack() as servers:
        env = _environment(folder, port=port, demo_port=demo_port, servers=servers)
        env["GATEWAY_URL"] = f"http://127.0.0.1:{gateway_port}"
        servers.callback(_ignore_signals)

        def prepare() -> dict[str, list[str]]:
            is_first = _prepare(folder, env=env, port=port, demo_port=demo_port)
            return commands_of(folder, has_broker=bool(env.get("CELERY_BROKER_URL")), is_first=is_first)

        # These need no table until they are asked something, and take as long to start as the tables take.
        listeners = {
            "web": web_command(port=port, workers=_workers()),
            "gateway": gateway_command(port=gateway_port, workers=1),
        }
        return processes.run(listeners, env=env, speaker="ready", meanwhile=prepare)


def _environment(folder: Path, *, port: int, demo_port: int, servers: ExitStack) -> dict[str, str]:
    """Start the servers that nobody has named, and tell the service where everything is."""
    base_url = f"http://127.0.0.1:{port}"
    static = folder / "static"
    static.mkdir(exist_ok=True)
    env = {"PUBLIC_BASE_URL": base_url, "STATIC_ROOT": str(static), **os.environ}
    if not env.get("DATABASE_URL"):
        database = EmbeddedPostgres(folder / "pg")
        servers.callback(database.leave)
        env["DATABASE_URL"] = database.join()
    own_broker = ""
    if not env.get("CELERY_BROKER_URL"):
        own_broker = _start_broker(folder, servers)
        env["CELERY_BROKER_URL"] = own_broker or _as_broker(env.get("REDIS_URL", ""))
    running.announce(folder, running.Run(os.getpid(), base_url, own_broker))
    return env | {
        "VAR_DIR": str(folder),
        running.MARK: str(folder),
        "DEMO_PORT": str(demo_port),
        "DEMO_PARTNER_CONFIG": str(facts.site_configuration_path(folder)),
        "PYTHONUNBUFFERED": "1",
    }


def _start_broker(folder: Path, servers: ExitStack) -> str:
    program = redis.find_program()
    if program is None or os.environ.get("REDIS_URL"):
        return ""
    server = redis.EmbeddedRedis(program)
    servers.callback(server.stop)
    return server.broker_url


def _as_broker(redis_url: str) -> str:
    """Spell the address of the Redis that counts limits as kombu wants it."""
    return redis_url.replace("unix://", "redis+socket://", 1)


def _prepare(folder: Path, *, env: dict[str, str], port: int, demo_port: int) -> bool:
    """Migrate and seed in a process of its own; tells whether the staff login is a new one."""
    before = facts.read_pending(folder)
    base_url = f"http://127.0.0.1:{port}"
    embed_base_url = env.get("EMBED_BASE_URL") or env["PUBLIC_BASE_URL"]
    addresses = (base_url, embed_base_url, f"http://localhost:{demo_port}/", env["GATEWAY_URL"])
    done = subprocess.run(
        [sys.executable, "-m", "sticker_auth.local.prepare", *addresses],
        env=env,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=leash.end_with_parent(signal.SIGKILL),
        check=False,
    )
    after = facts.read_pending(folder)
    if done.returncode or after is None:
        raise RefusedError("The database could not be prepared; the messages above say why.")
    return before is None or before.staff_password != after.staff_password


def commands_of(folder: Path, *, has_broker: bool, is_first: bool) -> dict[str, list[str]]:
    """Spell the programs that need the tables by name; without a broker one timer does what worker and beat do."""
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "sticker_auth.celery"]
    schedule = str(folder / "celerybeat-schedule")
    timed = {
        "worker": [*celery, "worker", "--concurrency", str(_workers()), "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat", "--schedule", schedule, "--pidfile", ""],
    }
    alone = {"timer": [sys.executable, "manage.py", "run_schedule"]}
    return {
        **(timed if has_broker else alone),
        "pump": [sys.executable, "manage.py", "pump_webhooks"],
        "demo": [sys.executable, "-m", "demo.partner_site"],
        "ready": [sys.executable, "-m", "sticker_auth.local.announce", *(["first"] if is_first else [])],
    }


def web_command(*, port: int, workers: int) -> list[str]:
    """Spell the command of the web server on loopback."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "rsgi", "sticker_auth.rsgi:application", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers), "--respawn-failed-workers"),
    ]


def gateway_command(*, port: int, workers: int) -> list[str]:
    """Spell the command of the gateway's listener on loopback."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "sticker_auth.gateway:application", "--no-ws", "--http", "1"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers), "--respawn-failed-workers"),
    ]


def _workers() -> int:
    return min(2, os.cpu_count() or 1)


def _port() -> int:
    text = os.environ.get("PORT") or str(_DEFAULT_PORT)
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise RefusedError(f"PORT is {text!r}: it must be a number from 1 to {_LAST_PORT}.")
    return int(text)


def _refuse_busy(port: int) -> None:
    try:
        _bind(port)
    except OSError as error:
        raise RefusedError(
            f"Port {port} can't be used ({os.strerror(error.errno or 0)}). Stop what uses it, or choose another: "
            "make run PORT=8001"
        ) from error


def _port_beside(port: int, offset: int) -> int:
    """The port at a distance from ours, or any that is free where that one is taken."""
    wanted = port + offset
    try:
        return _bind(wanted if wanted <= _LAST_PORT else 0)
    except OSError:
        return _bind(0)


def _bind(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        bound: int = probe.getsockname()[1]
    return bound


def _leave(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _ignore_signals() -> None:
    """Finish in peace: what is left to stop stops quickly."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
