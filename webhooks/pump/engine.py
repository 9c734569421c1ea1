"""The pump itself: one event loop that claims, sends and writes down, and a thread for what speaks to Django.

Every step stands alone: a database that goes away makes it wait and try again, and whatever this process held when it is
killed is found by its lease. SIGTERM ends it in order: what is under way may finish, what came of it is written.
"""

import asyncio
import time
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Final

import structlog

from core.egress.door import Door
from webhooks.pump.bodies import with_bodies
from webhooks.pump.claim import Job, claim_jobs
from webhooks.pump.config import PumpConfig
from webhooks.pump.keys import KeyRing, load_keys
from webhooks.pump.links import Link
from webhooks.pump.patience import DOWN, Patience, repeat
from webhooks.pump.recovery import recover_leases, release_parked, return_jobs
from webhooks.pump.send import attempt
from webhooks.pump.threads import DjangoThread
from webhooks.pump.writer import ResultWriter
from webhooks.reasons import AttemptReason
from webhooks.services.fanout import fan_out
from webhooks.services.health import disable_gone, review_endpoints
from webhooks.services.settling import settle

# Claims under load come at least this far apart, so that each takes many.
_CLAIM_SPACING_SECONDS: Final = 0.01
_RECOVER_EVERY_SECONDS: Final = 0.5
_REVIEW_EVERY_SECONDS: Final = 5.0
_LAST_FLUSH_SECONDS: Final = 5.0

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
        # The one must never wait for what the other does: mails are sent in it.
        self._quick, self._patient = DjangoThread("pump-quick"), DjangoThread("pump-patient")
        self._has_fanned_out = False
        self._has_more = False

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
            repeat(self._fan_out, name="fan_out", seconds=self._config.poll_seconds, stop=self._stop),
            repeat(self._recover, name="recover", seconds=_RECOVER_EVERY_SECONDS, stop=self._stop),
            repeat(self._review, name="review", seconds=_REVIEW_EVERY_SECONDS, stop=self._stop),
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
        with suppress(TimeoutError, *DOWN):
            async with asyncio.timeout(_LAST_FLUSH_SECONDS):
                await self._writer.drain()
                await return_jobs(self._returns, list(left.values()))
        await _cancel([writing, *others])
        await self._close()

    async def _close(self) -> None:
        for link in (self._claims, self._chores, self._returns, self._writer):
            await link.close()
        for thread in (self._quick, self._patient):
            await thread.close()

    async def _claim_for_ever(self, door: Door, is_draining: bool) -> None:
        patience = Patience("claim")
        while not self._stop.is_set():
            free = self._config.sockets - len(self._flying)
            taken, was_idle = 0, self._is_idle()
            try:
                if free > 0:
                    taken = await self._claim(door, free)
            except Exception as error:  # the outer edge of a claim: what it took comes back with its lease
                await patience.wait(error)
                continue
            patience.reset()
            # What was due did not fit: every call that ends makes room for more of it.
            self._has_more = taken == free
            if is_draining and was_idle and not taken:
                self.stop()
            await self._pause(self._config.poll_seconds if taken < free or not free else _CLAIM_SPACING_SECONDS)

    async def _claim(self, door: Door, free: int) -> int:
        began = time.monotonic()
        jobs = await claim_jobs(self._claims, config=self._config, free=free)
        if not jobs:
            return 0
        keys = await load_keys(self._claims, jobs)
        for job in await with_bodies(self._claims, jobs):
            task = asyncio.create_task(self._deliver(door, job, keys, began))
            self._flying[task] = job
            task.add_done_callback(self._landed)
        return len(jobs)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        del self._flying[task]
        if self._has_more or not self._flying:
            self._wake.set()

    async def _deliver(self, door: Door, job: Job, keys: KeyRing, claimed: float) -> None:
        if time.monotonic() - claimed > self._config.lease_seconds - self._config.limits.total_seconds:
            # This process was stopped for a while: another one may hold this by now, and sends it.
            return
        result = await attempt(door, job, keys.of(job))
        if result.reason is AttemptReason.GONE:
            await self._disable(job)
        self._writer.add(result)

    async def _disable(self, job: Job) -> None:
        try:
            await self._patient.call(lambda: disable_gone(job.endpoint_id))
        except Exception:  # the next delivery will hear the same
            log.exception("pump.disable_failed", endpoint=str(job.endpoint_id))

    async def _fan_out(self) -> bool:
        made = await self._quick.call(fan_out)
        if made.deliveries:
            self._wake.set()
        self._has_fanned_out = not made.is_behind
        if await self._quick.call(settle):
            self._wake.set()
        return made.is_behind

    async def _recover(self) -> bool:
        recovered = await recover_leases(self._chores, config=self._config)
        released = await release_parked(self._chores)
        if recovered or released:
            self._wake.set()
        return False

    async def _review(self) -> bool:
        await self._patient.call(review_endpoints)
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


async def _cancel(tasks: Collection["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
