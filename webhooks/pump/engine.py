"""The pump itself: one event loop that claims, sends and writes down, and a thread for what speaks to Django.

Every step stands alone: a database that goes away makes it wait and try again, and whatever this process held when it is
killed is found by its lease. SIGTERM ends it in order: what is under way may finish, what came of it is written.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connections

from core.egress.door import Door
from webhooks.pump.bodies import with_body
from webhooks.pump.claim import Job, claim_jobs
from webhooks.pump.config import PumpConfig
from webhooks.pump.keys import KeyRing, load_keys
from webhooks.pump.links import Link
from webhooks.pump.recovery import recover_leases, release_parked, return_jobs
from webhooks.pump.send import attempt
from webhooks.pump.writer import ResultWriter
from webhooks.reasons import AttemptReason
from webhooks.services.fanout import fan_out
from webhooks.services.health import disable_gone, review_endpoints
from webhooks.services.settling import settle

_DOWN: Final = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)
_FIRST_BACK_OFF_SECONDS: Final = 0.1
_LONGEST_BACK_OFF_SECONDS: Final = 2.0
# Claims under load come at least this far apart, so that each takes many.
_CLAIM_SPACING_SECONDS: Final = 0.01
_RECOVER_EVERY_SECONDS: Final = 0.5
_REVIEW_EVERY_SECONDS: Final = 5.0
_LAST_FLUSH_SECONDS: Final = 5.0

T = TypeVar("T")
log = structlog.get_logger("sticker.pump")


class Pump:
    """The deliveries of one process. Any number of pumps share the work."""

    def __init__(self, config: PumpConfig) -> None:
        self._config = config
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._claims = Link()
        self._chores = Link()
        self._returns = Link()
        self._writer = ResultWriter(config, on_written=self._wake.set)
        self._flying: dict[asyncio.Task[None], Job] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="pump-django")
        self._has_fanned_out = False
        self._is_drained = False

    def stop(self) -> None:
        """Ask the pump to end in order."""
        self._stop.set()
        self._wake.set()

    async def run(self, *, drain_seconds: float | None = None) -> int:
        """Work until asked to stop, or, draining, until nothing is due or the time is over; return how many calls were made."""
        config = self._config
        log.info("pump.started", sockets=config.sockets, shard=f"{config.shard.index}/{config.shard.count}")
        async with Door(is_kept=config.keeps_connections, limits=config.limits, nameservers=config.nameservers) as door:
            loops = [asyncio.create_task(each) for each in self._loops(door, drain_seconds is not None)]
            try:
                await self._await_end(loops, drain_seconds)
            finally:
                self.stop()
                await self._land(loops)
        log.info("pump.stopped", calls=self._writer.written)
        return self._writer.written

    def _loops(self, door: Door, is_draining: bool) -> list[Coroutine[object, object, None]]:
        return [
            self._writer.run(),
            self._claim_for_ever(door, is_draining),
            self._every(self._config.poll_seconds, "fan_out", self._fan_out),
            self._every(_RECOVER_EVERY_SECONDS, "recover", self._recover),
            self._every(_REVIEW_EVERY_SECONDS, "review", self._review),
        ]

    async def _await_end(self, loops: list["asyncio.Task[None]"], drain_seconds: float | None) -> None:
        stopped = asyncio.create_task(self._stop.wait())
        # No loop ends by itself, unless by a fault in it: then the process ends, and whoever runs it starts it anew.
        done, _ = await asyncio.wait({stopped, *loops}, timeout=drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done - {stopped}:
            task.result()

    async def _land(self, loops: list["asyncio.Task[None]"]) -> None:
        """Let what is under way come to its end: claims first, for one that is cut off would be known to nobody."""
        writing, *others = loops
        await asyncio.wait(others, timeout=self._config.grace_seconds)
        if self._flying:
            await asyncio.wait(self._flying, timeout=self._config.grace_seconds)
        left = dict(self._flying)
        await _cancel(left)
        with suppress(TimeoutError, *_DOWN):
            async with asyncio.timeout(_LAST_FLUSH_SECONDS):
                await self._writer.drain()
                await return_jobs(self._returns, list(left.values()))
        await _cancel([writing, *others])
        await self._close()

    async def _close(self) -> None:
        for link in (self._claims, self._chores, self._returns, self._writer):
            await link.close()
        self._threads.shutdown()

    async def _claim_for_ever(self, door: Door, is_draining: bool) -> None:
        back_off = _BackOff("claim")
        while not self._stop.is_set():
            free = self._config.sockets - len(self._flying)
            taken, was_idle = 0, self._is_idle()
            try:
                if free > 0:
                    taken = await self._claim(door, free)
                back_off.reset()
            except _DOWN as error:
                await back_off.wait(error)
                continue
            if is_draining and was_idle and not taken:
                self.stop()
            await self._pause(self._config.poll_seconds if taken < free or not free else _CLAIM_SPACING_SECONDS)

    async def _claim(self, door: Door, free: int) -> int:
        began = time.monotonic()
        jobs = await claim_jobs(self._claims, config=self._config, free=free)
        if not jobs:
            return 0
        keys = await load_keys(self._claims, jobs)
        for job in jobs:
            ready = await with_body(self._claims, job)
            task = asyncio.create_task(self._deliver(door, ready, keys, began))
            self._flying[task] = ready
            task.add_done_callback(self._landed)
        return len(jobs)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        del self._flying[task]
        if not self._flying:
            self._wake.set()

    async def _deliver(self, door: Door, job: Job, keys: KeyRing, claimed: float) -> None:
        if time.monotonic() - claimed > self._config.lease_seconds - self._config.limits.total_seconds:
            # This process was stopped for a while: another one may hold this by now, and sends it.
            return
        result = await attempt(door, job, keys.of(job))
        if result.reason is AttemptReason.GONE:
            with suppress(*_DOWN):
                await self._in_thread(lambda: disable_gone(job.endpoint_id))
        self._writer.add(result)

    async def _fan_out(self) -> bool:
        made = await self._in_thread(fan_out)
        if made.deliveries:
            self._wake.set()
        self._has_fanned_out = not made.is_behind
        if await self._in_thread(settle):
            self._wake.set()
        return made.is_behind

    async def _recover(self) -> bool:
        recovered = await recover_leases(self._chores, config=self._config)
        released = await release_parked(self._chores)
        if recovered or released:
            self._wake.set()
        return False

    async def _review(self) -> bool:
        await self._in_thread(review_endpoints)
        return False

    def _is_idle(self) -> bool:
        return self._has_fanned_out and not self._flying and self._writer.is_empty

    async def _pause(self, seconds: float) -> None:
        """Wait until something may have become due; never less than the spacing of claims."""
        if seconds > _CLAIM_SPACING_SECONDS:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
        self._wake.clear()
        await asyncio.sleep(_CLAIM_SPACING_SECONDS)

    async def _every(self, seconds: float, name: str, step: Callable[[], Awaitable[bool]]) -> None:
        """Run a step at intervals, and again at once where it says that there is more to do."""
        back_off = _BackOff(name)
        while not self._stop.is_set():
            try:
                has_more = await step()
                back_off.reset()
            except _DOWN as error:
                await back_off.wait(error)
                continue
            if not has_more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), seconds)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _with_django, call)


def _with_django(call: Callable[[], T]) -> T:
    """Make one call on this thread's connection; one that was lost is not used again."""
    try:
        return call()
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise


async def _cancel(tasks: Collection["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _BackOff:
    """Waits longer after each failure in a row, up to two seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seconds = _FIRST_BACK_OFF_SECONDS

    def reset(self) -> None:
        """Forget the failures."""
        self._seconds = _FIRST_BACK_OFF_SECONDS

    async def wait(self, error: Exception) -> None:
        """Say that the database is away, and wait."""
        log.warning("pump.database_down", step=self._name, error=type(error).__name__)
        await asyncio.sleep(self._seconds)
        self._seconds = min(_LONGEST_BACK_OFF_SECONDS, self._seconds * 2)
