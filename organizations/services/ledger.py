"""The ledger rows of acts on organizations and users: they carry ids of ours, never a name or an e-mail address."""

from uuid import UUID

from audit.events import EventType
from audit.services import Act, record
from core.principals import Actor
from organizations.models import Organization


def record_organization(organization: Organization, *, event: EventType, actor: Actor) -> None:
    """Write the row of an act on an organization, inside that act's transaction."""
    record(_act(event, actor, organization, subject_type="organization", subject_id=organization.pk))


def record_profile(profile_id: UUID, *, organization: Organization, event: EventType, actor: Actor) -> None:
    """Write the row of an act on a user, inside that act's transaction."""
    record(_act(event, actor, organization, subject_type="profile", subject_id=profile_id))


def _act(event: EventType, actor: Actor, organization: Organization, *, subject_type: str, subject_id: UUID) -> Act:
    return Act(
        type=event,
        actor=actor,
        partner_id=organization.partner_id,
        environment=organization.environment,
        subject_type=subject_type,
        subject_id=str(subject_id),
        data={} if subject_id == organization.pk else {"organization_id": str(organization.pk)},
    )
