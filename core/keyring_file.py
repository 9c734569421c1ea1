"""The file that rings may live in (`STICKER_KEYRING_FILE`): read at the start, and again when it changes, in every process.

It has one `NAME=value` a line, as an environment file has; lines about anything but rings are left alone. Each process looks
at most once a second whether it changed, and only when it uses a ring: so whoever uses one at some instant knows everything
that the file said `STALE_SECONDS` before. That is what lets `rotate_ring` promote a secret without a refused call.
"""

import contextlib
import fcntl
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog
from django.core.exceptions import ImproperlyConfigured

STALE_SECONDS: Final = 1.0
RING_SETTINGS: Final = (
    "STICKER_PEPPERS",
    "STICKER_JWT_KEYS",
    "STICKER_ENCRYPTION_KEYS",
    "STICKER_ASSERTION_KEYS",
    "STICKER_LEDGER_KEYS",
)
_LINE: Final = re.compile(r"^\s*(?P<name>[A-Z_]+)\s*=\s*(?P<value>.*?)\s*$", re.MULTILINE)
_Stamp = tuple[int, int, int]

log = structlog.get_logger("sticker.keyring")


def read_rings(path: str) -> dict[str, str]:
    """Read the rings that a file names, as they are written there.

    Raises: ImproperlyConfigured naming the file when it cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"STICKER_KEYRING_FILE: {path} cannot be read") from error
    found = {match["name"]: match["value"] for match in _LINE.finditer(text)}
    return {name: found[name] for name in RING_SETTINGS if found.get(name)}


class WatchedFile:
    """A ring file as this process last read it; `check` raises ImproperlyConfigured for a ring that is not good.

    A content that is not good is told in the log, once, and not taken up.
    """

    def __init__(self, path: str, *, check: Callable[[str, str], object]) -> None:
        self.path = path
        self._check = check
        self._checked_at = time.monotonic()
        self._stamp = _stamp(path)
        self._lock = threading.Lock()
        self.rings: Mapping[str, str] = read_rings(path)

    def current(self) -> Mapping[str, str]:
        """The rings by their settings' names, at most `STALE_SECONDS` old."""
        if time.monotonic() - self._checked_at >= STALE_SECONDS:
            self._look()
        return self.rings

    def _look(self) -> None:
        with self._lock:
            checked_at = time.monotonic()
            stamp = _stamp(self.path)
            if stamp != self._stamp:
                self._take_up()
                self._stamp = stamp
            self._checked_at = checked_at

    def _take_up(self) -> None:
        try:
            rings = read_rings(self.path)
            for name, text in rings.items():
                self._check(name, text)
        except ImproperlyConfigured as error:
            log.error("keyring.not_taken_up", problem=str(error))
            return
        self.rings = {**self.rings, **rings}
        log.info("keyring.taken_up", rings=sorted(rings))


def replace_ring(path: str, *, setting: str, before: str, after: str) -> bool:
    """Write one ring in the place of another, everything else as it was; a reader sees the old file or the new one.

    Returns False, and changes nothing, when the ring is no longer what it was `before`.
    Raises: OSError when the file or its folder cannot be written.
    """
    file = Path(path)
    with _folder_lock(file.parent):
        text = file.read_text(encoding="utf-8")
        if read_rings(path).get(setting, "") != before:
            return False
        line = f"{setting}={after}"
        lines = [line if _is_about(each, setting) else each for each in text.splitlines()]
        _write(file, "\n".join(lines if before else [*lines, line]) + "\n")
    return True


def _is_about(line: str, setting: str) -> bool:
    match = _LINE.match(line)
    return match is not None and match["name"] == setting


def _write(file: Path, text: str) -> None:
    """Replace a file in one step; it keeps its owner and mode, because other users' processes may have to read it."""
    was = file.stat()
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as new:
            os.fchmod(new.fileno(), was.st_mode & 0o777)
            with contextlib.suppress(PermissionError):
                os.fchown(new.fileno(), was.st_uid, was.st_gid)
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _stamp(path: str) -> _Stamp | None:
    """What changes with every replacement of a file; None while there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Keep other writers of this folder's secrets out."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
