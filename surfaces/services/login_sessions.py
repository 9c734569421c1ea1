"""The life of a customer's login: open, refresh, sign out, revoke. Access tokens name it and end with it."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core.db import fetch_one
from core.keyring import RingKey, pepper_ring
from core.principals import Actor, ActorKind, Environment, RequestContext
from partners.scopes import Scope
from sessions_app.handles import Handle, parse_handle, steps_behind
from surfaces.models import LoginEnd, LoginOrigin, LoginSession
from surfaces.names import SurfaceName
from surfaces.token_errors import InvalidGrantError
from surfaces.tokens import STOREFRONT_SCOPES, AccessToken, Grant, Grantee, mint_token

REFRESH_GRACE: Final = timedelta(seconds=10)
_READ: Final = """
SELECT s.id, s.partner_id, s.environment, s.profile_id, s.account_epoch, s.partner_epoch, s.profile_epoch, s.pepper_id,
       s.generation, s.handle_digest, s.expires_at, clock_timestamp(),
       coalesce(s.rotated_at > clock_timestamp() - %(grace)s, false),
       CASE WHEN s.ended_at IS NOT NULL THEN s.end_reason
            WHEN s.expires_at <= clock_timestamp() THEN 'session_expired'
            WHEN s.idle_expires_at <= clock_timestamp() THEN 'session_idle'
            WHEN p.status <> 'active' OR p.auth_epoch <> s.partner_epoch THEN 'partner_revoked'
            WHEN f.removed_at IS NOT NULL OR f.auth_epoch <> s.profile_epoch THEN 'user_revoked'
            WHEN a.disabled_at IS NOT NULL THEN 'account_disabled'
            WHEN a.epoch <> s.account_epoch THEN 'tokens_revoked'
            ELSE '' END
FROM surfaces_loginsession s
JOIN partners_partner p ON p.id = s.partner_id
JOIN organizations_profile f ON f.id = s.profile_id
LEFT JOIN surfaces_customeraccount a ON a.id = s.account_id
WHERE s.id = %(id)s
"""
_ROTATE: Final = """
UPDATE surfaces_loginsession
SET handle_digest = %(digest)s, generation = generation + 1, rotated_at = clock_timestamp(),
    idle_expires_at = least(expires_at, clock_timestamp() + %(idle)s)
WHERE id = %(id)s AND generation = %(generation)s AND ended_at IS NULL AND idle_expires_at > clock_timestamp()
RETURNING generation
"""


@dataclass(frozen=True, slots=True)
class Opener:
    """What a session is opened by: the user, how they proved themselves, and the epochs of that moment."""

    origin: LoginOrigin
    partner_id: UUID
    environment: Environment
    profile_id: UUID
    partner_epoch: int
    profile_epoch: int
    account_id: UUID | None = None
    account_epoch: int = 0
    issuer_id: UUID | None = None
    scopes: frozenset[Scope] = STOREFRONT_SCOPES


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh access token, and the refresh token where the session has one; both exist in the answer alone."""

    token: AccessToken
    session_id: UUID
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None


class _Session(NamedTuple):
    """A session as one read found it. `dead_because` is empty while it lives."""

    id: UUID
    partner_id: UUID
    environment: str
    profile_id: UUID
    account_epoch: int
    partner_epoch: int
    profile_epoch: int
    pepper_id: int | None
    generation: int
    handle_digest: bytes | None
    expires_at: datetime
    now: datetime
    is_in_grace: bool
    dead_because: str


AnySession = _Session | LoginSession


@dataclass(frozen=True, slots=True)
class Login:
    """A customer's live login, by what its refresh token opens."""

    id: UUID
    partner_id: UUID
    environment: str
    profile_id: UUID
    expires_at: datetime


def open_session(opener: Opener, *, data: Mapping[str, object], context: RequestContext) -> SignedIn:
    """Open a session and give its first access token.

    One opened by a player token lives as long as that access token and cannot be refreshed: its partner signs for each time.
    """
    handle = Handle(uuid.uuid4(), secrets.token_hex(32))
    pepper = pepper_ring().active
    is_lasting = opener.origin is LoginOrigin.PASSWORD
    with transaction.atomic():
        session = _new_session(opener, handle, pepper if is_lasting else None)
        opened = {"origin": opener.origin.value, "profile_id": str(opener.profile_id), **data}
        record(_act(EventType.TOKEN_ISSUED, session, _session_actor(session, context), data=opened))
    found = _read(session.id)
    token = mint_token(_grant(found, opener.scopes), now=found.now, at_most=found.expires_at - found.now)
    if not is_lasting:
        return SignedIn(token, found.id)
    return SignedIn(token, found.id, handle.text, found.expires_at)


def refresh_session(refresh_token: str, *, scopes: frozenset[Scope] | None, context: RequestContext) -> SignedIn:
    """Rotate a refresh token and give a new access token, with fewer scopes where that is asked for.

    The one just replaced gets the same successor for 10 seconds (a lost answer); an older one ends the session, because
    somebody else holds it.
    Raises: InvalidGrantError.
    """
    handle = _parsed(refresh_token)
    session, pepper, steps = _located(handle)
    successor = handle.successor(pepper)
    if steps == 0 and _rotate(session, successor, pepper):
        return _refreshed(session, successor, scopes)
    if steps == 0:
        session, pepper, steps = _located(handle)
    if steps == 1 and session.is_in_grace:
        return _refreshed(session, successor, scopes)
    _end(session, LoginEnd.REFRESH_REUSED, EventType.LOGIN_REFRESH_REUSED, _session_actor(session, context))
    raise InvalidGrantError(reason="refresh_reused")


def find_login(refresh_token: str) -> Login:
    """Find the live login a refresh token opens: the one in use, or the one just replaced. Rotates nothing.

    Raises: InvalidGrantError.
    """
    session, _, steps = _located(_parsed(refresh_token))
    if steps > 1 or (steps == 1 and not session.is_in_grace):
        raise InvalidGrantError(reason="outdated_handle")
    return Login(session.id, session.partner_id, session.environment, session.profile_id, session.expires_at)


def end_by_refresh_token(refresh_token: str, *, context: RequestContext) -> bool:
    """Sign out by refresh token, the one in use or an older one; tells whether it ended anything. Safe to call twice."""
    try:
        session, _, _ = _located(_parsed(refresh_token))
    except InvalidGrantError:
        return False
    return _end(session, LoginEnd.LOGOUT, EventType.LOGIN_ENDED, _session_actor(session, context))


def end_by_id(session_id: UUID, *, context: RequestContext) -> bool:
    """Sign out the session that a proven access token names. Safe to call twice."""
    row = fetch_one(_READ, {"id": session_id, "grace": REFRESH_GRACE})
    if row is None:
        return False
    session = _Session._make(row)
    return _end(session, LoginEnd.LOGOUT, EventType.LOGIN_ENDED, _session_actor(session, context))


def revoke_login(session: LoginSession, *, reason: str, actor: Actor) -> bool:
    """End one session from outside, effective on the next request. Safe to call twice."""
    return _end(session, LoginEnd.REVOKED, EventType.LOGIN_REVOKED, actor, reason=reason)


def _new_session(opener: Opener, handle: Handle, pepper: RingKey | None) -> LoginSession:
    # Without a refresh token it is as long as its one access token, which ends by itself, and a moment more.
    life = settings.LOGIN_ABSOLUTE_LIFETIME if pepper else settings.STOREFRONT_TOKEN_LIFETIME + timedelta(minutes=1)
    idle = min(settings.LOGIN_IDLE_LIFETIME, life)
    session = LoginSession(
        id=handle.session_id,
        partner_id=opener.partner_id,
        environment=opener.environment.value,
        profile_id=opener.profile_id,
        account_id=opener.account_id,
        origin=opener.origin,
        issuer_id=opener.issuer_id,
        partner_epoch=opener.partner_epoch,
        profile_epoch=opener.profile_epoch,
        account_epoch=opener.account_epoch,
        pepper_id=pepper.id if pepper else None,
        handle_digest=handle.digest(pepper) if pepper else None,
        idle_expires_at=Now() + idle,
        expires_at=Now() + life,
    )
    session.save(force_insert=True)
    return session


def _parsed(refresh_token: str) -> Handle:
    handle = parse_handle(refresh_token)
    if handle is None:
        raise InvalidGrantError(reason="refresh_shape")
    return handle


def _read(session_id: UUID) -> _Session:
    row = fetch_one(_READ, {"id": session_id, "grace": REFRESH_GRACE})
    session = _Session._make(row) if row else None
    if session is None or session.dead_because:
        raise InvalidGrantError(reason=session.dead_because if session else "unknown_session")
    return session


def _located(handle: Handle) -> tuple[_Session, RingKey, int]:
    session = _read(handle.session_id)
    pepper = pepper_ring().get(session.pepper_id) if session.pepper_id else None
    if pepper is None or session.handle_digest is None:
        raise InvalidGrantError(reason="pepper_retired" if session.pepper_id else "not_refreshable")
    digest = bytes(session.handle_digest)
    steps = steps_behind(handle, digest=digest, pepper=pepper, generation=session.generation)
    if steps is None:
        raise InvalidGrantError(reason="unknown_handle")
    return session, pepper, steps


def _rotate(session: _Session, successor: Handle, pepper: RingKey) -> bool:
    params: dict[str, Any] = {
        "id": session.id,
        "generation": session.generation,
        "digest": successor.digest(pepper),
        "idle": settings.LOGIN_IDLE_LIFETIME,
    }
    return fetch_one(_ROTATE, params) is not None


def _refreshed(session: _Session, successor: Handle, scopes: frozenset[Scope] | None) -> SignedIn:
    granted = STOREFRONT_SCOPES if scopes is None else STOREFRONT_SCOPES & scopes
    token = mint_token(_grant(session, granted), now=session.now, at_most=session.expires_at - session.now)
    return SignedIn(token, session.id, successor.text, session.expires_at)


def _grant(session: _Session, scopes: frozenset[Scope]) -> Grant:
    return Grant(
        surface=SurfaceName.STOREFRONT,
        partner_id=session.partner_id,
        environment=Environment(session.environment),
        subject=session.profile_id,
        client_id=Grantee.STOREFRONT_LOGIN,
        scopes=scopes,
        partner_epoch=session.partner_epoch,
        subject_epoch=session.profile_epoch,
        session_id=session.id,
    )


def _end(session: AnySession, why: LoginEnd, event: EventType, actor: Actor, *, reason: str = "") -> bool:
    with transaction.atomic():
        ended = LoginSession.objects.filter(pk=session.id, ended_at=None).update(ended_at=Now(), end_reason=why)
        if ended:
            record(_act(event, session, actor, reason=reason, data={"profile_id": str(session.profile_id)}))
    return bool(ended)


def _session_actor(session: AnySession, context: RequestContext) -> Actor:
    return Actor(ActorKind.SESSION, str(session.id), "", context)


def _act(event: EventType, session: AnySession, actor: Actor, *, data: Mapping[str, object], reason: str = "") -> Act:
    return Act(event, actor, session.partner_id, session.environment, "login", str(session.id), reason, data)
