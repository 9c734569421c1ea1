"""Ending sessions from outside: one of them, or all of a user, effective on the very next request."""

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core.principals import Actor, Principal
from organizations.models import Profile
from sessions_app.errors import ProfileNotFoundError, SessionNotFoundError
from sessions_app.models import EmbedSession, EndReason, SessionToken


def revoke_own_session(principal: Principal, *, session_id: UUID, actor: Actor) -> None:
    """Revoke one session of the caller's partner, as `revoke_session` does. Safe to call twice.

    Raises: SessionNotFoundError.
    """
    token = SessionToken.objects.for_principal(principal).filter(pk=session_id).first()
    if token is None:
        raise SessionNotFoundError(reason="unknown_session")
    revoke_session(token, reason="", actor=actor)


def revoke_session(token: SessionToken, *, reason: str, actor: Actor) -> None:
    """Revoke one session, whoever asks: the token if nobody redeemed it, and the signed-in iframe. Safe to call twice."""
    with transaction.atomic():
        revoked = SessionToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now())
        ended = EmbedSession.objects.filter(session_token_id=token.pk, ended_at=None).update(
            ended_at=Now(), end_reason=EndReason.REVOKED
        )
        if revoked or ended:
            data = {"profile_id": str(token.profile_id)}
            record(
                Act(
                    EventType.SESSION_REVOKED,
                    actor,
                    token.partner_id,
                    token.environment,
                    "session",
                    str(token.pk),
                    reason,
                    data,
                )
            )


def revoke_user_sessions(principal: Principal, *, internal_user_id: str, actor: Actor) -> None:
    """End every session of one user and every token nobody redeemed yet, by raising the user's epoch.

    Raises: ProfileNotFoundError.
    """
    with transaction.atomic():
        mine = Profile.objects.for_principal(principal)
        profile = mine.select_for_update(no_key=True).filter(external_id=internal_user_id).first()
        if profile is None:
            raise ProfileNotFoundError(reason="unknown_profile")
        Profile.objects.filter(pk=profile.pk).update(auth_epoch=F("auth_epoch") + 1)
        act = Act(
            EventType.USER_SESSIONS_REVOKED,
            actor,
            principal.partner_id,
            principal.environment.value,
            "profile",
            str(profile.pk),
        )
        record(act)
