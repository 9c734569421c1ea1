"""Setting up a user in an organization: the act behind `POST /v1/organizations/setup`."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from core.principals import Actor, Principal
from organizations.details import SetupRequest, UserDetails
from organizations.errors import ProfileExistsError
from organizations.models import AddressKind, Organization, Profile
from organizations.services.addresses import add_addresses, replace_user_address
from organizations.services.grants import hand_over_tokens
from organizations.services.ledger import record_organization, record_profile


@dataclass(frozen=True, slots=True)
class Setup:
    """What a setup left behind."""

    organization: Organization
    profile: Profile
    is_new_organization: bool


def setup_organization(principal: Principal, *, request: SetupRequest, actor: Actor) -> Setup:
    """Add a user to an organization, creating the organization when the caller names one we do not know.

    An organization we know stays as it is. A user who was removed from it comes back under the same id; sessions that
    the removal ended stay ended. Of concurrent callers with one user exactly one succeeds.
    Raises: ProfileExistsError when the user is there already, or belongs to another organization of this partner.
    """
    with transaction.atomic():
        organization, is_new = _organization(principal, request=request, actor=actor)
        profile = _profile(organization, user=request.user, actor=actor)
        if request.user.address:
            replace_user_address(profile, address=request.user.address)
        if request.tokens:
            hand_over_tokens(organization, tokens=request.tokens, actor=actor)
    return Setup(organization, profile, is_new)


def _organization(principal: Principal, *, request: SetupRequest, actor: Actor) -> tuple[Organization, bool]:
    wanted = request.organization
    organization, is_new = Organization.objects.get_or_create(
        partner_id=principal.partner_id,
        environment=principal.environment.value,
        external_id=wanted.external_id,
        defaults={"name": wanted.name, "email": wanted.email, "phone": wanted.phone},
    )
    if is_new:
        record_organization(organization, event=EventType.ORGANIZATION_CREATED, actor=actor)
        add_addresses(organization, kind=AddressKind.BILLING, addresses=request.billing)
        add_addresses(organization, kind=AddressKind.SHIPPING, addresses=request.shipping)
    return organization, is_new


def _profile(organization: Organization, *, user: UserDetails, actor: Actor) -> Profile:
    details = {"first_name": user.first_name, "last_name": user.last_name, "email": user.email, "phone": user.phone}
    profile, is_new = Profile.objects.get_or_create(
        partner_id=organization.partner_id,
        environment=organization.environment,
        external_id=user.external_id,
        defaults={"organization": organization, **details},
    )
    if not is_new and not _bring_back(profile, organization=organization, details=details):
        raise _exists(profile)
    event = EventType.PROFILE_CREATED if is_new else EventType.PROFILE_UPDATED
    record_profile(profile.pk, organization=organization, event=event, actor=actor)
    return profile


def _bring_back(profile: Profile, *, organization: Organization, details: dict[str, str]) -> bool:
    if profile.removed_at is None:
        return False
    removed = Profile.objects.filter(pk=profile.pk, organization=organization, removed_at__isnull=False)
    return removed.update(**details, removed_at=None, updated_at=Now()) == 1


def _exists(profile: Profile) -> ProfileExistsError:
    return ProfileExistsError(
        organization_id=profile.organization_id,
        profile_id=profile.pk,
        internal_org_id=profile.organization.external_id,
        internal_user_id=str(profile.external_id),
    )
