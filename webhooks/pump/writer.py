"""Gathers results for a few milliseconds and writes them together, however often the database has to be asked."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final
from uuid import UUID

import psycopg
import structlog

from webhooks.pump.config import PumpConfig
from webhooks.pump.links import Link
from webhooks.pump.results import MAX_ROWS, Row, row_of, write_rows
from webhooks.pump.send import AttemptResult
from webhooks.reasons import AttemptReason

# So many successes in a row let an endpoint have one more call at once, where it had been given fewer than it asked for.
RAISED_AFTER: Final = 20
_BACK_OFF_SECONDS: Final = 0.25
_DOWN: Final = (psycopg.OperationalError, psycopg.InterfaceError)

log = structlog.get_logger("sticker.pump")


class ResultWriter:
    """The results of one process. Nothing is forgotten before it is written; what a crash takes comes back by its lease."""

    def __init__(self, config: PumpConfig, *, on_written: Callable[[], None]) -> None:
        self._config = config
        self._on_written = on_written
        self._link = Link()
        self._rows: list[Row] = []
        self._streaks: defaultdict[UUID, int] = defaultdict(int)
        self._has_rows = asyncio.Event()
        self.written = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything is written."""
        return not self._rows

    def add(self, result: AttemptResult) -> None:
        """Take one result; it is written within moments."""
        self._rows.append(row_of(result, raises=self._raises(result), config=self._config))
        self._has_rows.set()

    async def run(self) -> None:
        """Write for ever; ends by being cancelled, best after `drain`."""
        while True:
            await self._has_rows.wait()
            await asyncio.sleep(self._config.flush_seconds)
            await self._flush()

    async def _flush(self) -> None:
        while self._rows:
            batch = self._rows[:MAX_ROWS]
            try:
                await self._write(batch)
            except _DOWN as error:
                log.warning("pump.results_delayed", results=len(self._rows), error=type(error).__name__)
                await asyncio.sleep(_BACK_OFF_SECONDS)
                continue
            del self._rows[: len(batch)]
            self.written += len(batch)
            self._on_written()
        self._has_rows.clear()

    async def drain(self) -> None:
        """Wait until `run` has written everything."""
        while self._rows:
            await asyncio.sleep(self._config.flush_seconds)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _write(self, batch: list[Row]) -> None:
        """Write some rows; one that the database refuses for what the receiver put into it goes without that, alone."""
        try:
            await write_rows(self._link, batch)
        except _DOWN:
            raise
        except psycopg.Error as error:
            if len(batch) > 1:
                half = len(batch) // 2
                await self._write(batch[:half])
                await self._write(batch[half:])
                return
            log.error("pump.result_refused", delivery=batch[0]["id"], error=type(error).__name__)
            await self._write_bare(batch[0])

    async def _write_bare(self, row: Row) -> None:
        try:
            await write_rows(self._link, [{**row, "response_text": "", "response_headers": {}, "address": None}])
        except _DOWN:
            raise
        except psycopg.Error:
            # Its lease ends, and it is sent again: better twice than never.
            log.exception("pump.result_lost", delivery=row["id"])

    def _raises(self, result: AttemptResult) -> int:
        endpoint_id = result.job.endpoint_id
        if result.reason is not AttemptReason.DELIVERED:
            self._streaks.pop(endpoint_id, None)
            return 0
        self._streaks[endpoint_id] += 1
        if self._streaks[endpoint_id] < RAISED_AFTER:
            return 0
        del self._streaks[endpoint_id]
        return 1
