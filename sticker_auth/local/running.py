"""Who runs the service of a VAR_DIR: one launcher at a time, what it left when it was killed, and its broker."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from sticker_auth.local.environment import write_private
from sticker_auth.local.redis import remove_leftover

MARK: Final = "STICKER_RUN_OF"
_TAKEOVER_SECONDS: Final = 4.0
_TERM_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.02


class AlreadyRunningError(Exception):
    """Another launcher serves this VAR_DIR."""


@dataclass(frozen=True, slots=True)
class Run:
    """What others of the same VAR_DIR need to know about the launcher that serves it."""

    pid: int
    base_url: str
    broker_url: str


@contextmanager
def only_launcher(folder: Path) -> Iterator[None]:
    """Be the one launcher of a VAR_DIR for the time of a block, after ending what a killed one has left.

    Raises: AlreadyRunningError when another one lives.
    """
    with (folder / "run.lock").open("a") as lock:
        _take(lock, folder)
        _end_leftovers(folder)
        try:
            yield
        finally:
            (folder / "run.json").unlink(missing_ok=True)


def announce(folder: Path, run: Run) -> None:
    """Publish this run to other processes of the same VAR_DIR."""
    write_private(folder / "run.json", json.dumps(asdict(run)))


def broker_url(folder: Path) -> str:
    """Tell the broker of the run that now serves a VAR_DIR; empty when none runs or it has none."""
    run = _published(folder)
    return run.broker_url if run and _is_held(folder / "run.lock") else ""


def _end_leftovers(folder: Path) -> None:
    """End what an earlier run whose launcher was killed has left: its processes carry its mark in their environment."""
    if former := _published(folder):
        remove_leftover(former.broker_url)
    for signum, patience_seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        for pid in _marked(folder):
            _send(pid, signum)
        end = time.monotonic() + patience_seconds
        while time.monotonic() < end:
            if not any(True for _ in _marked(folder)):
                return
            time.sleep(_POLL_SECONDS)


def _take(lock: IO[str], folder: Path) -> None:
    """Take the launcher's lock; a launcher that was just killed may need a moment to let go of it."""
    end = time.monotonic() + _TAKEOVER_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                run = _published(folder)
                where = f" at {run.base_url} (process {run.pid})" if run else ""
                raise AlreadyRunningError(
                    f"{folder} is in use: the service already runs{where}. Stop it, or set VAR_DIR to another folder."
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _published(folder: Path) -> Run | None:
    try:
        return Run(**json.loads((folder / "run.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _is_held(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _marked(folder: Path) -> Iterator[int]:
    """Find living processes of a run of this folder, where the kernel shows environments (Linux)."""
    mark = f"{MARK}={folder}".encode()
    proc = Path("/proc")
    for entry in proc.iterdir() if proc.is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark in environment.split(b"\0"):
            yield int(entry.name)


def _send(pid: int, signum: signal.Signals) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return
