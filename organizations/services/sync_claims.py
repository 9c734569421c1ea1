"""Which grant is next, and who is at it: a lease in its row, taken in one statement and good for two minutes.

No provider is asked for more organizations at once than a few, so that one with thousands of them waiting keeps no other
waiting; a provider that refuses our client is asked for one an hour.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from core.db import write_one

# Longer than the longest run: two calls for tokens and two for data, each with its limit, and the transaction behind them.
LEASE: Final = timedelta(seconds=120)
PROBE_EVERY: Final = timedelta(hours=1)

_IS_DUE: Final = """g.next_sync_at <= clock_timestamp()
  AND (g.lease_until IS NULL OR g.lease_until <= clock_timestamp())"""
_CLAIM: Final = f"""
WITH busy AS (
  SELECT partner_id, environment, count(*) AS calls FROM organizations_oauthgrant
  WHERE lease IS NOT NULL AND lease_until > clock_timestamp() GROUP BY partner_id, environment
), provider AS (
  SELECT p.id, p.partner_id, p.environment
  FROM organizations_oauthprovider p
  JOIN partners_partner a ON a.id = p.partner_id AND a.status = 'active'
  LEFT JOIN busy b ON b.partner_id = p.partner_id AND b.environment = p.environment
  CROSS JOIN LATERAL (
    SELECT g.next_sync_at FROM organizations_oauthgrant g
    WHERE g.partner_id = p.partner_id AND g.environment = p.environment AND {_IS_DUE}
    ORDER BY g.next_sync_at LIMIT 1
  ) first
  WHERE coalesce(b.calls, 0) < %(most)s AND (p.probe_at IS NULL OR p.probe_at <= clock_timestamp())
  ORDER BY first.next_sync_at LIMIT 1
), probed AS (
  UPDATE organizations_oauthprovider p SET probe_at = clock_timestamp() + %(probe_every)s
  FROM provider WHERE p.id = provider.id AND p.probe_at <= clock_timestamp()
), due AS (
  SELECT g.id, g.lease, g.attempted_at
  FROM organizations_oauthgrant g
  JOIN provider p ON g.partner_id = p.partner_id AND g.environment = p.environment
  WHERE {_IS_DUE} ORDER BY g.next_sync_at LIMIT 1 FOR NO KEY UPDATE OF g SKIP LOCKED
)
UPDATE organizations_oauthgrant g
SET lease = %(lease)s, lease_until = clock_timestamp() + %(lasts)s, attempted_at = clock_timestamp()
FROM due WHERE g.id = due.id
RETURNING g.id, CASE WHEN due.lease IS NOT NULL THEN due.attempted_at END
"""  # noqa: S608  # constants
_CLAIM_ONE: Final = f"""
UPDATE organizations_oauthgrant g
SET lease = %(lease)s, lease_until = clock_timestamp() + %(lasts)s, attempted_at = clock_timestamp()
FROM (SELECT g.id, g.lease, g.attempted_at FROM organizations_oauthgrant g
      WHERE g.organization_id = %(organization)s AND {_IS_DUE} FOR NO KEY UPDATE SKIP LOCKED) due
WHERE g.id = due.id
RETURNING g.id, CASE WHEN due.lease IS NOT NULL THEN due.attempted_at END
"""  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class Claim:
    """One grant that this worker alone may work on. `lost_at` is when a worker before began that never came back."""

    grant_id: UUID
    lease: UUID
    lost_at: datetime | None


def claim_next() -> Claim | None:
    """Take the grant that has been due for longest at a provider that is not busy; None when there is none."""
    params = {"most": settings.SYNC_CALLS_PER_PROVIDER, "probe_every": PROBE_EVERY}
    return _claimed(_CLAIM, params)


def claim_organization(organization_id: UUID) -> Claim | None:
    """Take the grant of one organization; None when it is not due, or somebody is at it."""
    return _claimed(_CLAIM_ONE, {"organization": organization_id})


def _claimed(sql: str, params: dict[str, object]) -> Claim | None:
    lease = uuid.uuid4()
    row = write_one(sql, {**params, "lease": lease, "lasts": LEASE})
    return Claim(row[0], lease, row[1]) if row else None
