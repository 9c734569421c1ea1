"""Running coroutines from tests: in a thread of their own, because the browser tests keep a loop running in the main one."""

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import uvloop
from django.db import connections

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on uvloop, as our own programs do, and give what it gives."""
    return apart(lambda: uvloop.run(work))


def apart(function: Callable[[], T]) -> T:
    """Call a function in another thread, which lets go of its database connections."""

    def call() -> T:
        try:
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()
