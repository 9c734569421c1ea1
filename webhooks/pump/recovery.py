"""What no running pump holds: leases of workers that are gone, deliveries to give back, parked ones whose endpoint opened."""

from collections.abc import Sequence
from typing import Final

from webhooks.pump.claim import Job
from webhooks.pump.config import PumpConfig
from webhooks.pump.links import Link
from webhooks.services.health import MAX_ABANDONED

_RECOVERED_ROWS: Final = 500
# The first loss is nobody's fault; whatever loses its worker again waits longer each time, in seconds.
_SUSPECT_STEP_SECONDS: Final = 5
# Parked deliveries of an endpoint are let out by so many at a time, so that its backlog never stands before new calls.
RELEASED_ROWS: Final = 50

_RECOVER: Final = """
WITH lost AS MATERIALIZED (
  SELECT d.id, d.endpoint_id, d.numbered, d.lease_until FROM webhooks_delivery d
  WHERE d.state = 'inflight' AND d.lease_until < now() AND d.abandoned + 1 < %(most)s
  ORDER BY d.id LIMIT %(rows)s FOR UPDATE SKIP LOCKED
), taken AS (
  UPDATE webhooks_delivery d SET claim = NULL, lease_until = NULL, abandoned = d.abandoned + 1, last_status = NULL,
    last_reason = 'internal', attempts = greatest(0, d.attempts - 1), state = 'pending',
    next_at = now() + make_interval(secs => %(step)s * d.abandoned * d.abandoned)
  FROM lost WHERE d.id = lost.id RETURNING d.id
), logged AS (
  INSERT INTO webhooks_attempt (delivery_id, endpoint_id, number, started_at, total_ms, reason)
  SELECT id, endpoint_id, numbered, lease_until - make_interval(secs => %(lease)s), 0, 'internal' FROM lost
  ON CONFLICT DO NOTHING
)
SELECT id FROM taken
"""
# The next in line for each endpoint that is open and has few due: in the order of their numbers, ahead of what is newer.
_RELEASE: Final = """
WITH RECURSIVE parked(endpoint_id) AS (
  (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'parked' ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.endpoint_id FROM webhooks_delivery d
          WHERE d.state = 'parked' AND d.endpoint_id > p.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
  FROM parked p WHERE p.endpoint_id IS NOT NULL
), opened AS (
  SELECT e.id FROM parked p JOIN webhooks_endpoint e ON e.id = p.endpoint_id JOIN partners_partner a ON a.id = e.partner_id
  WHERE a.status = 'active' AND e.deleted_at IS NULL AND e.disabled_at IS NULL AND e.paused_at IS NULL
    AND e.verified_at IS NOT NULL AND (e.resume_at IS NULL OR e.resume_at <= now())
    AND (SELECT count(*) FROM (SELECT 1 FROM webhooks_delivery d WHERE d.endpoint_id = e.id AND d.state = 'pending'
         AND d.next_at <= now() LIMIT %(rows)s) waiting) < %(rows)s / 2
), chosen AS MATERIALIZED (
  SELECT d.id FROM opened o CROSS JOIN LATERAL (
    SELECT id FROM webhooks_delivery WHERE endpoint_id = o.id AND state = 'parked' ORDER BY seq LIMIT %(rows)s
  ) d
), held AS MATERIALIZED (
  SELECT d.id FROM webhooks_delivery d JOIN chosen USING (id) WHERE d.state = 'parked' ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
)
UPDATE webhooks_delivery d SET state = 'pending', last_reason = '', next_at = d.created_at FROM held WHERE d.id = held.id
RETURNING d.id
"""
_RETURN: Final = """
UPDATE webhooks_delivery d SET state = 'pending', claim = NULL, lease_until = NULL, attempts = d.attempts - 1,
  numbered = d.numbered - 1, next_at = now()
WHERE d.claim = ANY(%(claims)s) AND d.id = ANY(%(ids)s) AND d.state = 'inflight'
"""


async def recover_leases(link: Link, *, config: PumpConfig) -> int:
    """Make what lost its worker due again, unless it has lost too many; return how many.

    Raises: psycopg.OperationalError when the database is down.
    """
    params = {
        "rows": _RECOVERED_ROWS,
        "most": MAX_ABANDONED,
        "step": _SUSPECT_STEP_SECONDS,
        "lease": config.lease_seconds,
    }
    return len(await link.fetch(_RECOVER, params))


async def release_parked(link: Link) -> int:
    """Let the next parked deliveries out, for each endpoint that takes deliveries again; return how many.

    Raises: psycopg.OperationalError when the database is down.
    """
    return len(await link.fetch(_RELEASE, {"rows": RELEASED_ROWS}))


async def return_jobs(link: Link, jobs: Sequence[Job]) -> None:
    """Give back what was taken and not begun.

    Raises: psycopg.OperationalError when the database is down; they come back when their leases end.
    """
    if jobs:
        claims = list({job.claim for job in jobs})
        await link.fetch(_RETURN, {"claims": claims, "ids": [job.delivery_id for job in jobs]})
