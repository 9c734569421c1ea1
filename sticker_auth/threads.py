"""The threads a web process runs Django in, so that one request computes while another waits for the database."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

_Job = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads:
    """A fixed number of threads, each with database connections of its own, that work for one event loop.

    They start with the first call, that is after a server has forked. The standard library's executor does the same at twice
    the cost of a hop, which every request pays (docs/performance.md).
    """

    def __init__(self, count: int) -> None:
        self._count: Final = count
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._is_started = False

    def run(self, function: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """Call a function in one of the threads; await what this returns for its result or its exception."""
        if not self._is_started:
            self._start()
        future = asyncio.get_running_loop().create_future()
        self._jobs.put((future, function, args))
        return future

    def _start(self) -> None:
        self._is_started = True
        for number in range(self._count):
            threading.Thread(target=self._work, name=f"web-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            future, function, args = self._jobs.get()
            try:
                result, error = function(*args), None
            except BaseException as raised:  # it belongs to whoever awaits, and a thread must not end by it
                result, error = None, raised
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():  # whoever awaited has gone
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
