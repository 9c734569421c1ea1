"""Running a pump to its end in this process: on uvloop, with the signals that end it in order."""

import asyncio
import signal

import uvloop

from webhooks.pump.config import PumpConfig
from webhooks.pump.engine import Pump


def run_pump(config: PumpConfig, *, drain_seconds: float | None = None) -> int:
    """Run until SIGTERM or SIGINT, or, draining, until nothing is due or the time is over; return how many calls were made."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(config, drain_seconds))


async def _run(config: PumpConfig, drain_seconds: float | None) -> int:
    pump = Pump(config)
    loop = asyncio.get_running_loop()
    if drain_seconds is None:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, pump.stop)
    return await pump.run(drain_seconds=drain_seconds)
