"""How a run ends: one transaction lets go of the grant, says when it is due again, and writes history and ledger."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Coalesce, Now

from audit.events import EventType
from core.principals import Actor
from organizations.models import GrantState, OAuthGrant, OAuthProvider, RunOutcome, RunRefresh
from organizations.oauth.failures import Meaning, ProviderFailureError
from organizations.services.instants import about, seconds_from_now
from organizations.services.ledger import record_organization, record_provider
from organizations.services.sync_claims import PROBE_EVERY
from organizations.services.sync_work import RESTING, Work, release, write_run
from organizations.sync_reasons import SyncReason

FIRST_RETRY_SECONDS: Final = 60
LONGEST_RETRY_SECONDS: Final = 6 * 3600
LOOK_AGAIN_SECONDS: Final = 86_400
# A first "the grant has ended" is asked once more: another worker, or the provider itself, may have been quicker.
SECOND_ASKING_SECONDS: Final = 75
REJECTIONS: Final = 2
TOLD_AFTER: Final = timedelta(days=1)

Fields = dict[str, Any]


def settle_failure(work: Work, failure: ProviderFailureError, *, actor: Actor) -> RunOutcome:
    """End a run that a provider's failure stopped, as the failure's meaning asks for."""
    work.http_status = failure.http_status or work.http_status
    problems = {"problems": [{"field": field, "message": message} for field, message in failure.problems]}
    with transaction.atomic():
        if not hold(work):
            return end_superseded(work)
        fields, outcome = _consequences(work, failure, actor)
        OAuthGrant.objects.filter(pk=work.grant.pk).update(**_let_go(), reason=failure.reason.value, **fields)
        write_run(work, outcome=outcome, reason=failure.reason, changes=problems if failure.problems else None)
    return outcome


def settle_success(work: Work, *, etag: str, outcome: RunOutcome, changes: Mapping[str, object], actor: Actor) -> RunOutcome:
    """End a run that went well, inside the transaction that applied it; the caller holds the grant."""
    fields: Fields = {
        "state": GrantState.ACTIVE,
        "etag": etag,
        "synced_at": Now(),
        "requested_at": None,
        "next_sync_at": about(work.provider.interval_seconds),
        "failures": 0,
        "failing_since": None,
        "reason": "",
        "notices": 0,
        "mailed_notices": 0,
        "next_notice_at": None,
        "is_removal_allowed": False,
    }
    if work.grant.state != GrantState.ACTIVE:
        fields["state_since"] = Now()
    OAuthGrant.objects.filter(pk=work.grant.pk).update(**_let_go(), **fields)
    if work.grant.notices:
        record_organization(work.organization, event=EventType.ORGANIZATION_SYNC_RECOVERED, actor=actor)
    write_run(work, outcome=outcome, changes=changes)
    return outcome


def settle_pause(work: Work, *, reason: SyncReason, changes: Mapping[str, object], actor: Actor) -> RunOutcome:
    """End a run that would have done too much, inside the transaction that found out; staff decide how it goes on."""
    fields: Fields = {**_state(GrantState.PAUSED), "next_sync_at": None, "requested_at": None, "next_notice_at": None}
    OAuthGrant.objects.filter(pk=work.grant.pk).update(**_let_go(), reason=reason.value, **fields)
    data = {"reason": reason.value, **changes}
    record_organization(work.organization, event=EventType.ORGANIZATION_SYNC_PAUSED, actor=actor, data=data)
    write_run(work, outcome=RunOutcome.STOPPED, reason=reason, changes=changes)
    return RunOutcome.STOPPED


def hold(work: Work) -> bool:
    """Hold the grant until the transaction ends; False when it is not this worker's to change any more."""
    mine = OAuthGrant.objects.select_for_update(no_key=True).filter(lease=work.claim.lease, version=work.version)
    return mine.filter(pk=work.grant.pk).exclude(state__in=RESTING).first() is not None


def end_superseded(work: Work) -> RunOutcome:
    """End a run whose grant changed under it: nothing is applied, and the grant is let go."""
    release(work.claim)
    write_run(work, outcome=RunOutcome.SUPERSEDED, reason=SyncReason.SUPERSEDED)
    return RunOutcome.SUPERSEDED


def _consequences(work: Work, failure: ProviderFailureError, actor: Actor) -> tuple[Fields, RunOutcome]:
    match failure.meaning:
        case Meaning.CLIENT_WRONG:
            _stop_provider(work, failure, actor)
            return {"next_sync_at": Now(), **_as_before(work)}, RunOutcome.FAILED
        case Meaning.GRANT_ENDED if work.grant.rejections + 1 < REJECTIONS:
            again = {"rejections": work.grant.rejections + 1, "next_sync_at": about(SECOND_ASKING_SECONDS)}
            return {**_failing(work), **_as_before(work), **again}, RunOutcome.FAILED
        case Meaning.GRANT_ENDED | Meaning.UNAUTHORIZED:
            told = _told(work, EventType.ORGANIZATION_REAUTHORIZATION_REQUIRED, failure, actor)
            return {**_failing(work), **_ended(), **told}, RunOutcome.STOPPED
        case Meaning.SETTINGS_WRONG:
            return _misconfigured(work, failure, actor), RunOutcome.FAILED
        case _:
            return _later(work, failure, actor), RunOutcome.FAILED


def _later(work: Work, failure: ProviderFailureError, actor: Actor) -> Fields:
    seconds = min(FIRST_RETRY_SECONDS * 2 ** min(work.grant.failures, 16), LONGEST_RETRY_SECONDS)
    fields = {**_failing(work), **_as_before(work), "next_sync_at": about(max(seconds, failure.retry_after_seconds * 1.2))}
    if failure.meaning is Meaning.LOST and work.refresh is RunRefresh.LOST:
        fields |= {"state": GrantState.AMBIGUOUS, "refresh_sent_at": Coalesce("refresh_sent_at", Now())}
    since = work.grant.failing_since
    if since is not None and work.now - since >= TOLD_AFTER and not work.grant.notices:
        fields |= _told(work, EventType.ORGANIZATION_SYNC_FAILING, failure, actor)
    return fields


def _misconfigured(work: Work, failure: ProviderFailureError, actor: Actor) -> Fields:
    fields = {**_failing(work), "next_sync_at": about(LOOK_AGAIN_SECONDS), "requested_at": None}
    if not work.is_answer_missing:
        fields["refresh_sent_at"] = None
    if work.grant.state != GrantState.CONFIG_ERROR:
        fields |= _state(GrantState.CONFIG_ERROR)
    if not work.grant.notices:
        fields |= _told(work, EventType.ORGANIZATION_SYNC_FAILING, failure, actor)
    return fields


def _told(work: Work, event: EventType, failure: ProviderFailureError, actor: Actor) -> Fields:
    """Tell the partner at once; `notices` repeats it after a day and after a week."""
    data = {"reason": failure.reason.value, "notice": 1}
    record_organization(work.organization, event=event, actor=actor, data=data)
    return {"notices": 1, "mailed_notices": 0, "next_notice_at": seconds_from_now(86_400)}


def _stop_provider(work: Work, failure: ProviderFailureError, actor: Actor) -> None:
    fields: Fields = {"misconfigured_reason": failure.reason.value, "is_mailed": False}
    fields |= {"misconfigured_at": Now(), "probe_at": seconds_from_now(PROBE_EVERY.total_seconds())}
    if OAuthProvider.objects.filter(pk=work.provider.pk, misconfigured_at=None).update(**fields):
        data = {"reason": failure.reason.value}
        record_provider(work.provider, event=EventType.OAUTH_PROVIDER_FAILING, actor=actor, data=data)


def _failing(work: Work) -> Fields:
    return {"failures": work.grant.failures + 1, "failing_since": Coalesce("failing_since", Now())}


def _as_before(work: Work) -> Fields:
    """The state a run began with. A refresh that got an answer is not under way any more; one whose answer is missing is."""
    if work.is_answer_missing:
        return {"state": GrantState.AMBIGUOUS}
    was = work.grant.state
    is_over = was in (GrantState.REFRESHING, GrantState.AMBIGUOUS)
    return {"state": GrantState.ACTIVE if is_over else was, "refresh_sent_at": None}


def _ended() -> Fields:
    rest: Fields = {"next_sync_at": None, "requested_at": None, "refresh_sent_at": None}
    return {**_state(GrantState.REAUTHORIZATION_REQUIRED), **rest}


def _state(state: GrantState) -> Fields:
    return {"state": state, "state_since": Now()}


def _let_go() -> Fields:
    return {"lease": None, "lease_until": None, "updated_at": Now()}
