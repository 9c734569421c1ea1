"""Looking at the machine's processes: who belongs to a folder, who has ended."""

import contextlib
import os
import signal
from pathlib import Path


def of_folder(folder: Path) -> dict[int, str]:
    """Find living processes that name a folder in their command or environment, this one apart."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        command = _read(entry / "cmdline")
        if str(folder) in command or str(folder) in _read(entry / "environ"):
            found[int(entry.name)] = command
    return found


def kill_all(folder: Path) -> None:
    """Kill every process of a folder by kill -9, in no order."""
    for pid in of_folder(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
