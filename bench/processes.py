"""Child processes of a run: started apart from the terminal, ended by id, and how much processor time a tree of them took."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sticker_auth.local.leash import end_with_parent

ROOT: Final = Path(__file__).resolve().parent.parent
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS: Final = 8.0
# Fields of /proc/PID/stat, counted from the one after the command's name.
_PARENT, _FIRST_TIME, _LAST_TIME = 1, 11, 15


def bare_environment() -> dict[str, str]:
    """What a child needs of ours. The server copies its environment into each request, so it is the same and small for all."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": str(ROOT)}


def free_port() -> int:
    """Find a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], *, env: Mapping[str, str], output: Path) -> Iterator[int]:
    """Run a program for the time of a block, its output going to a file; gives its process id."""
    with output.open("ab") as file:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for us, who then end it in order
            preexec_fn=end_with_parent(),  # noqa: PLW1509  # one system call, no lock
        )
    try:
        yield child.pid
    finally:
        _end(child)


@contextmanager
def job(command: Sequence[str], *, env: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Start a program that prints an answer and ends; whatever is left of it when the block ends is killed."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509  # one system call, no lock
    )
    with child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def answer_of(child: "subprocess.Popen[str]", *, seconds: float) -> str:
    """Wait for a job and return what it printed.

    Raises: RuntimeError when it fails, with what it said; subprocess.TimeoutExpired when it takes longer.
    """
    printed, complaint = child.communicate(timeout=seconds)
    if child.returncode:
        raise RuntimeError(f"{child.args!r} ended with {child.returncode}:\n{printed[-2000:]}\n{complaint[-4000:]}")
    return printed


def run_to_end(command: Sequence[str], *, env: Mapping[str, str], seconds: float) -> str:
    """Run a program to its end and return what it printed; errors as `answer_of`."""
    with job(command, env=env) as child:
        return answer_of(child, seconds=seconds)


def _end(child: "subprocess.Popen[bytes]") -> None:
    family = [pid for pid in tree(child.pid) if pid != child.pid]
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tree(root: int) -> list[int]:
    """The ids of a process and of everything below it that lives now."""
    parents = {pid: int(fields[_PARENT]) for pid, fields in _all_stats()}
    members = {root}
    for pid in sorted(parents):
        chain = pid
        while chain in parents and chain not in members:
            chain = parents[chain]
        if chain in members:
            members.add(pid)
    return sorted(members)


def cpu_seconds(root: int) -> float:
    """User and system time of a process tree so far, that of children already gone included."""
    stats = dict(_all_stats())
    ticks = sum(sum(map(int, stats[pid][_FIRST_TIME:_LAST_TIME])) for pid in tree(root) if pid in stats)
    return ticks / _TICKS_PER_SECOND


def _all_stats() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            yield int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split()
