"""Redemption: one statement lets exactly one caller win; the same caller may ask again, anyone else is refused."""

import hmac
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from audit.events import EventType
from audit.services import Act, ledger_ctes, ledger_params, record
from core.credentials import secret_digest, secret_digests
from core.db import fetch_one, spread
from core.errors import SessionTokenExpiredError
from core.keyring import RingKey, pepper_ring
from core.principals import Actor, ActorKind, Environment, RequestContext
from partners.limits import refused, take
from sessions_app.handles import Handle, first_handle
from sessions_app.services.embed import LiveSession, SignedIn, read_session, sign_in
from sessions_app.services.handshake import TOKEN_PURPOSE

RETRY_WINDOW: Final = timedelta(seconds=15)
_REDEEM_PURPOSE: Final = "redeem-id"

# The token must be good when the statement looks and again when the session is made: a row lock that is waited for in
# between would otherwise let a token through that died meanwhile.
_REDEEM: Final = f"""
WITH burned AS (
  UPDATE sessions_app_sessiontoken t SET redeemed_at = clock_timestamp(), redeem_digest = %(redeem_digest)s
  FROM partners_partner p, organizations_profile f, partners_apikey k
  WHERE t.digest = ANY(%(digests)s) AND t.partner_id = %(partner)s AND t.environment = coalesce(%(environment)s, t.environment)
    AND t.redeemed_at IS NULL AND t.revoked_at IS NULL AND t.superseded_at IS NULL AND t.expires_at > clock_timestamp()
    AND p.id = t.partner_id AND p.status = 'active' AND p.auth_epoch = t.partner_epoch
    AND f.id = t.profile_id AND f.removed_at IS NULL AND f.auth_epoch = t.profile_epoch
    AND k.id = t.key_id AND k.revoked_at IS NULL
  RETURNING t.id, t.partner_id, t.environment, t.profile_id, t.key_id, t.partner_epoch, t.profile_epoch, t.expires_at,
            f.first_name, f.last_name, f.email
), born AS (
  INSERT INTO sessions_app_embedsession
    (id, session_token_id, partner_id, environment, profile_id, key_id, partner_epoch, profile_epoch, pepper_id, generation,
     handle_digest, created_at, last_seen_at, idle_expires_at, expires_at)
  SELECT %(id)s, b.id, b.partner_id, b.environment, b.profile_id, b.key_id, b.partner_epoch, b.profile_epoch, %(pepper)s, 0,
         %(handle_digest)s, clock_timestamp(), clock_timestamp(), clock_timestamp() + least(%(idle)s, %(life)s),
         clock_timestamp() + %(life)s
  FROM burned b WHERE b.expires_at > clock_timestamp()
  RETURNING session_token_id, environment, profile_id, expires_at
), {
    ledger_ctes(
        source="born",
        subject_id="born.session_token_id::text",
        data="jsonb_build_object('profile_id', born.profile_id, 'embed_session_id', %(id)s::uuid)",
        environment="born.environment",
    )
}
SELECT born.session_token_id, born.environment, born.profile_id, b.first_name, b.last_name, b.email, born.expires_at
FROM born JOIN burned b ON b.id = born.session_token_id
"""  # noqa: S608  # constants
_EXAMINE: Final = """
SELECT t.id, t.partner_id, t.environment, t.redeem_digest, s.id,
       coalesce(t.redeemed_at > clock_timestamp() - %(window)s, false),
       CASE WHEN t.partner_id <> %(partner)s THEN 'wrong_partner'
            WHEN t.environment <> coalesce(%(environment)s, t.environment) THEN 'wrong_environment'
            WHEN t.revoked_at IS NOT NULL THEN 'revoked'
            WHEN t.superseded_at IS NOT NULL THEN 'superseded'
            WHEN s.id IS NOT NULL THEN 'used'
            WHEN t.expires_at <= clock_timestamp() THEN 'expired'
            ELSE 'revoked_upstream' END
FROM sessions_app_sessiontoken t LEFT JOIN sessions_app_embedsession s ON s.session_token_id = t.id
WHERE t.digest = ANY(%(digests)s)
"""


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a page presents. `environment` None means the token's own; `held` are the handles it already holds."""

    session_key: str = field(repr=False)
    redeem_id: str = field(repr=False)
    partner_id: UUID
    environment: Environment | None
    held: tuple[Handle, ...] = field(default=(), repr=False)

    def holding(self, handles: Iterable[Handle]) -> "Redemption":
        """The same, by a page that holds these handles."""
        return replace(self, held=tuple(handles))


@dataclass(frozen=True, slots=True)
class _Examined:
    """What is known of a token that could not be redeemed."""

    token_id: UUID
    partner_id: UUID
    environment: str
    redeem_digest: bytes | None
    session_id: UUID | None
    is_in_window: bool
    refusal: str


def redeem_session(redemption: Redemption, *, context: RequestContext) -> SignedIn:
    """Turn a session token into an embed session; of any number of concurrent callers exactly one does.

    The same redeem_id within 15 s gets the same session again, and so does whoever holds the live session's own handle.
    Raises: SessionTokenExpiredError for everything else; RateLimitExceededError when this address failed too often.
    """
    ring = pepper_ring()
    session_id = uuid.uuid4()
    handle = _first(redemption, session_id, ring.active)
    sql, digests = spread(_REDEEM, "digests", _token_digests(redemption))
    row = fetch_one(sql, {**_params(redemption, session_id, handle, ring.active, context), **digests})
    if row is None:
        return _again(redemption, context)
    token_id, environment, profile_id, first_name, last_name, email, expires_at = row
    session = LiveSession(
        id=session_id,
        token_id=token_id,
        partner_id=redemption.partner_id,
        environment=environment,
        profile_id=profile_id,
        first_name=first_name,
        last_name=last_name,
        email=email,
        pepper_id=ring.active.id,
        generation=0,
        handle_digest=handle.digest(ring.active),
        expires_at=expires_at,
        expires_in=settings.EMBED_ABSOLUTE_LIFETIME.total_seconds(),
        idle_in=_idle().total_seconds(),
        is_in_grace=False,
        dead_because="",
    )
    return sign_in(session, handle)


def _params(
    redemption: Redemption, session_id: UUID, handle: Handle, pepper: RingKey, context: RequestContext
) -> dict[str, Any]:
    actor = Actor(ActorKind.SESSION, str(session_id), "", context)
    return {
        **ledger_params(Act(EventType.SESSION_REDEEMED, actor, redemption.partner_id, "", "session")),
        "partner": redemption.partner_id,
        "environment": redemption.environment.value if redemption.environment else None,
        "redeem_digest": _redeem_digest(redemption, pepper),
        "id": session_id,
        "pepper": pepper.id,
        "handle_digest": handle.digest(pepper),
        "idle": _idle(),
        "life": settings.EMBED_ABSOLUTE_LIFETIME,
    }


def _idle() -> timedelta:
    return min(settings.EMBED_IDLE_LIFETIME, settings.EMBED_ABSOLUTE_LIFETIME)


def _first(redemption: Redemption, session_id: UUID, pepper: RingKey) -> Handle:
    return first_handle(session_id, pepper=pepper, session_key=redemption.session_key, redeem_id=redemption.redeem_id)


def _redeem_digest(redemption: Redemption, pepper: RingKey) -> bytes:
    return secret_digest(pepper, purpose=_REDEEM_PURPOSE, secret=redemption.redeem_id)


def _again(redemption: Redemption, context: RequestContext) -> SignedIn:
    examined = _examine(redemption)
    if examined is not None and examined.refusal == "used" and examined.session_id is not None:
        session = read_session(examined.session_id)
        handle = _rightful_handle(redemption, examined, session) if session and not session.dead_because else None
        if session and handle:
            return sign_in(session, handle)
    _limit_failures(context)
    if examined is not None and examined.refusal == "used":
        _record_replay(examined, context)
    raise SessionTokenExpiredError(reason=examined.refusal if examined else "unknown")


def _examine(redemption: Redemption) -> _Examined | None:
    sql, digests = spread(_EXAMINE, "digests", _token_digests(redemption))
    environment = redemption.environment.value if redemption.environment else None
    asked = {"partner": redemption.partner_id, "environment": environment, "window": RETRY_WINDOW}
    row = fetch_one(sql, {**asked, **digests})
    return _Examined(*row) if row else None


def _token_digests(redemption: Redemption) -> list[bytes]:
    return secret_digests(pepper_ring(), purpose=TOKEN_PURPOSE, secret=redemption.session_key)


def _rightful_handle(redemption: Redemption, examined: _Examined, session: LiveSession) -> Handle | None:
    """The handle in use, if this caller is the one it was given to: by the same redeem_id, or by holding it already."""
    pepper = pepper_ring().get(session.pepper_id)
    if pepper is None:
        return None
    is_same_page = examined.redeem_digest is not None and hmac.compare_digest(
        _redeem_digest(redemption, pepper), bytes(examined.redeem_digest)
    )
    if is_same_page and examined.is_in_window and session.generation == 0:
        return _first(redemption, session.id, pepper)
    return next((held for held in redemption.held if _is_in_use(held, session, pepper)), None)


def _is_in_use(held: Handle, session: LiveSession, pepper: RingKey) -> bool:
    return held.session_id == session.id and hmac.compare_digest(held.digest(pepper), bytes(session.handle_digest))


def _limit_failures(context: RequestContext) -> None:
    """Count one failure of an address.

    Raises: RateLimitExceededError; only ever after a redemption has failed, so a valid token is never refused for it.
    """
    verdict = take(f"redeem:{context.address}", limit=settings.REDEEM_FAILURES_PER_MINUTE)
    if not verdict.is_allowed:
        raise refused(verdict)


def _record_replay(examined: _Examined, context: RequestContext) -> None:
    actor = Actor(ActorKind.ANONYMOUS, "unknown", "", context)
    data = {"embed_session_id": str(examined.session_id)}
    with transaction.atomic():
        record(
            Act(
                EventType.SESSION_REPLAYED,
                actor,
                examined.partner_id,
                examined.environment,
                "session",
                str(examined.token_id),
                "",
                data,
            )
        )
