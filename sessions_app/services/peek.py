"""Looking at a session token without spending it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.credentials import secret_digests
from core.db import fetch_one
from core.keyring import pepper_ring
from sessions_app.services.handshake import TOKEN_PURPOSE

# The same conditions as redemption has.
_PEEK: Final = """
SELECT t.id, t.partner_id, t.environment, t.profile_id, t.created_at, t.expires_at,
       t.redeemed_at IS NULL AND t.revoked_at IS NULL AND t.superseded_at IS NULL AND t.expires_at > clock_timestamp()
       AND p.status = 'active' AND p.auth_epoch = t.partner_epoch
       AND f.removed_at IS NULL AND f.auth_epoch = t.profile_epoch AND k.revoked_at IS NULL
FROM sessions_app_sessiontoken t
JOIN partners_partner p ON p.id = t.partner_id
JOIN organizations_profile f ON f.id = t.profile_id
JOIN partners_apikey k ON k.id = t.key_id
WHERE t.digest = ANY(%(digests)s)
"""


@dataclass(frozen=True, slots=True)
class PeekedToken:
    """A session token that exists. `is_redeemable` tells whether it could be redeemed at this moment."""

    session_id: UUID
    partner_id: UUID
    environment: str
    profile_id: UUID
    created_at: datetime
    expires_at: datetime
    is_redeemable: bool


def peek_token(session_key: str) -> PeekedToken | None:
    """Look a session token up; writes nothing, whoever asks."""
    digests = secret_digests(pepper_ring(), purpose=TOKEN_PURPOSE, secret=session_key)
    row = fetch_one(_PEEK, {"digests": digests})
    return PeekedToken(*row) if row else None
