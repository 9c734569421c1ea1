"""The processes of a demo run under honcho, tied to the launcher so that none outlives it."""

import functools
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import honcho.manager
from honcho.printer import Printer
from honcho.process import Popen, Process

from sticker_auth.local import leash

_KILL_AFTER_SECONDS: Final = 3
_STOPPED_BY_SIGNAL: Final = (128 + signal.SIGINT, 128 + signal.SIGTERM)


class TiedProcess(Process):  # type: ignore[misc]  # honcho has no types
    """Honcho's process, and the program it runs, end with the launcher even when that is killed."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run the program. Called in a process of its own, which only passes its output on."""
        leash.end_with_parent(signal.SIGKILL)()
        self._child_ctor = functools.partial(Popen, preexec_fn=leash.end_with_parent(signal.SIGTERM))
        super().run(events, ignore_signals)


class PlainSpeaker(Printer):  # type: ignore[misc]  # honcho has no types
    """Print the lines of one process bare, so that they can be copied and pasted."""

    def __init__(self, speaker: str) -> None:
        super().__init__(sys.stdout)
        self._speaker = speaker

    def write(self, message: Any) -> None:
        """Print one line of a process."""
        self.prefix = message.name != self._speaker
        super().write(message)


def run(commands: Mapping[str, Sequence[str]], *, env: Mapping[str, str], speaker: str) -> int:
    """Run programs side by side until a signal comes or one of them ends, then stop them all.

    Returns the exit status for the whole: 0 after a signal. Returns within about 4 seconds of it.
    """
    honcho.manager.KILL_WAIT = _KILL_AFTER_SECONDS
    manager = honcho.manager.Manager(PlainSpeaker(speaker))
    manager._process_ctor = TiedProcess
    for name, command in commands.items():
        manager.add_process(name, f"exec {shlex.join(command)}", env=dict(env))
    manager.loop()
    return 0 if manager.returncode in _STOPPED_BY_SIGNAL else 1
