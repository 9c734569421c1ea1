"""The rate limiter's rule (GCRA) and its Redis form; the PostgreSQL form stands with its table in `partners.limits`.

The whole minute's allowance may be used at once and refills evenly. Each bucket keeps one number, the theoretical arrival
time (`tat`, seconds since 1970): the instant at which it will be full again.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import redis
from django.conf import settings

from core.errors import ServiceUnavailableError

WINDOW_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limiter says of one call: the three header values, and the wait in seconds when it refuses."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_at: int
    retry_after: int

    def headers(self) -> dict[str, str]:
        """`X-RateLimit-*`, and `Retry-After` on a refusal."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }
        if not self.is_allowed:
            headers["Retry-After"] = str(self.retry_after)
        return headers


def verdict(*, is_allowed: bool, tat: float, now: float, limit: int) -> Verdict:
    """Turn a bucket's state after the step into the words a caller gets."""
    step = WINDOW_SECONDS / limit
    if is_allowed:
        remaining = math.floor((WINDOW_SECONDS - (tat - now)) / step + 1e-6)
        return Verdict(True, limit, max(0, remaining), math.ceil(tat), 0)
    wait = tat + step - WINDOW_SECONDS - now
    return Verdict(False, limit, 0, math.ceil(tat), max(1, math.ceil(wait)))


_STEP: Final = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local step, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = tonumber(redis.call('GET', KEYS[1]) or 0)
local next = math.max(tat, now) + step
if next - now > window + 0.000001 then
  return {0, string.format('%.6f', tat), string.format('%.6f', now)}
end
redis.call('SET', KEYS[1], string.format('%.6f', next), 'PX', math.ceil((next - now) * 1000))
return {1, string.format('%.6f', next), string.format('%.6f', now)}
"""


def take_from_redis(bucket: str, *, limit: int) -> Verdict:
    """Use one unit of a bucket in Redis, in one atomic step.

    Raises: ServiceUnavailableError when Redis does not answer: a limit that cannot be checked is not waived.
    """
    try:
        allowed, tat, now = _script(settings.REDIS_URL)(
            keys=[f"sticker:limit:{bucket}"], args=[WINDOW_SECONDS / limit, WINDOW_SECONDS]
        )
    except redis.RedisError as error:
        raise ServiceUnavailableError(reason="limiter_down") from error
    return verdict(is_allowed=bool(allowed), tat=float(tat), now=float(now), limit=limit)


def look_in_redis(bucket: str, *, limit: int) -> Verdict:
    """Tell what `take_from_redis` would say, without using anything up.

    Raises: ServiceUnavailableError when Redis does not answer.
    """
    try:
        seconds, micros = _client(settings.REDIS_URL).time()
        tat = float(_client(settings.REDIS_URL).get(f"sticker:limit:{bucket}") or 0)
    except redis.RedisError as error:
        raise ServiceUnavailableError(reason="limiter_down") from error
    return foreseen(tat=tat, now=seconds + micros / 1_000_000, limit=limit)


def foreseen(*, tat: float, now: float, limit: int) -> Verdict:
    """The verdict on a call that has not been made: whether a bucket has room for one more."""
    has_room = max(tat, now) + WINDOW_SECONDS / limit - now <= WINDOW_SECONDS + 1e-6
    return verdict(is_allowed=has_room, tat=max(tat, now), now=now, limit=limit)


@lru_cache(maxsize=2)
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)


@lru_cache(maxsize=2)
def _script(url: str) -> "redis.commands.core.Script":
    return _client(url).register_script(_STEP)
