"""Using a refresh token, once: what is about to be sent is on record before, and the new tokens are before they are used.

Whoever stores names the version it read, not the lease: tokens that came out of a version are the truth about it, also when
the worker that brings them was thought lost meanwhile.
"""

from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from audit.events import EventType
from core.principals import Actor
from organizations.models import GrantState, OAuthGrant, OAuthProvider, RunRefresh
from organizations.oauth.client import OAuthClient, client_of
from organizations.oauth.failures import Meaning, ProviderFailureError
from organizations.oauth.revocation import revoke_token
from organizations.oauth.sealing import access_place, refresh_place, seal, unseal
from organizations.oauth.tokens import TokenSet, refresh_tokens
from organizations.services.instants import seconds_from_now
from organizations.services.ledger import record_provider
from organizations.services.sync_work import RESTING, SupersededError, Work

log = structlog.get_logger("sticker.sync")

_UNDER_WAY: Final = (GrantState.REFRESHING, GrantState.AMBIGUOUS)


def refresh_grant(work: Work, *, actor: Actor) -> None:
    """Refresh the tokens of the grant at hand; `work` then has the new access token.

    Raises: ProviderFailureError; SupersededError; DecryptionError.
    """
    client = client_of(work.provider)
    refresh_token = unseal(work.grant.refresh_sealed or b"", place=refresh_place(work.grant))
    _put_on_record(work)
    try:
        tokens = _ask(client, refresh_token)
    except ProviderFailureError as failure:
        work.refresh = RunRefresh.LOST if failure.meaning is Meaning.LOST else RunRefresh.FAILED
        work.http_status = failure.http_status
        raise
    try:
        _store(work, tokens)
    except SupersededError:
        _give_back(work, client, tokens)
        raise
    work.access_token, work.refresh = tokens.access_token, RunRefresh.DONE
    if work.provider.misconfigured_at is not None:
        note_recovery(work.provider, actor=actor)


def note_recovery(provider: OAuthProvider, *, actor: Actor) -> None:
    """Record that a provider accepts our client again; its grants are asked for as before."""
    with transaction.atomic():
        wrong = OAuthProvider.objects.filter(pk=provider.pk, misconfigured_at__isnull=False)
        fields: dict[str, Any] = {"misconfigured_at": None, "probe_at": None, "misconfigured_reason": "", "is_mailed": True}
        if wrong.update(**fields):
            record_provider(provider, event=EventType.OAUTH_PROVIDER_RECOVERED, actor=actor)


def _ask(client: OAuthClient, refresh_token: str) -> TokenSet:
    """Send the refresh token. A lost answer is asked for once more, at once: some providers repeat it for a few seconds."""
    try:
        return refresh_tokens(client, refresh_token=refresh_token)
    except ProviderFailureError as failure:
        if failure.meaning is not Meaning.LOST:
            raise
        log.warning("sync.refresh_answer_lost", reason=failure.reason.value)
        return _ask_again(client, refresh_token)


def _ask_again(client: OAuthClient, refresh_token: str) -> TokenSet:
    try:
        return refresh_tokens(client, refresh_token=refresh_token)
    except ProviderFailureError as failure:
        if failure.meaning is Meaning.LATER:
            # The first answer is still missing, whatever the second call met.
            raise failure.meaning_instead(Meaning.LOST) from failure
        raise


def _put_on_record(work: Work) -> None:
    """Note that the token is about to be sent: a worker that finds this knows what it means when nobody comes back."""
    mine = OAuthGrant.objects.filter(pk=work.grant.pk, lease=work.claim.lease, version=work.version).exclude(state__in=RESTING)
    if not mine.update(state=GrantState.REFRESHING, refresh_sent_at=Now()):
        raise SupersededError


def _store(work: Work, tokens: TokenSet) -> None:
    """Put new tokens in the place of the old ones; a refresh token that is not replaced stays good (RFC 6749 §6)."""
    grant = work.grant
    fields: dict[str, Any] = {
        "access_sealed": seal(tokens.access_token, place=access_place(grant)),
        "obtained_at": Now(),
        "access_expires_at": seconds_from_now(tokens.expires_in) if tokens.expires_in is not None else None,
        "refresh_sent_at": None,
        "rejections": 0,
        "version": F("version") + 1,
        "updated_at": Now(),
        "state": Case(When(state__in=_UNDER_WAY, then=Value(GrantState.ACTIVE.value)), default=F("state")),
    }
    if tokens.refresh_token:
        fields["refresh_sealed"] = seal(tokens.refresh_token, place=refresh_place(grant))
    if tokens.scopes:
        fields["scopes"] = list(tokens.scopes)
    same = OAuthGrant.objects.filter(pk=grant.pk, version=work.version).exclude(state=GrantState.DISCONNECTED)
    if not same.update(**fields):
        raise SupersededError
    work.version += 1
    grant.refresh_sent_at = None


def _give_back(work: Work, client: OAuthClient, tokens: TokenSet) -> None:
    """Have new tokens revoked where the organization was disconnected meanwhile: nobody will ever ask for these again."""
    is_ended = OAuthGrant.objects.filter(pk=work.grant.pk, state=GrantState.DISCONNECTED).exists()
    if not (is_ended and client.revocation_url):
        return
    try:
        revoke_token(client, token=tokens.refresh_token or tokens.access_token, kind="refresh_token")
    except ProviderFailureError as failure:
        log.warning("sync.tokens_not_given_back", grant=str(work.grant.pk), reason=failure.reason.value)
