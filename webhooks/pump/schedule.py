"""When a delivery is tried again, and what an attempt's end makes of it. Pure: no clock, no database, no settings."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from webhooks.models import DeliveryState
from webhooks.reasons import OUR_FAULT, AttemptReason, DeliveryReason

# In units of the first one, a minute: 1, 2, 4, 8, 16, 32 min, then 1, 2, 4, 8, 16 h. 32 hours in all, 25 at the least.
STEPS: Final = (1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 960)
MAX_ATTEMPTS: Final = len(STEPS) + 1
# A ping or a test is watched by somebody: it is not tried for days.
MAX_PROBE_ATTEMPTS: Final = 4
# The longest step, counted from 1, between attempts that fail through a fault of ours.
PATIENCE_WITH_US: Final = 5
JITTER: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 6 * 3600
_THROTTLED_STATUSES: Final = frozenset({429, 502, 503, 504})
_TIMEOUTS: Final = frozenset(
    {AttemptReason.CONNECT_TIMEOUT, AttemptReason.READ_TIMEOUT, AttemptReason.TOTAL_TIMEOUT, AttemptReason.DNS_TIMEOUT}
)
_PAUSING_STATUSES: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of a delivery: its state, the seconds until it is due again, and whether the attempt counts."""

    state: DeliveryState
    reason: str
    delay_seconds: float = 0.0
    is_counted: bool = True


def next_turn(reason: AttemptReason, *, attempt: int, number: int, is_probe: bool, first_seconds: float, dice: float) -> Turn:
    """Decide what follows the end of an attempt, counted from 1; `dice` is a random number from 0 to 1.

    `number` counts all attempts there ever were, those that did not count too.
    """
    if reason is AttemptReason.DELIVERED:
        return Turn(DeliveryState.DELIVERED, reason)
    if reason in OUR_FAULT:
        delay = delay_seconds(min(number, PATIENCE_WITH_US), first_seconds=first_seconds, dice=dice)
        return Turn(DeliveryState.PENDING, reason, delay, is_counted=False)
    if reason is AttemptReason.GONE:
        # Kept for the day the endpoint is enabled again; a question to a receiver that is gone has its answer.
        return Turn(DeliveryState.FAILED, reason) if is_probe else Turn(DeliveryState.PARKED, reason)
    if attempt >= (MAX_PROBE_ATTEMPTS if is_probe else MAX_ATTEMPTS):
        return Turn(DeliveryState.FAILED, DeliveryReason.EXHAUSTED)
    return Turn(DeliveryState.PENDING, reason, delay_seconds(attempt, first_seconds=first_seconds, dice=dice))


def delay_seconds(attempt: int, *, first_seconds: float, dice: float) -> float:
    """Seconds between the end of an attempt, counted from 1, and the next one: by the schedule, give or take a fifth."""
    step = STEPS[min(attempt, len(STEPS)) - 1]
    return step * first_seconds * (1 - JITTER + 2 * JITTER * dice)


def reason_of_status(status: int) -> AttemptReason:
    """Name what a receiver's status means."""
    if 200 <= status <= 299:
        return AttemptReason.DELIVERED
    known = {410: AttemptReason.GONE, 429: AttemptReason.TOO_MANY}
    by_hundred = {3: AttemptReason.STATUS_3XX, 4: AttemptReason.STATUS_4XX, 5: AttemptReason.STATUS_5XX}
    return known.get(status) or by_hundred.get(status // 100, AttemptReason.STATUS_OTHER)


def is_overload(reason: AttemptReason, status: int | None) -> bool:
    """Tell whether an attempt's end says that the receiver has too much to do."""
    return reason in _TIMEOUTS or status in _THROTTLED_STATUSES


def pause_seconds(status: int, retry_after: str | None, *, now: datetime) -> float | None:
    """Seconds a receiver wants to be left alone: `Retry-After` with 429 or 503, in seconds or as a date, at most six hours.

    RFC 9110 §10.2.3. None when it asks for nothing, or for something unreadable.
    """
    if status not in _PAUSING_STATUSES or not retry_after:
        return None
    text = retry_after.strip()
    seconds = float(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else _seconds_until(text, now)
    if seconds is None or math.isnan(seconds) or seconds <= 0:
        return None
    return min(seconds, LONGEST_PAUSE_SECONDS)


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        wanted = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if wanted.tzinfo is None:
        wanted = wanted.replace(tzinfo=UTC)
    return (wanted - now).total_seconds()
