"""The life of a signed-in iframe after redemption: read, refresh, keep alive, sign out."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core import jwt
from core.db import fetch_one
from core.errors import SessionExpiredError
from core.keyring import RingKey, pepper_ring
from core.principals import Actor, ActorKind, RequestContext
from sessions_app.handles import Handle, steps_behind
from sessions_app.models import EmbedSession, EndReason

REFRESH_GRACE: Final = timedelta(seconds=10)
HEARTBEAT_WRITE_EVERY: Final = timedelta(seconds=30)
AUDIENCE: Final = "sticker:storefront"
CLIENT_ID: Final = "embed"
SCOPE: Final = "orders:create orders:read products:read"

_READ: Final = """
SELECT s.id, s.session_token_id, s.partner_id, s.environment, s.profile_id, f.first_name, f.last_name, f.email,
       s.pepper_id, s.generation, s.handle_digest, s.expires_at,
       extract(epoch FROM s.expires_at - clock_timestamp())::float8,
       extract(epoch FROM s.idle_expires_at - clock_timestamp())::float8,
       coalesce(s.rotated_at > clock_timestamp() - %(grace)s, false),
       CASE WHEN s.ended_at IS NOT NULL THEN s.end_reason
            WHEN s.expires_at <= clock_timestamp() THEN 'expired'
            WHEN s.idle_expires_at <= clock_timestamp() THEN 'idle'
            WHEN p.status <> 'active' OR p.auth_epoch <> s.partner_epoch THEN 'partner_revoked'
            WHEN f.removed_at IS NOT NULL OR f.auth_epoch <> s.profile_epoch THEN 'user_revoked'
            WHEN k.revoked_at IS NOT NULL THEN 'key_revoked'
            ELSE '' END
FROM sessions_app_embedsession s
JOIN partners_partner p ON p.id = s.partner_id
JOIN organizations_profile f ON f.id = s.profile_id
JOIN partners_apikey k ON k.id = s.key_id
WHERE s.id = %(id)s
"""
_ROTATE: Final = """
UPDATE sessions_app_embedsession
SET handle_digest = %(digest)s, generation = generation + 1, rotated_at = clock_timestamp(), last_seen_at = clock_timestamp(),
    idle_expires_at = least(expires_at, clock_timestamp() + %(idle)s)
WHERE id = %(id)s AND generation = %(generation)s AND ended_at IS NULL AND idle_expires_at > clock_timestamp()
RETURNING generation
"""
_KEEP_ALIVE: Final = """
UPDATE sessions_app_embedsession
SET last_seen_at = clock_timestamp(), idle_expires_at = least(expires_at, clock_timestamp() + %(idle)s)
WHERE id = %(id)s AND ended_at IS NULL AND idle_expires_at > clock_timestamp()
  AND last_seen_at < clock_timestamp() - %(every)s
RETURNING extract(epoch FROM idle_expires_at - clock_timestamp())::float8
"""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """An embed session as one read found it. `dead_because` is empty while it lives; seconds are from now."""

    id: UUID
    token_id: UUID
    partner_id: UUID
    environment: str
    profile_id: UUID
    first_name: str
    last_name: str
    email: str
    pepper_id: int
    generation: int
    handle_digest: bytes
    expires_at: datetime
    expires_in: float
    idle_in: float
    is_in_grace: bool
    dead_because: str

    @property
    def read_at(self) -> datetime:
        """The database's clock when the session was read."""
        return self.expires_at - timedelta(seconds=self.expires_in)

    def actor(self, context: RequestContext) -> Actor:
        """The user of this session, in the words of the ledger."""
        return Actor(ActorKind.SESSION, str(self.id), "", context)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session with a fresh access token; the handle goes into the cookie or, in memory mode, into the answer."""

    session: LiveSession
    access_token: str = field(repr=False)
    access_token_seconds: int
    handle: Handle


def read_session(session_id: UUID) -> LiveSession | None:
    """Read a session with everything that decides whether it lives: one query."""
    row = fetch_one(_READ, {"id": session_id, "grace": REFRESH_GRACE})
    return LiveSession(*row) if row else None


def session_of(handle: Handle) -> LiveSession:
    """Find the live session a handle opens; the handle must be the one in use, or the one just replaced.

    Raises: SessionExpiredError, with the exact reason inside.
    """
    session, steps = _located(handle)
    if steps > 1 or (steps == 1 and not session.is_in_grace):
        raise SessionExpiredError(reason="outdated_handle")
    return session


def session_of_token(access_token: str) -> LiveSession:
    """Find the live session an access token was made in.

    Raises: SessionExpiredError.
    """
    try:
        claims = jwt.read_signed(access_token, issuer=settings.PUBLIC_BASE_URL, audiences=[AUDIENCE]).claims
        session = _living(read_session(UUID(str(claims.get("sid")))))
    except (jwt.InvalidTokenError, ValueError) as error:
        raise SessionExpiredError(reason=f"access_token:{error}") from error
    if session.read_at.timestamp() >= claims["exp"]:
        raise SessionExpiredError(reason=f"access_token:{jwt.TokenFault.EXPIRED}")
    return session


def sign_in(session: LiveSession, handle: Handle) -> SignedIn:
    """Give a live session an access token that does not outlive it."""
    seconds = max(1, int(min(settings.EMBED_ACCESS_TOKEN_LIFETIME.total_seconds(), session.expires_in)))
    claims = {
        "iss": settings.PUBLIC_BASE_URL,
        "aud": AUDIENCE,
        "sub": str(session.profile_id),
        "client_id": CLIENT_ID,
        "tenant": str(session.partner_id),
        "surface": "storefront",
        "scope": SCOPE,
        "env": session.environment,
        "sid": str(session.id),
    }
    token = jwt.mint(claims, lifetime_seconds=seconds, issued_at=int(session.read_at.timestamp()))
    return SignedIn(session, token, seconds, handle)


def refresh_session(handle: Handle, *, context: RequestContext) -> SignedIn:
    """Rotate the handle and give a new access token.

    The handle just replaced gets the same successor for 10 seconds (a lost answer, a double call); an older one ends the
    session, because somebody else holds it.
    Raises: SessionExpiredError.
    """
    session, steps = _located(handle)
    successor = handle.successor(_pepper_of(session))
    if steps == 0 and _rotate(session, successor):
        return sign_in(session, successor)
    if steps == 0:
        session, steps = _located(handle)
    if steps == 1 and session.is_in_grace:
        return sign_in(session, successor)
    _end(session, EndReason.REFRESH_REUSED, EventType.SESSION_REFRESH_REUSED, session.actor(context))
    raise SessionExpiredError(reason="refresh_reused")


def heartbeat_session(handle: Handle) -> LiveSession:
    """Keep a session from idling out; never extends its absolute end. Writes at most once in 30 seconds.

    Raises: SessionExpiredError.
    """
    session = session_of(handle)
    params = {"id": session.id, "idle": settings.EMBED_IDLE_LIFETIME, "every": HEARTBEAT_WRITE_EVERY}
    row = fetch_one(_KEEP_ALIVE, params)
    return _with_idle(session, float(row[0])) if row else session


def logout_session(handle: Handle, *, context: RequestContext) -> None:
    """End the session a handle opens. Safe to call twice, and with a handle that opens nothing."""
    try:
        session = session_of(handle)
    except SessionExpiredError:
        return
    _end(session, EndReason.LOGOUT, EventType.SESSION_ENDED, session.actor(context))


def _located(handle: Handle) -> tuple[LiveSession, int]:
    session = _living(read_session(handle.session_id))
    pepper = _pepper_of(session)
    steps = steps_behind(handle, digest=bytes(session.handle_digest), pepper=pepper, generation=session.generation)
    if steps is None:
        raise SessionExpiredError(reason="unknown_handle")
    return session, steps


def _living(session: LiveSession | None) -> LiveSession:
    if session is None:
        raise SessionExpiredError(reason="unknown_session")
    if session.dead_because:
        raise SessionExpiredError(reason=session.dead_because)
    return session


def _pepper_of(session: LiveSession) -> RingKey:
    pepper = pepper_ring().get(session.pepper_id)
    if pepper is None:
        raise SessionExpiredError(reason="pepper_retired")
    return pepper


def _rotate(session: LiveSession, successor: Handle) -> bool:
    params: dict[str, Any] = {
        "id": session.id,
        "generation": session.generation,
        "digest": successor.digest(_pepper_of(session)),
        "idle": settings.EMBED_IDLE_LIFETIME,
    }
    return fetch_one(_ROTATE, params) is not None


def _with_idle(session: LiveSession, idle_in: float) -> LiveSession:
    return replace(session, idle_in=idle_in)


def _end(session: LiveSession, reason: EndReason, event: EventType, actor: Actor) -> None:
    with transaction.atomic():
        ended = EmbedSession.objects.filter(pk=session.id, ended_at=None).update(ended_at=Now(), end_reason=reason)
        if ended:
            data = {"profile_id": str(session.profile_id)}
            record(Act(event, actor, session.partner_id, session.environment, "session", str(session.token_id), "", data))
