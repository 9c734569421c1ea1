"""Taking due deliveries: fair over endpoints, partners and hosts, fenced by a token, committed before any call is made.

Claims are made one after the other (an advisory lock), so that what is in flight is counted right; each takes milliseconds.
Every endpoint gets its first before any gets its second. What a partner or a host has beyond its share it gets only while
half of the sockets stay free for the others, so that no backlog, however slow its receiver, is felt by anybody else.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from webhooks.formats import SignatureFormat
from webhooks.pump.config import PumpConfig
from webhooks.pump.links import Link

# Any number that no other advisory lock of ours uses.
CLAIM_LOCK: Final = 7_240_411
# A delivery that has lost its worker twice may be what kills it: few of these at a time, so that the culprit stands out.
SUSPECT_AFTER: Final = 2
MAX_SUSPECTS: Final = 8
# The window over which a rate is kept: a tenth of a minute.
_RATE_WINDOW_SECONDS: Final = 6

_LOCK: Final = f"SELECT pg_advisory_xact_lock({CLAIM_LOCK})"
# The endpoints that have anything pending, by hops through an index: a backlog costs one hop, however long it is.
_WAITING: Final = """
RECURSIVE waiting(endpoint_id) AS (
  (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'pending' ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.endpoint_id FROM webhooks_delivery d
          WHERE d.state = 'pending' AND d.endpoint_id > w.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
  FROM waiting w WHERE w.endpoint_id IS NOT NULL
)"""
_LOADS: Final = """
flying AS MATERIALIZED (
  SELECT d.endpoint_id, count(*) AS calls, count(*) FILTER (WHERE d.abandoned >= %(suspect)s) AS suspects
  FROM webhooks_delivery d WHERE d.state = 'inflight' AND d.lease_until > now() GROUP BY d.endpoint_id
), loads AS MATERIALIZED (
  SELECT e.id, e.partner_id, split_part(e.url, '/', 3) AS host, f.calls
  FROM flying f JOIN webhooks_endpoint e ON e.id = f.endpoint_id
), partner_loads AS (
  SELECT partner_id, sum(calls) AS calls FROM loads GROUP BY partner_id
), host_loads AS (
  SELECT host, sum(calls) AS calls FROM loads GROUP BY host
)"""
_ROOMS: Final = f"""
rooms AS (
  SELECT e.id, e.partner_id, split_part(e.url, '/', 3) AS host, coalesce(f.calls, 0) AS calls,
    least(e.max_concurrency, coalesce(e.cap, e.max_concurrency)) - coalesce(f.calls, 0) AS room,
    CASE WHEN e.rate_per_minute IS NULL THEN 1000 ELSE greatest(1, e.rate_per_minute / {60 // _RATE_WINDOW_SECONDS})
      - coalesce(f.calls, 0) - (SELECT count(*) FROM webhooks_attempt a WHERE a.endpoint_id = e.id AND a.started_at
        > now() - make_interval(secs => greatest({_RATE_WINDOW_SECONDS}, 60.0 / e.rate_per_minute))) END AS allowance
  FROM waiting w
  JOIN webhooks_endpoint e ON e.id = w.endpoint_id
  JOIN partners_partner p ON p.id = e.partner_id
  LEFT JOIN flying f ON f.endpoint_id = e.id
  WHERE p.status = 'active' AND e.deleted_at IS NULL AND e.disabled_at IS NULL AND e.paused_at IS NULL
    AND e.verified_at IS NOT NULL AND (e.resume_at IS NULL OR e.resume_at <= now())
    AND abs(hashtextextended(e.id::text, 0) %% %(shards)s) = %(shard)s
)"""  # noqa: S608  # constants
# A ping or a test goes out whatever state its endpoint is in: there are few of them.
_CANDIDATES: Final = """
candidates AS (
  SELECT d.id, d.next_at, d.is_suspect, r.partner_id, r.host, r.calls + d.place AS place
  FROM rooms r CROSS JOIN LATERAL (
    SELECT x.id, x.next_at, x.is_suspect, row_number() OVER (ORDER BY x.next_at, x.id) AS place FROM (
      SELECT id, next_at, abandoned >= %(suspect)s AS is_suspect FROM webhooks_delivery
      WHERE endpoint_id = r.id AND state = 'pending' AND next_at <= now() AND NOT is_probe
      ORDER BY next_at, id LIMIT greatest(0, least(r.room, r.allowance))
    ) x
  ) d
  UNION ALL
  SELECT d.id, d.next_at, d.abandoned >= %(suspect)s, e.partner_id, split_part(e.url, '/', 3), 0
  FROM webhooks_delivery d JOIN webhooks_endpoint e ON e.id = d.endpoint_id
  WHERE d.is_probe AND d.settled_at IS NULL AND d.state = 'pending' AND d.next_at <= now() AND e.deleted_at IS NULL
    AND abs(hashtextextended(e.id::text, 0) %% %(shards)s) = %(shard)s
)"""
_PICKED: Final = """
shares AS (
  SELECT c.id, c.place, c.next_at,
    coalesce(pl.calls, 0) + row_number() OVER (PARTITION BY c.partner_id ORDER BY c.place, c.next_at) > %(partner)s
      OR coalesce(hl.calls, 0) + row_number() OVER (PARTITION BY c.host ORDER BY c.place, c.next_at) > %(host)s AS is_beyond,
    c.is_suspect AND (SELECT coalesce(sum(suspects), 0) FROM flying)
      + row_number() OVER (PARTITION BY c.is_suspect ORDER BY c.place, c.next_at) > %(suspects)s AS is_held
  FROM candidates c LEFT JOIN partner_loads pl USING (partner_id) LEFT JOIN host_loads hl USING (host)
), ordered AS (
  SELECT id, is_beyond, row_number() OVER (ORDER BY is_beyond, place, next_at, id) AS position
  FROM shares WHERE NOT is_held
), picked AS (
  SELECT d.id FROM ordered o JOIN webhooks_delivery d ON d.id = o.id
  WHERE o.position <= %(free)s AND (NOT o.is_beyond OR o.position <= %(spare)s) AND d.state = 'pending'
  FOR UPDATE OF d SKIP LOCKED
)"""
_TAKE: Final = """
UPDATE webhooks_delivery d SET state = 'inflight', attempts = d.attempts + 1, numbered = d.numbered + 1, claim = %(claim)s,
  lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM picked, webhooks_message m, webhooks_endpoint e
WHERE d.id = picked.id AND m.id = d.message_id AND e.id = d.endpoint_id
RETURNING d.id, d.endpoint_id, d.message_id, d.attempts, d.numbered, d.seq, d.is_probe, d.replayed_at IS NOT NULL,
  m.message_id, m.type, e.url, e.signature_format,
  (SELECT b.body FROM webhooks_messagebody b WHERE b.message_id = d.message_id AND b.style = e.signature_format)
"""
CLAIM: Final = f"WITH {_WAITING}, {_LOADS}, {_ROOMS}, {_CANDIDATES}, {_PICKED} {_TAKE}"


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery that this process holds: what to send, to whom, and the token its result is accepted with."""

    claim: UUID
    delivery_id: int
    endpoint_id: UUID
    message_pk: int
    attempt: int
    number: int
    seq: int
    is_probe: bool
    is_replay: bool
    message_id: str
    event_type: str
    url: str
    signature_format: SignatureFormat
    body: bytes | None = field(repr=False)


async def claim_jobs(link: Link, *, config: PumpConfig, free: int) -> list[Job]:
    """Take at most `free` due deliveries for this process; they are this process's until the lease ends.

    Raises: psycopg.OperationalError when the database is down; what was taken then comes back when its lease ends.
    """
    claim = uuid4()
    params = {
        "claim": claim,
        "free": free,
        "spare": max(0, free - config.sockets // 2),
        "partner": config.partner_sockets,
        "host": config.per_host,
        "lease": config.lease_seconds,
        "shard": config.shard.index,
        "shards": config.shard.count,
        "suspect": SUSPECT_AFTER,
        "suspects": MAX_SUSPECTS,
    }
    rows = await link.fetch_after(_LOCK, CLAIM, params)
    return [_job(claim, row) for row in rows]


def _job(claim: UUID, row: tuple[Any, ...]) -> Job:
    *values, style, body = row
    fields: tuple[Any, ...] = (claim, *values, SignatureFormat(style), None if body is None else bytes(body))
    return Job(*fields)
