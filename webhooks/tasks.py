"""The alarm clock of webhooks. Where a pump runs as a process of its own, the clock only looks whether it is there."""

from typing import Any, Final

import structlog
from celery import shared_task
from django.utils import timezone

from webhooks.pump.config import read_config
from webhooks.pump.running import run_pump
from webhooks.services.invariants import live_pumps, read_health
from webhooks.services.retention import purge_webhooks

DRAIN_SECONDS: Final = 20.0
log = structlog.get_logger("sticker.webhooks")


@shared_task(name="webhooks.tasks.pump", time_limit=110, soft_time_limit=100)
def pump(**_later: Any) -> int:
    """Send what is due, for at most 20 seconds, unless a pump is at it; tell how many calls were made."""
    return 0 if live_pumps() else run_pump(read_config(), drain_seconds=DRAIN_SECONDS)


@shared_task(name="webhooks.tasks.purge", time_limit=110, soft_time_limit=100)
def purge(**_later: Any) -> int:
    """Remove what is over its time; tell how many rows."""
    return sum(progress.rows for progress in purge_webhooks(now=timezone.now()))


@shared_task(name="webhooks.tasks.watch", time_limit=60, soft_time_limit=50)
def watch(**_later: Any) -> int:
    """Look at what must always hold, and log what does not; tell how much that is."""
    health = read_health()
    if not health.is_well:
        log.error("webhooks.invariant_broken", **health.broken)
    return sum(health.broken.values())
