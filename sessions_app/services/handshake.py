"""The handshake: one statement that finds the user, makes the token and writes the ledger row."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from audit.events import EventType
from audit.services import NOT_FED, Act, ledger_ctes, ledger_params
from core.credentials import mint_session_token, secret_digest
from core.db import Row, write_one
from core.errors import StickerError
from core.keyring import pepper_ring
from core.principals import Actor, Principal
from organizations.errors import OrganizationNotFoundError
from organizations.models import Organization
from sessions_app.errors import ProfileNotFoundError, UserNotFoundError

TOKEN_PURPOSE: Final = "session-token"  # noqa: S105  # keeps digests of different kinds apart


@dataclass(frozen=True, slots=True)
class ByUser:
    """The partner's own id of the user."""

    internal_user_id: str


@dataclass(frozen=True, slots=True)
class ByProfile:
    """Our id of the user."""

    profile_id: UUID


@dataclass(frozen=True, slots=True)
class ByOrganization:
    """The partner's id of the organization and the user's e-mail; names that are given replace those we have."""

    partner_org_id: str
    email: str
    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a partner's backend asks for. `supersedes` ends the user's other tokens that nobody redeemed yet."""

    who: ByUser | ByProfile | ByOrganization
    supersedes: bool = False


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session token, which exists nowhere else, and whom it is for."""

    session_id: UUID
    session_key: str = field(repr=False)
    expires_at: datetime
    profile_id: UUID
    first_name: str
    last_name: str
    email: str
    partner_org_id: str


_PERSON: Final = """
  SELECT f.id, f.first_name, f.last_name, f.email, f.auth_epoch, o.external_id AS org
  FROM organizations_profile f JOIN organizations_organization o ON o.id = f.organization_id
  WHERE f.partner_id = %(partner)s AND f.environment = %(environment)s AND f.removed_at IS NULL
"""
_WHO: Final = {
    ByUser: _PERSON + "AND f.external_id = %(user)s",
    ByProfile: _PERSON + "AND f.id = %(profile)s",
    # Users of the newer setup form may share an e-mail; the one without an external id is the older form's own.
    ByOrganization: _PERSON
    + """AND o.partner_id = %(partner)s AND o.environment = %(environment)s AND o.external_id = %(org)s
  AND lower(f.email) = lower(%(email)s) ORDER BY f.external_id IS NOT NULL, f.created_at LIMIT 1""",
}
_RENAME: Final = """, renamed AS (
  UPDATE organizations_profile f
  SET first_name = coalesce(%(first_name)s, f.first_name), last_name = coalesce(%(last_name)s, f.last_name),
      updated_at = clock_timestamp()
  FROM who WHERE f.id = who.id AND (coalesce(%(first_name)s, f.first_name), coalesce(%(last_name)s, f.last_name))
                                   <> (f.first_name, f.last_name)
  RETURNING f.first_name, f.last_name
)"""
_SUPERSEDE: Final = """, superseded AS (
  UPDATE sessions_app_sessiontoken t SET superseded_at = clock.now FROM who, clock
  WHERE t.profile_id = who.id AND t.redeemed_at IS NULL AND t.revoked_at IS NULL AND t.superseded_at IS NULL
    AND t.expires_at > clock.now
)"""


def _statement(who: type, *, supersedes: bool) -> str:
    ledger = ledger_ctes(
        source="token",
        data="jsonb_build_object('profile_id', token.profile_id, 'expires_at', token.expires_at)",
        feed_xid=NOT_FED,
    )
    is_renamed = who is ByOrganization
    names = "coalesce(renamed.first_name, who.first_name), coalesce(renamed.last_name, who.last_name)"
    return f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now), who AS MATERIALIZED ({_WHO[who]})
{_RENAME if is_renamed else ""}{_SUPERSEDE if supersedes else ""}, token AS (
  INSERT INTO sessions_app_sessiontoken
    (id, digest, partner_id, environment, profile_id, key_id, partner_epoch, profile_epoch, created_at, expires_at)
  SELECT %(id)s, %(digest)s, %(partner)s, %(environment)s, who.id, %(key)s, %(partner_epoch)s, who.auth_epoch,
         clock.now, clock.now + %(life)s
  FROM who, clock
  RETURNING profile_id, expires_at
), {ledger}
SELECT token.expires_at, who.id, {names if is_renamed else "who.first_name, who.last_name"}, who.email, who.org
FROM who JOIN token ON true {"LEFT JOIN renamed ON true" if is_renamed else ""}"""  # noqa: S608  # constants of this module


_STATEMENTS: Final = {(who, supersedes): _statement(who, supersedes=supersedes) for who in _WHO for supersedes in (False, True)}


def create_session(principal: Principal, *, handshake: Handshake, actor: Actor) -> NewSession:
    """Make a one-time token for a user of the caller's; good for the setting's lifetime, at most 300 seconds.

    Raises: ProfileNotFoundError, OrganizationNotFoundError, UserNotFoundError.
    """
    session_id, session_key = uuid.uuid4(), mint_session_token()
    params = _params(principal, handshake, session_id, session_key, actor)
    row = write_one(_STATEMENTS[type(handshake.who), handshake.supersedes], params)
    if row is None:
        raise _why_nobody(principal, handshake)
    return _new_session(row, session_id, session_key)


def _params(principal: Principal, handshake: Handshake, session_id: UUID, session_key: str, actor: Actor) -> dict[str, Any]:
    act = Act(EventType.SESSION_CREATED, actor, principal.partner_id, principal.environment.value, "session", str(session_id))
    return {
        **ledger_params(act),
        **_who_params(handshake.who),
        "id": session_id,
        "digest": secret_digest(pepper_ring().active, purpose=TOKEN_PURPOSE, secret=session_key),
        "partner": principal.partner_id,
        "environment": principal.environment.value,
        "key": principal.key_id,
        "partner_epoch": principal.partner_epoch,
        "life": settings.SESSION_TOKEN_LIFETIME,
    }


def _who_params(who: ByUser | ByProfile | ByOrganization) -> dict[str, Any]:
    if isinstance(who, ByUser):
        return {"user": who.internal_user_id}
    if isinstance(who, ByProfile):
        return {"profile": who.profile_id}
    return {"org": who.partner_org_id, "email": who.email, "first_name": who.first_name, "last_name": who.last_name}


def _new_session(row: Row, session_id: UUID, session_key: str) -> NewSession:
    expires_at, profile_id, first_name, last_name, email, org = row
    return NewSession(session_id, session_key, expires_at, profile_id, first_name, last_name, email, org)


def _why_nobody(principal: Principal, handshake: Handshake) -> StickerError:
    if not isinstance(handshake.who, ByOrganization):
        return ProfileNotFoundError(reason="unknown_profile")
    known = Organization.objects.for_principal(principal).filter(external_id=handshake.who.partner_org_id)
    return UserNotFoundError(reason="unknown_user") if known.exists() else OrganizationNotFoundError(reason="unknown_org")
