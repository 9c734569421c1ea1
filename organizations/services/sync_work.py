"""What a worker holds while it is at a grant: the rows as it found them, and what has happened so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from organizations.models import (
    GrantState,
    OAuthGrant,
    OAuthProvider,
    Organization,
    Profile,
    RefreshOwner,
    RunOutcome,
    RunRefresh,
    RunTrigger,
    SyncRun,
)
from organizations.oauth.sealing import access_place, unseal
from organizations.services.sync_claims import Claim
from organizations.sync_reasons import SyncReason

# A token is refreshed when this share of its life is over.
REFRESH_AT: Final = 0.8
RESTING: Final = (GrantState.PAUSED, GrantState.DISCONNECTED, GrantState.REAUTHORIZATION_REQUIRED)


class SupersededError(Exception):
    """The grant is not what it was when this worker took it: replaced, paused, or taken over by another worker."""


@dataclass(slots=True)
class Work:
    """One run in the making. `grant` is the row as it was claimed, with the tokens of `version`."""

    claim: Claim
    grant: OAuthGrant
    provider: OAuthProvider
    organization: Organization
    now: datetime
    is_touched: bool
    version: int
    refresh: RunRefresh = RunRefresh.NONE
    http_status: int | None = None
    access_token: str = field(default="", repr=False)

    @property
    def may_refresh(self) -> bool:
        """There is a refresh token, and it is ours to use."""
        return self.grant.has_refresh_token and self.provider.refresh_owner == RefreshOwner.US

    @property
    def is_answer_missing(self) -> bool:
        """A refresh was sent before, and what became of it is not known."""
        return self.grant.refresh_sent_at is not None

    @property
    def etag(self) -> str:
        """The state of the organization that is known; none when somebody else has changed it since."""
        return "" if self.is_touched else self.grant.etag

    def is_refresh_due(self) -> bool:
        """The access token has lived for most of its life; or the answer of a refresh, or a probe of our client, is due."""
        if not self.may_refresh:
            return False
        if self.is_answer_missing or self.provider.misconfigured_at is not None:
            return True
        begin, end = self.grant.obtained_at, self.grant.access_expires_at
        return begin is not None and end is not None and self.now >= begin + (end - begin) * REFRESH_AT


def take_up(claim: Claim) -> Work:
    """Read what a claim is about.

    Raises: SupersededError when it is not ours any more; DecryptionError when the token does not open here.
    """
    grant = OAuthGrant.objects.select_related("organization").annotate(now=Now(), is_touched=_is_touched())
    row: Any = grant.filter(pk=claim.grant_id, lease=claim.lease).first()
    if row is None:
        raise SupersededError
    provider = OAuthProvider.objects.of(row.partner_id, row.environment).first()
    if provider is None:
        raise SupersededError
    return Work(claim, row, provider, row.organization, row.now, row.is_touched, row.version)


def open_access_token(work: Work) -> None:
    """Open the stored access token.

    Raises: DecryptionError.
    """
    work.access_token = unseal(work.grant.access_sealed or b"", place=access_place(work.grant))


def write_run(
    work: Work,
    *,
    outcome: RunOutcome,
    reason: SyncReason | None = None,
    changes: Mapping[str, object] | None = None,
) -> SyncRun:
    """Add a run to the history."""
    return SyncRun.objects.create(
        grant_id=work.grant.pk,
        trigger=RunTrigger.REQUEST if work.grant.requested_at else RunTrigger.SCHEDULE,
        started_at=work.grant.attempted_at or work.now,
        finished_at=Now(),
        outcome=outcome,
        reason=reason.value if reason else "",
        http_status=work.http_status,
        refresh=work.refresh,
        changes=dict(changes or {}),
    )


def write_lost_run(claim: Claim) -> None:
    """Add the run of a worker that never came back to the history."""
    if claim.lost_at is not None:
        SyncRun.objects.create(
            grant_id=claim.grant_id,
            trigger=RunTrigger.SCHEDULE,
            started_at=claim.lost_at,
            finished_at=Now(),
            outcome=RunOutcome.LOST,
            reason=SyncReason.WORKER_LOST.value,
        )


def release(claim: Claim) -> None:
    """Let go of a grant without saying anything about it."""
    OAuthGrant.objects.filter(pk=claim.grant_id, lease=claim.lease).update(lease=None, lease_until=None)


def _is_touched() -> Exists | Any:
    """Somebody else has changed the organization or its users since the last sync."""
    users = Profile.objects.filter(organization_id=OuterRef("organization_id"), updated_at__gt=OuterRef("synced_at"))
    return Exists(users) | Exists(
        Organization.objects.filter(pk=OuterRef("organization_id"), updated_at__gt=OuterRef("synced_at"))
    )
