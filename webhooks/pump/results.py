"""Writing down what came of attempts: many in one transaction, each accepted only with the token of its claim.

A result whose lease another worker has taken over changes nothing: its attempt is logged as superseded, and that is all.
"""

import random
import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from webhooks.pump.config import PumpConfig
from webhooks.pump.links import Link
from webhooks.pump.schedule import Turn, is_overload, next_turn
from webhooks.pump.send import AttemptResult
from webhooks.reasons import OUR_FAULT, REFUSED, AttemptReason

MAX_ROWS: Final = 500
# After so many failures without a success between them an endpoint gets one call at a time, further and further apart.
PROBING_AFTER: Final = 10
LONGEST_PROBE_PAUSE_SECONDS: Final = 60
# Trouble that was silent for longer than this is new trouble. The schedule's longest step is shorter.
SILENCE_HOURS: Final = 24
_SUCCESS_NOTED_SECONDS: Final = 10

_GIVEN: Final = """
given AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(rows)s::json) AS g(
    id bigint, claim uuid, endpoint uuid, number int, state text, last_reason text, delay float8, refund int, status smallint,
    reason text, started_at float8, total_ms int, dns_ms int, connect_ms int, tls_ms int, first_byte_ms int, address inet,
    response_text text, response_headers jsonb, is_good bool, is_bad bool, is_overload bool, raises int, pause float8)
)"""
# Locked in one order by every writer, so that two never wait for each other.
_HELD: Final = """
held AS MATERIALIZED (
  SELECT d.id, d.claim, d.is_probe FROM webhooks_delivery d JOIN given g ON g.id = d.id AND g.claim = d.claim
  WHERE d.state = 'inflight' ORDER BY d.id FOR UPDATE OF d
)"""
_SETTLED: Final = """
settled AS (
  UPDATE webhooks_delivery d SET
    state = t.state, claim = NULL, lease_until = NULL, attempts = d.attempts - g.refund, last_status = g.status,
    last_reason = CASE WHEN t.state = 'cancelled' THEN 'endpoint_deleted' ELSE g.last_reason END,
    next_at = CASE WHEN t.state = 'pending' THEN clock_timestamp() + make_interval(secs => g.delay) ELSE d.next_at END,
    finished_at = CASE WHEN t.state IN ('delivered', 'failed', 'cancelled') THEN clock_timestamp() END
  FROM held h JOIN given g ON g.id = h.id AND g.claim = h.claim JOIN webhooks_endpoint e ON e.id = g.endpoint, LATERAL (
    SELECT CASE WHEN g.state IN ('delivered', 'failed') THEN g.state
      WHEN e.deleted_at IS NOT NULL THEN 'cancelled'
      WHEN NOT h.is_probe AND (e.paused_at IS NOT NULL OR e.disabled_at IS NOT NULL OR e.verified_at IS NULL) THEN 'parked'
      ELSE g.state END AS state
  ) t
  WHERE d.id = h.id
  RETURNING d.id, g.claim, d.endpoint_id, d.is_probe, d.replayed_at IS NOT NULL AS is_replay
)"""
_LOGGED: Final = """
logged AS (
  INSERT INTO webhooks_attempt (delivery_id, endpoint_id, number, started_at, dns_ms, connect_ms, tls_ms, first_byte_ms,
    total_ms, status, reason, address, response_text, response_headers)
  SELECT g.id, g.endpoint, g.number, to_timestamp(g.started_at), g.dns_ms, g.connect_ms, g.tls_ms,
    g.first_byte_ms, g.total_ms, g.status, CASE WHEN s.id IS NULL THEN 'superseded' ELSE g.reason END, g.address,
    g.response_text, g.response_headers
  FROM given g LEFT JOIN settled s ON s.id = g.id AND s.claim = g.claim
  ON CONFLICT DO NOTHING
)"""
# A test, a ping and a replay say nothing about how the endpoint takes its deliveries.
_HEALTH: Final = """
health AS MATERIALIZED (
  SELECT s.endpoint_id AS id, count(*) FILTER (WHERE g.is_good) AS successes, count(*) FILTER (WHERE g.is_bad) AS failures,
    bool_or(g.is_overload) AS is_overload, sum(g.raises) AS raises, max(g.pause) AS pause
  FROM settled s JOIN given g ON g.id = s.id AND g.claim = s.claim
  WHERE NOT s.is_probe AND NOT s.is_replay GROUP BY s.endpoint_id
), changed AS MATERIALIZED (
  SELECT e.id, h.successes, h.failures, h.is_overload, h.raises, h.pause,
    CASE WHEN h.successes > 0 OR e.last_failure_at < now() - make_interval(hours => %(silence)s) THEN h.failures
      ELSE e.consecutive_failures + h.failures END AS run,
    e.last_failure_at < now() - make_interval(hours => %(silence)s) AS is_news
  FROM webhooks_endpoint e JOIN health h ON h.id = e.id
  WHERE h.failures > 0 OR h.pause IS NOT NULL OR e.consecutive_failures > 0 OR e.failing_since IS NOT NULL
    OR (h.raises > 0 AND e.cap IS NOT NULL)
    OR (h.successes > 0 AND (e.last_success_at IS NULL OR e.last_success_at < now() - make_interval(secs => %(noted)s)))
  ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE webhooks_endpoint e SET
  last_success_at = CASE WHEN c.successes > 0 THEN now() ELSE e.last_success_at END,
  last_failure_at = CASE WHEN c.failures > 0 THEN now() ELSE e.last_failure_at END,
  consecutive_failures = c.run,
  failing_since = CASE WHEN c.run = 0 THEN NULL WHEN c.successes > 0 OR c.is_news THEN now()
    ELSE coalesce(e.failing_since, now()) END,
  cap = CASE WHEN c.run >= %(probing)s THEN 1
    WHEN c.is_overload THEN greatest(1, least(e.max_concurrency, coalesce(e.cap, e.max_concurrency)) / 2)
    WHEN c.raises > 0 AND e.cap + c.raises >= e.max_concurrency THEN NULL
    WHEN c.raises > 0 THEN e.cap + c.raises ELSE e.cap END,
  resume_at = CASE WHEN c.pause IS NOT NULL OR c.run >= %(probing)s THEN greatest(
      now() + make_interval(secs => coalesce(c.pause, 0)),
      now() + make_interval(secs => CASE WHEN c.run < %(probing)s THEN 0
        ELSE least(%(longest)s, power(2, least(c.run - %(probing)s, 10))) END))
    WHEN c.successes > 0 AND e.consecutive_failures >= %(probing)s THEN NULL ELSE e.resume_at END
FROM changed c WHERE e.id = c.id
"""
WRITE: Final = f"WITH {_GIVEN}, {_HELD}, {_SETTLED}, {_LOGGED}, {_HEALTH}"


Row = dict[str, Any]


def row_of(result: AttemptResult, *, raises: int, config: PumpConfig) -> Row:
    """Put a result into the form that is written. Made once: a row that is written twice is recognised as the same attempt."""
    job, turn = result.job, _turn(result, config)
    is_excused = result.reason in OUR_FAULT or result.reason in REFUSED
    is_good = result.reason is AttemptReason.DELIVERED
    return {
        "id": job.delivery_id,
        "claim": job.claim,
        "endpoint": job.endpoint_id,
        "number": job.number,
        "state": turn.state.value,
        "last_reason": str(turn.reason),
        "delay": max(turn.delay_seconds, result.pause_seconds or 0.0),
        "refund": 0 if turn.is_counted else 1,
        "is_good": is_good,
        "is_bad": not is_good and not is_excused,
        "is_overload": not is_excused and is_overload(result.reason, result.status),
        "raises": raises,
        "pause": result.pause_seconds,
        **_log_of(result),
    }


async def write_rows(link: Link, rows: Sequence[Row]) -> None:
    """Write at most 500 results in one transaction. Safe to send twice: nothing is held under these claims any more.

    Raises: psycopg.OperationalError when the database is down; the rows must then be written later.
    """
    params = {
        "rows": orjson.dumps(rows).decode(),
        "silence": SILENCE_HOURS,
        "noted": _SUCCESS_NOTED_SECONDS,
        "probing": PROBING_AFTER,
        "longest": LONGEST_PROBE_PAUSE_SECONDS,
    }
    await link.fetch(WRITE, params)


def _log_of(result: AttemptResult) -> Row:
    return {
        "started_at": time.time() - (time.monotonic() - result.began),
        "total_ms": result.total_ms,
        "dns_ms": result.dns_ms,
        "connect_ms": result.connect_ms,
        "tls_ms": result.tls_ms,
        "first_byte_ms": result.first_byte_ms,
        "status": result.status,
        "reason": result.reason.value,
        "address": result.address,
        "response_text": result.response_text,
        "response_headers": dict(result.response_headers),
    }


def _turn(result: AttemptResult, config: PumpConfig) -> Turn:
    return next_turn(
        result.reason,
        attempt=result.job.attempt,
        number=result.job.number,
        is_probe=result.job.is_probe,
        first_seconds=config.first_retry_seconds,
        dice=random.random(),  # noqa: S311  # spreads load, guards nothing
    )
