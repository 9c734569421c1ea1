"""A thread for what speaks to the database through Django, with one connection that is closed with it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections

T = TypeVar("T")


class DjangoThread:
    """Makes calls one after the other, away from the event loop."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def call(self, call: Callable[[], T]) -> T:
        """Make one call and return what it does; a connection that was lost is not used again."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _fresh_after_loss, call)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._pool, connections.close_all)
        self._pool.shutdown()


def _fresh_after_loss(call: Callable[[], T]) -> T:
    try:
        return call()
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise
