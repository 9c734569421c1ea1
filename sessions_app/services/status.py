"""What became of a session, for the backend that asked for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.db import fetch_one
from core.principals import Principal
from sessions_app.errors import SessionNotFoundError

_STATUS: Final = """
SELECT t.id, t.profile_id, f.external_id, t.created_at, t.expires_at,
       CASE WHEN t.revoked_at IS NOT NULL OR p.auth_epoch <> t.partner_epoch OR p.status <> 'active' OR f.removed_at IS NOT NULL
                 OR f.auth_epoch <> t.profile_epoch OR k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN t.superseded_at IS NOT NULL THEN 'superseded'
            WHEN s.id IS NOT NULL THEN 'redeemed'
            WHEN t.expires_at <= clock_timestamp() THEN 'expired'
            ELSE 'issued' END,
       s.created_at, coalesce(s.ended_at, CASE WHEN s.idle_expires_at <= clock_timestamp() THEN s.idle_expires_at END),
       s.last_seen_at
FROM sessions_app_sessiontoken t
JOIN partners_partner p ON p.id = t.partner_id
JOIN organizations_profile f ON f.id = t.profile_id
JOIN partners_apikey k ON k.id = t.key_id
LEFT JOIN sessions_app_embedsession s ON s.session_token_id = t.id
WHERE t.id = %(id)s AND t.partner_id = %(partner)s AND t.environment = %(environment)s
"""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session's state (issued, redeemed, expired, revoked or superseded) and its instants; never the token."""

    id: UUID
    profile_id: UUID
    internal_user_id: str | None
    created_at: datetime
    expires_at: datetime
    state: str
    redeemed_at: datetime | None
    ended_at: datetime | None
    last_seen_at: datetime | None


def session_status(principal: Principal, *, session_id: UUID) -> SessionStatus:
    """Tell what became of one of the caller's sessions.

    Raises: SessionNotFoundError.
    """
    params = {"id": session_id, "partner": principal.partner_id, "environment": principal.environment.value}
    row = fetch_one(_STATUS, params)
    if row is None:
        raise SessionNotFoundError(reason="unknown_session")
    return SessionStatus(*row)
