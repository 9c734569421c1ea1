"""Real servers for tests: the service itself, PostgreSQL that may be killed, Redis, RabbitMQ. Each waits until it answers."""

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from sticker_auth.local import leash
from sticker_auth.local.environment import PROJECT_ROOT
from sticker_auth.local.postgres import FORGETFUL_SETTINGS, EmbeddedPostgres

if TYPE_CHECKING:
    from tests.databases import Databases

TEST_SETTINGS: Final = {
    "STICKER_ENV": "development",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "STICKER_PEPPERS": "1:dGVzdC1wZXBwZXItMC0wMTIzNDU2Nzg5YWJjZGVmLTE",
    "STICKER_JWT_KEYS": "1:dGVzdC1qd3Qta2V5LTAtMDEyMzQ1Njc4OWFiY2RlZi0",
    "STICKER_ENCRYPTION_KEYS": "1:dGVzdC1lbmNyeXB0aW9uLTAtMDEyMzQ1Njc4OWFiY2Q",
    "STICKER_ASSERTION_KEYS": "1:dGVzdC1hc3NlcnRpb24ta2V5LTAxMjM0NTY3ODlhYmM",
    "STICKER_LEDGER_KEYS": "1:dGVzdC1sZWRnZXIta2V5LTAtMDEyMzQ1Njc4OWFiY2Q",
}
_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_RABBIT_LAUNCHERS: Final = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")


def unused_port() -> int:
    """Find a TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def program(*names: str, package: str) -> str:
    """Find a program, or skip the test saying what to install."""
    for name in names:
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
            return found
    pytest.skip(f"{names[0]} was not found: apt-get install {package}")


class Process:
    """A server program whose output goes to a log file, and which says there that it is ready."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._lines = threading.Condition()
        self._seen: list[str] = []
        self._has_ended = False
        self._popen = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=leash.end_with_parent(signal.SIGTERM),  # noqa: PLW1509  # one system call, no lock
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The main process, leader of its own process group."""
        return self._popen.pid

    def await_line(self, text: str, *, count: int = 1) -> None:
        """Wait until the output has had so many lines that contain a text."""
        with self._lines:
            is_there = self._lines.wait_for(lambda: self._has_ended or self._count(text) >= count, _READY_SECONDS)
        if not is_there or self._count(text) < count:
            self.kill()
            pytest.fail(f"No line with {text!r} came; {self.log} ends:\n{''.join(self._seen[-30:])}")

    def wait(self) -> int:
        """Wait until it has ended and tell its exit status."""
        return self._popen.wait(_READY_SECONDS)

    def stop(self) -> None:
        """End it as an operator would; by force where that does not help in time."""
        self._popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it and its children by kill -9."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._reader.join(_STOP_SECONDS)

    def _count(self, text: str) -> int:
        return sum(text in line for line in self._seen)

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as output, self.log.open("ab", buffering=0) as log:
            for line in output:
                log.write(line)
                with self._lines:
                    self._seen.append(line.decode(errors="replace"))
                    self._lines.notify_all()
        with self._lines:
            self._has_ended = True
            self._lines.notify_all()


class LiveService:
    """The real service behind granian, on a free port of 127.0.0.1 and a database of its own."""

    def __init__(self, *, database_url: str, folder: Path, workers: int = 1, env: Mapping[str, str] | None = None) -> None:
        self.port = unused_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.log = folder / f"service-{self.port}.log"
        self.env = {**bare_environment(), "DATABASE_URL": database_url, "VAR_DIR": str(folder)}
        self.env |= {"PUBLIC_BASE_URL": self.base_url, "BATCH_FLUSH_SECONDS": "0.2", **(env or {})}
        self._workers = workers
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The main process; its workers are its children and in its process group."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until every worker serves and the database answers through it."""
        self._process = Process(self._command(), env=self.env, log=self.log)
        self._process.await_line("Started worker-", count=self._workers)
        await_url(f"{self.base_url}/readyz")  # a worker says it has started a moment before it listens

    def stop(self) -> None:
        """Stop it as an operator would; safe to call when it does not run."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kill every process of it at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()

    def manage(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a management command against the same database and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT_ROOT,
            env=self.env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "granian", "--interface", "rsgi", "sticker_auth.rsgi:application", "--no-ws"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--workers", str(self._workers), "--blocking-threads", "1"),
        ]


class StartService(Protocol):
    """Starts a service and returns it when it answers."""

    def __call__(
        self, *, workers: int = 1, env: Mapping[str, str] | None = None, database_url: str | None = None
    ) -> LiveService: ...


@contextmanager
def service_starter(databases: "Databases", folder: Path) -> Iterator[StartService]:
    """Give a function that starts services; all of them are stopped, and their databases dropped, at the end."""
    with ExitStack() as stack:

        def start(*, workers: int = 1, env: Mapping[str, str] | None = None, database_url: str | None = None) -> LiveService:
            if database_url is None:
                name = databases.clone()
                stack.callback(databases.drop, name)
                database_url = databases.url(name)
            service = LiveService(database_url=database_url, folder=folder, workers=workers, env=env)
            stack.callback(service.stop)
            service.start()
            return service

        yield start


class PrivatePostgres:
    """A PostgreSQL server that a test may kill and start again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder / "pg", settings=FORGETFUL_SETTINGS, is_disposable=True, is_restarted=False)
        self.url = self._server.join()

    def kill(self) -> None:
        """Kill the server by kill -9 and return when nothing of it is left."""
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.await_end()

    def start(self) -> None:
        """Start it again after `kill`."""
        self._server.revive()

    def stop(self) -> None:
        """Stop it for good."""
        self._server.leave()


class RabbitServer:
    """A RabbitMQ node of its own on loopback, with all its files in one folder."""

    def __init__(self, folder: Path) -> None:
        launcher = program(*_RABBIT_LAUNCHERS, package="rabbitmq-server")
        self.port, self._mapper_port = unused_port(), unused_port()
        self.broker_url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._env = self._environment(folder)
        self._process = Process([launcher], env=self._env, log=folder / "rabbit.log")
        self._process.await_line("completed with")

    def stop(self) -> None:
        """Stop the node and the port mapper that it started."""
        self._process.stop()
        subprocess.run(["epmd", "-kill"], env=self._env, capture_output=True, check=False)

    def _environment(self, folder: Path) -> dict[str, str]:
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbit.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        return {
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"sticker-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(unused_port()),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbit.conf"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        }


def bare_environment() -> dict[str, str]:
    """What a service process of a test inherits: nothing of the developer's configuration."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, **TEST_SETTINGS, "PYTHONUNBUFFERED": "1"}


def await_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor, closefd=True):
        assert select.select([descriptor], [], [], _READY_SECONDS)[0], f"process {pid} is still there"


def await_url(url: str) -> None:
    """Wait until an address answers 200."""
    end = time.monotonic() + _READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
