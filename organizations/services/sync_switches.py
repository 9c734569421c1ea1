"""What people do with the sync of an organization: ask for it now, pause it, let it go on."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from core.principals import Actor
from organizations.errors import GrantStateError, NotConfiguredError
from organizations.models import GrantState, OAuthGrant, OAuthProvider
from organizations.services.grants import locked_grant
from organizations.services.ledger import record_organization
from organizations.sync_reasons import SyncReason

_REFUSALS = {
    GrantState.REAUTHORIZATION_REQUIRED: "The grant has ended at the provider: have the organization authorized again.",
    GrantState.PAUSED: "The sync is paused; our staff look at it.",
    GrantState.DISCONNECTED: "The organization was disconnected. Hand over new tokens.",
}


def request_sync(organization_id: UUID, *, actor: Actor) -> OAuthGrant:
    """Have an organization synced as soon as a worker is free, whatever it knows already. Safe to call twice.

    Raises: NotConnectedError; GrantStateError; NotConfiguredError.
    """
    with transaction.atomic():
        grant = locked_grant(organization_id)
        if refusal := _REFUSALS.get(GrantState(grant.state)):
            raise GrantStateError(refusal, reason=f"grant_{grant.state}")
        if not OAuthProvider.objects.of(grant.partner_id, grant.environment).exists():
            raise NotConfiguredError
        if grant.requested_at is None:
            OAuthGrant.objects.filter(pk=grant.pk).update(requested_at=Now(), next_sync_at=Now(), etag="")
            record_organization(grant.organization, event=EventType.ORGANIZATION_SYNC_REQUESTED, actor=actor)
    return OAuthGrant.objects.get(pk=grant.pk)


def pause_sync(organization_id: UUID, *, reason: str, actor: Actor) -> OAuthGrant:
    """Stop syncing an organization until it is resumed; one that is under way changes nothing any more. Safe to call twice.

    Raises: NotConnectedError; GrantStateError when there is nothing to pause.
    """
    with transaction.atomic():
        grant = locked_grant(organization_id)
        if grant.state == GrantState.PAUSED:
            return grant
        if grant.state in (GrantState.DISCONNECTED, GrantState.REAUTHORIZATION_REQUIRED):
            raise GrantStateError(_REFUSALS[GrantState(grant.state)], reason=f"grant_{grant.state}")
        OAuthGrant.objects.filter(pk=grant.pk).update(
            state=GrantState.PAUSED,
            state_since=Now(),
            reason=SyncReason.BY_STAFF,
            next_sync_at=None,
            requested_at=None,
            next_notice_at=None,
        )
        data = {"reason": SyncReason.BY_STAFF.value}
        event = EventType.ORGANIZATION_SYNC_PAUSED
        record_organization(grant.organization, event=event, actor=actor, reason=reason, data=data)
    return OAuthGrant.objects.get(pk=grant.pk)


def resume_sync(organization_id: UUID, *, reason: str, actor: Actor) -> OAuthGrant:
    """Let a paused sync go on; what it was paused for is judged anew.

    Raises: NotConnectedError; GrantStateError when it is not paused.
    """
    return _resume(organization_id, is_removal_allowed=False, reason=reason, actor=actor)


def resume_sync_with_removals(organization_id: UUID, *, reason: str, actor: Actor) -> OAuthGrant:
    """Let a paused sync go on, and its next run remove as many users as the provider leaves out.

    Raises: NotConnectedError; GrantStateError when it is not paused.
    """
    return _resume(organization_id, is_removal_allowed=True, reason=reason, actor=actor)


def _resume(organization_id: UUID, *, is_removal_allowed: bool, reason: str, actor: Actor) -> OAuthGrant:
    with transaction.atomic():
        grant = locked_grant(organization_id)
        if grant.state != GrantState.PAUSED:
            raise GrantStateError("This sync is not paused.", reason=f"grant_{grant.state}")
        OAuthGrant.objects.filter(pk=grant.pk).update(
            state=GrantState.ACTIVE if grant.synced_at else GrantState.PENDING,
            state_since=Now(),
            reason="",
            next_sync_at=Now(),
            etag="",
            is_removal_allowed=is_removal_allowed,
        )
        data = {"is_removal_allowed": is_removal_allowed}
        event = EventType.ORGANIZATION_SYNC_RESUMED
        record_organization(grant.organization, event=event, actor=actor, reason=reason, data=data)
    return OAuthGrant.objects.get(pk=grant.pk)
