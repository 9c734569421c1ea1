"""Counters gathered in memory and written together, so that a request that succeeds writes nothing.

Each `Batch` merges what is added under a key and hands everything to its writer every few seconds and at process exit.
What a writer could not store is kept and merged again, up to a bound. kill -9 loses what was gathered since the last
flush, which is why only counts go here and never an act.
"""

import atexit
import os
import threading
from collections.abc import Callable, Hashable
from multiprocessing import util as multiprocessing_util
from typing import Final, Generic, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

MAX_PENDING: Final = 50_000
# Stored in parts: the larger one is, the longer its writing keeps the interpreter from the requests.
PART_KEYS: Final = 250

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
log = structlog.get_logger("sticker.batching")


class Batch(Generic[K, V]):
    """Pending values by key, merged two at a time by `merge` and stored by `write`."""

    def __init__(self, name: str, *, merge: Callable[[V, V], V], write: Callable[[dict[K, V]], None]) -> None:
        self.name = name
        self._merge = merge
        self._write = write
        self._pending: dict[K, V] = {}
        self._lock = threading.Lock()
        _batches.append(self)  # type: ignore[arg-type]  # the registry only flushes

    def add(self, key: K, value: V, *, is_urgent: bool = False) -> None:
        """Merge one value; costs no I/O here. Over the bound, new keys are dropped: memory is not the attacker's.

        An urgent value wakes the writer at once instead of at the next turn.
        """
        with self._lock:
            if key in self._pending:
                self._pending[key] = self._merge(self._pending[key], value)
            elif len(self._pending) < MAX_PENDING:
                self._pending[key] = value
        if _flusher.pid != os.getpid():
            _flusher.start()
        if is_urgent:
            _flusher.wake()

    def flush(self) -> int:
        """Store everything pending and return how many keys that were.

        Raises: OperationalError or InterfaceError when the store is down; what is not stored is then pending again. After
        any other error the part that caused it is gone: a value that cannot be stored must not hold up those after it.
        """
        with self._lock:
            taken, self._pending = self._pending, {}
        entries = list(taken.items())
        for first in range(0, len(entries), PART_KEYS):
            after = first + PART_KEYS
            try:
                self._write(dict(entries[first:after]))
            except BaseException as error:
                is_down = isinstance(error, OperationalError | InterfaceError)
                self._restore(dict(entries[first if is_down else after :]))
                raise
        return len(entries)

    def _restore(self, taken: dict[K, V]) -> None:
        with self._lock:
            for key, newer in self._pending.items():
                if key in taken:
                    taken[key] = self._merge(taken[key], newer)
                elif len(taken) < MAX_PENDING:
                    taken[key] = newer
            self._pending = taken


_batches: list[Batch[Hashable, object]] = []


def flush_all() -> None:
    """Store what every batch holds; a batch whose store is down keeps its values."""
    for batch in _batches:
        try:
            batch.flush()
        except (OperationalError, InterfaceError) as error:
            log.warning("batch.delayed", batch=batch.name, error=type(error).__name__)
        except Exception:
            # The outer edge of the flusher's thread: it must live on.
            log.exception("batch.lost", batch=batch.name)


class _Flusher:
    """One daemon thread per process, started by the first value added in that process."""

    def __init__(self) -> None:
        self.pid = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def start(self) -> None:
        with self._lock:
            if self.pid == os.getpid() or settings.BATCH_FLUSH_SECONDS == 0:
                return
            self.pid = os.getpid()
        threading.Thread(target=self._run, name="sticker-batches", daemon=True).start()
        atexit.register(flush_all)
        # Worker processes of a server leave through multiprocessing, which skips atexit.
        multiprocessing_util.Finalize(None, flush_all, exitpriority=10)

    def wake(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(settings.BATCH_FLUSH_SECONDS)
            self._wake.clear()
            flush_all()
            connections.close_all()


_flusher: Final = _Flusher()
