"""Going on after a failure: a little later each time, and for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import psycopg
import structlog
from django.db import InterfaceError, OperationalError

# The database is away, or this connection to it.
DOWN: Final = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)
_FIRST_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 2.0

log = structlog.get_logger("sticker.pump")


class Patience:
    """Waits longer after each failure in a row, up to two seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seconds = _FIRST_SECONDS

    def reset(self) -> None:
        """Forget the failures."""
        self._seconds = _FIRST_SECONDS

    async def wait(self, error: Exception) -> None:
        """Say what happened, and wait."""
        if isinstance(error, DOWN):
            log.warning("pump.database_down", step=self._name, error=type(error).__name__)
        else:
            log.error("pump.step_failed", step=self._name, exc_info=error)
        await asyncio.sleep(self._seconds)
        self._seconds = min(_LONGEST_SECONDS, self._seconds * 2)


async def repeat(step: Callable[[], Awaitable[bool]], *, name: str, seconds: float, stop: asyncio.Event) -> None:
    """Run a step at intervals until asked to stop, and again at once where it says that there is more to do."""
    patience = Patience(name)
    while not stop.is_set():
        try:
            has_more = await step()
        except Exception as error:  # the outer edge of a step: the others must go on
            await patience.wait(error)
            continue
        patience.reset()
        if not has_more:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds)
