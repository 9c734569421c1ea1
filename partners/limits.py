"""The rate limiter's PostgreSQL form and the one door to it: Redis when `REDIS_URL` is set, else one atomic statement."""

from typing import Final

from django.conf import settings

from core.db import fetch_one
from core.errors import RateLimitExceededError
from core.limits import WINDOW_SECONDS, Verdict, foreseen, look_in_redis, take_from_redis, verdict

_TAKE: Final = """
WITH clock AS (SELECT extract(epoch FROM clock_timestamp())::float8 AS now),
taken AS (
  INSERT INTO partners_ratelimitstate AS state (bucket, tat)
  SELECT %(bucket)s, now + %(step)s::float8 FROM clock
  ON CONFLICT (bucket) DO UPDATE
    SET tat = greatest(state.tat, extract(epoch FROM clock_timestamp())) + %(step)s::float8
    WHERE greatest(state.tat, extract(epoch FROM clock_timestamp())) + %(step)s::float8
          - extract(epoch FROM clock_timestamp()) <= %(window)s::float8 + 0.000001
  RETURNING tat
)
SELECT taken.tat, clock.now,
       CASE WHEN taken.tat IS NULL THEN (SELECT tat FROM partners_ratelimitstate WHERE bucket = %(bucket)s) END
FROM clock LEFT JOIN taken ON true
"""
_LOOK: Final = """
SELECT (SELECT tat FROM partners_ratelimitstate WHERE bucket = %(bucket)s), extract(epoch FROM clock_timestamp())::float8
"""


def look(bucket: str, *, limit: int) -> Verdict:
    """Tell whether a bucket has room for one more call, without using it: for what counts failures only.

    Raises: ServiceUnavailableError or a database error when the state cannot be reached.
    """
    if settings.REDIS_URL:
        return look_in_redis(bucket, limit=limit)
    tat, now = fetch_one(_LOOK, {"bucket": bucket}) or (None, 0.0)
    return foreseen(tat=float(tat or 0), now=float(now), limit=limit)


def take(bucket: str, *, limit: int) -> Verdict:
    """Use one unit of a bucket that allows `limit` calls a minute; one atomic step, exact under any concurrency.

    Raises: ServiceUnavailableError or a database error when the state cannot be reached: never an open door.
    """
    if settings.REDIS_URL:
        return take_from_redis(bucket, limit=limit)
    step = WINDOW_SECONDS / limit
    row = fetch_one(_TAKE, {"bucket": bucket, "step": step, "window": WINDOW_SECONDS})
    taken, now, full = row if row else (None, 0.0, None)
    tat = taken if taken is not None else full or now
    return verdict(is_allowed=taken is not None, tat=float(tat), now=float(now), limit=limit)


def refused(verdict: Verdict) -> RateLimitExceededError:
    """The refusal that goes with a verdict: headers, and the wait in the body."""
    return RateLimitExceededError(reason="rate_limited", extra={"retry_after": verdict.retry_after}, headers=verdict.headers())
