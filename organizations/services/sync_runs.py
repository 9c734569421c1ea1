"""One run: tokens, data, differences. No transaction is open while the provider is waited for."""

from uuid import UUID

import structlog
from django.db import transaction

from audit.events import EventType
from core.egress.fetch import Fetched
from core.encryption import DecryptionError
from core.principals import Actor
from organizations.models import GrantState, Organization, RunOutcome, RunRefresh
from organizations.oauth.data import DataRequest, etag_of, fetch_data
from organizations.oauth.documents import OrganizationDocument, read_document
from organizations.oauth.failures import Meaning, ProviderFailureError
from organizations.services.ledger import record_organization, record_profiles
from organizations.services.sync_claims import Claim
from organizations.services.sync_differences import Changes, Removals, apply_document, find_removals
from organizations.services.sync_settling import end_superseded, hold, settle_failure, settle_pause, settle_success
from organizations.services.sync_work import SupersededError, Work, open_access_token, release, take_up, write_lost_run
from organizations.services.token_refresh import refresh_grant
from organizations.services.token_revocation import give_up_tokens
from organizations.sync_reasons import SyncReason

log = structlog.get_logger("sticker.sync")


def run_claim(claim: Claim, *, actor: Actor) -> RunOutcome:
    """Work on a grant that was claimed, to an end that is written down."""
    write_lost_run(claim)
    try:
        work = take_up(claim)
    except SupersededError:
        release(claim)
        return RunOutcome.SUPERSEDED
    try:
        return _run(work, actor)
    except SupersededError:
        with transaction.atomic():
            return end_superseded(work)
    except ProviderFailureError as failure:
        return settle_failure(work, failure, actor=actor)
    except DecryptionError as error:
        log.error("sync.token_unreadable", grant=str(claim.grant_id), error=str(error))
        return settle_failure(work, ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.SEALED), actor=actor)
    except Exception:
        log.exception("sync.failed", grant=str(claim.grant_id))
        return settle_failure(work, ProviderFailureError(Meaning.LATER, SyncReason.FAULT), actor=actor)


def _run(work: Work, actor: Actor) -> RunOutcome:
    if work.grant.state == GrantState.DISCONNECTED:
        return give_up_tokens(work)
    open_access_token(work)
    if work.is_refresh_due():
        refresh_grant(work, actor=actor)
    fetched = _fetch(work, actor)
    work.http_status = fetched.status
    if fetched.status == 304:
        return _settle_unchanged(work, actor)
    document = read_document(fetched.body, names=work.provider.field_names)
    if document.external_id not in (None, work.organization.external_id):
        raise ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.OTHER_ORGANIZATION, http_status=fetched.status)
    return _apply(work, document, etag_of(fetched), actor)


def _fetch(work: Work, actor: Actor) -> Fetched:
    """Ask for the data; a token that is not accepted is refreshed, once in a run."""
    wanted = DataRequest(work.provider.data_url, work.organization.external_id, work.etag)
    try:
        return fetch_data(wanted, access_token=work.access_token)
    except ProviderFailureError as failure:
        if failure.meaning is not Meaning.UNAUTHORIZED or work.refresh is RunRefresh.DONE:
            raise
        if not work.may_refresh:
            raise ProviderFailureError(Meaning.UNAUTHORIZED, SyncReason.NO_REFRESH_TOKEN, http_status=401) from failure
    refresh_grant(work, actor=actor)
    return fetch_data(wanted, access_token=work.access_token)


def _settle_unchanged(work: Work, actor: Actor) -> RunOutcome:
    with transaction.atomic():
        if not hold(work):
            return end_superseded(work)
        return settle_success(work, etag=work.grant.etag, outcome=RunOutcome.UNCHANGED, changes={}, actor=actor)


def _apply(work: Work, document: OrganizationDocument, etag: str, actor: Actor) -> RunOutcome:
    with transaction.atomic():
        # The organization before its grant, as setup calls do. Not the full lock: users may be added to it meanwhile, and
        # their foreign keys look at this row.
        organization = Organization.objects.select_for_update(no_key=True).get(pk=work.organization.pk)
        if not hold(work):
            return end_superseded(work)
        removals = find_removals(organization, document=document)
        if reason := _too_much(work, removals):
            counts = {"users_present": removals.present, "users_left_out": len(removals.profile_ids)}
            return settle_pause(work, reason=reason, changes=counts, actor=actor)
        changes = apply_document(organization, document=document, removals=removals)
        _record(organization, changes, actor)
        outcome = RunOutcome.CHANGED if changes else RunOutcome.UNCHANGED
        return settle_success(work, etag=etag, outcome=outcome, changes=changes.for_history(), actor=actor)


def _too_much(work: Work, removals: Removals) -> SyncReason | None:
    if not removals.profile_ids or work.grant.is_removal_allowed:
        return None
    if removals.is_list_empty:
        return SyncReason.NO_USERS
    return SyncReason.MANY_REMOVED if removals.is_most else None


def _record(organization: Organization, changes: Changes, actor: Actor) -> None:
    if not changes:
        return
    record_organization(organization, event=EventType.ORGANIZATION_SYNCED, actor=actor, data=changes.counts())
    if changes.changed:
        record_organization(organization, event=EventType.ORGANIZATION_UPDATED, actor=actor)
    lists: list[tuple[EventType, list[UUID]]] = [
        (EventType.PROFILE_CREATED, changes.added),
        (EventType.PROFILE_UPDATED, changes.updated),
        (EventType.PROFILE_REMOVED, changes.removed),
    ]
    for event, profile_ids in lists:
        record_profiles(profile_ids, organization=organization, event=event, actor=actor)
