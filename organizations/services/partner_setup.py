"""Setting up an organization with its sites and members: the act behind `POST /v1/partner/organization-setup`."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from core.principals import Actor, Principal
from organizations.details import OrganizationDetails, PartnerSetupRequest
from organizations.models import Organization
from organizations.services.addresses import replace_sites
from organizations.services.grants import hand_over_tokens
from organizations.services.ledger import record_organization
from organizations.services.members import add_or_update_members


@dataclass(frozen=True, slots=True)
class PartnerSetup:
    """What a setup left behind, and how much of it is new."""

    organization: Organization
    is_new_organization: bool
    users_created: int
    addresses_created: int


def setup_partner_organization(principal: Principal, *, request: PartnerSetupRequest, actor: Actor) -> PartnerSetup:
    """Create an organization or bring it up to date: its own data, all of its sites, and the members named.

    Concurrent callers with one organization take turns, so that sites and members of two calls never mix.
    """
    with transaction.atomic():
        organization, is_new = _organization(principal, wanted=request.organization)
        event = EventType.ORGANIZATION_CREATED if is_new else EventType.ORGANIZATION_UPDATED
        record_organization(organization, event=event, actor=actor)
        addresses_created = replace_sites(organization, sites=request.sites)
        users_created = add_or_update_members(organization, members=request.members, actor=actor)
        if request.tokens:
            hand_over_tokens(organization, tokens=request.tokens, actor=actor)
    return PartnerSetup(organization, is_new, users_created, addresses_created)


def _organization(principal: Principal, *, wanted: OrganizationDetails) -> tuple[Organization, bool]:
    details = {"name": wanted.name, "email": wanted.email, "phone": wanted.phone}
    # Not the full lock: users may be added to the organization meanwhile, and their foreign keys look at this row.
    locked = Organization.objects.select_for_update(no_key=True)
    organization, is_new = locked.get_or_create(
        partner_id=principal.partner_id,
        environment=principal.environment.value,
        external_id=wanted.external_id,
        defaults=details,
    )
    if not is_new:
        Organization.objects.filter(pk=organization.pk).update(**details, updated_at=Now())
        organization.name, organization.email, organization.phone = wanted.name, wanted.email, wanted.phone
    return organization, is_new
