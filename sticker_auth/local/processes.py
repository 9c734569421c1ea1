"""The processes of a demo run: started together, their output told apart by name, stopped together without a trace."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from types import FrameType
from typing import IO, Final

from sticker_auth.local import leash

_STOP_SECONDS: Final = 3.0
_DRAIN_SECONDS: Final = 0.5
_STOP_ASKED: Final = ""
_STDOUT: Final = 1  # unbuffered: nothing is left to fail at exit


@dataclass(frozen=True, slots=True)
class Part:
    """One program and the process group that it leads."""

    name: str
    process: "subprocess.Popen[str]"

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal to the program and to what it has started, also when it has itself ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signum)


class Output:
    """Interleaves lines of several programs; those of one, the speaker, stay bare, so that they can be pasted."""

    def __init__(self, names: Collection[str], *, speaker: str) -> None:
        self._width = max(map(len, names))
        self._speaker = speaker
        self._lock = threading.Lock()

    def copy(self, name: str, lines: IO[str]) -> None:
        """Pass lines on until there are no more; where nobody reads ours any longer, swallow them."""
        prefix = "" if name == self._speaker else f"{name:<{self._width}} | "
        for line in lines:
            with self._lock, contextlib.suppress(BrokenPipeError):
                os.write(_STDOUT, (prefix + line).encode())


def run(
    commands: Mapping[str, Sequence[str]],
    *,
    env: Mapping[str, str],
    speaker: str,
    meanwhile: Callable[[], Mapping[str, Sequence[str]]] = dict,
) -> int:
    """Run programs side by side until SIGINT or SIGTERM comes or one of them ends, then stop them all.

    `meanwhile` is called while those given start, and names those to start after it. Returns the exit status for the whole: 0
    after a signal, else 1. Takes at most about 4 seconds to stop.
    """
    events: SimpleQueue[str] = SimpleQueue()  # its put is safe in a signal handler
    _on_signals(lambda *_: events.put(_STOP_ASKED))
    parts: list[Part] = []
    try:
        _start_all(commands, env=env, parts=parts)
        _on_signals(_leave)
        later = meanwhile()
        _on_signals(lambda *_: events.put(_STOP_ASKED))
        _start_all(later, env=env, parts=parts)
        readers = _watch(parts, output=Output([part.name for part in parts], speaker=speaker), events=events)
        ended = events.get()
    finally:
        _stop(parts)
    for reader in readers:
        reader.join(_DRAIN_SECONDS)
    return _status(ended, parts)


def _on_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, handler)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _start_all(commands: Mapping[str, Sequence[str]], *, env: Mapping[str, str], parts: list[Part]) -> None:
    for name, command in commands.items():
        parts.append(_start(name, command, env=env))


def _start(name: str, command: Sequence[str], *, env: Mapping[str, str]) -> Part:
    process = subprocess.Popen(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a terminal's Ctrl-C reaches only us
        preexec_fn=leash.end_with_parent(),  # noqa: PLW1509  # no thread has been started yet
    )
    return Part(name, process)


def _watch(parts: Sequence[Part], *, output: Output, events: "SimpleQueue[str]") -> list[threading.Thread]:
    """Follow each program's output, and its end, which a child of it that keeps the output open would hide."""

    def report_end(part: Part) -> None:
        part.process.wait()
        events.put(part.name)

    readers = []
    for part in parts:
        assert part.process.stdout is not None  # noqa: S101  # for the type checker
        readers.append(threading.Thread(target=output.copy, args=(part.name, part.process.stdout), daemon=True))
        readers[-1].start()
        threading.Thread(target=report_end, args=(part,), daemon=True).start()
    return readers


def _stop(parts: Sequence[Part]) -> None:
    for part in parts:
        part.signal(signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    for part in parts:
        with contextlib.suppress(subprocess.TimeoutExpired):
            part.process.wait(max(0.0, end - time.monotonic()))
    for part in parts:
        part.signal(signal.SIGKILL)
        part.process.wait()


def _status(ended: str, parts: Sequence[Part]) -> int:
    if ended == _STOP_ASKED:
        return 0
    [status] = [part.process.returncode for part in parts if part.name == ended]
    sys.stderr.write(f"'{ended}' ended with status {status}, so everything was stopped.\n")
    return 1
