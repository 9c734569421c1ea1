"""The ledger rows of acts on organizations, their users and providers: ids of ours, never a name or an e-mail address."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from audit.events import EventType
from audit.services import Act, record, record_all
from core.principals import Actor
from organizations.models import OAuthProvider, Organization


def record_organization(
    organization: Organization,
    *,
    event: EventType,
    actor: Actor,
    reason: str = "",
    data: Mapping[str, object] | None = None,
) -> None:
    """Write the row of an act on an organization, inside that act's transaction."""
    subject = ("organization", str(organization.pk))
    record(Act(event, actor, organization.partner_id, organization.environment, *subject, reason, data or {}))


def record_profile(profile_id: UUID, *, organization: Organization, event: EventType, actor: Actor) -> None:
    """Write the row of an act on a user, inside that act's transaction."""
    record(_of_profile(profile_id, organization, event, actor))


def record_profiles(profile_ids: Iterable[UUID], *, organization: Organization, event: EventType, actor: Actor) -> None:
    """Write the rows of an act on many users, inside that act's transaction."""
    record_all(_of_profile(each, organization, event, actor) for each in profile_ids)


def record_provider(
    provider: OAuthProvider, *, event: EventType, actor: Actor, data: Mapping[str, object] | None = None
) -> None:
    """Write the row of an act on a provider, inside that act's transaction."""
    subject = ("oauth_provider", str(provider.pk))
    record(Act(event, actor, provider.partner_id, provider.environment, *subject, "", data or {}))


def _of_profile(profile_id: UUID, organization: Organization, event: EventType, actor: Actor) -> Act:
    data = {"organization_id": str(organization.pk)}
    return Act(event, actor, organization.partner_id, organization.environment, "profile", str(profile_id), data=data)
