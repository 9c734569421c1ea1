"""How an organization's grant stands, for its partner and for staff; never a token."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.principals import Principal
from organizations.errors import NotConnectedError
from organizations.models import GrantState, OAuthGrant, OAuthProvider, Organization, SyncRun
from organizations.services.grants import find_organization
from organizations.sync_reasons import MEANINGS, SyncReason

_ASKED_FOR = (GrantState.PENDING, GrantState.ACTIVE, GrantState.REFRESHING, GrantState.AMBIGUOUS, GrantState.CONFIG_ERROR)


@dataclass(frozen=True, slots=True)
class GrantStatus:
    """A grant, what is wrong with it (an empty reason: nothing) and since when, and its last run."""

    organization: Organization
    grant: OAuthGrant
    state: GrantState
    reason: str
    since: datetime | None
    last_run: SyncRun | None

    @property
    def meaning(self) -> str:
        """The reason in a sentence."""
        return MEANINGS[SyncReason(self.reason)] if self.reason in set(SyncReason) else ""


def read_status(principal: Principal, *, external_id: str) -> GrantStatus:
    """Find out how the grant of a caller's organization stands.

    Raises: OrganizationNotFoundError; NotConnectedError.
    """
    return status_of(find_organization(principal, external_id=external_id).pk)


def status_of(organization_id: UUID) -> GrantStatus:
    """Find out how the grant of an organization stands.

    Raises: NotConnectedError.
    """
    grant = OAuthGrant.objects.select_related("organization").filter(organization_id=organization_id).first()
    if grant is None:
        raise NotConnectedError
    provider = OAuthProvider.objects.of(grant.partner_id, grant.environment).first()
    last_run = SyncRun.objects.filter(grant=grant).order_by("-id").first()
    state, reason, since = GrantState(grant.state), grant.reason, grant.failing_since
    if provider is not None and provider.misconfigured_at and state in _ASKED_FOR:
        state, reason, since = GrantState.CONFIG_ERROR, provider.misconfigured_reason, provider.misconfigured_at
    return GrantStatus(grant.organization, grant, state, reason, since or grant.state_since, last_run)
