"""Players: users whom a partner's own signed token names, made on first sight and kept up to date by what tokens say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.events import EventType
from core.principals import Actor, Environment
from organizations.models import Organization, Profile
from organizations.services.ledger import record_organization, record_profile

ORGANIZATION_NAME: Final = "Players"


@dataclass(frozen=True, slots=True)
class PlayerDetails:
    """A player as a token tells of them; what it does not tell is empty, and leaves what is known as it is."""

    external_id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""

    def told(self) -> dict[str, str]:
        """What the token tells besides the id."""
        fields = {"first_name": self.first_name, "last_name": self.last_name, "email": self.email}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class PlayerHome:
    """Where a partner's players belong: the organization is named by the partner's own id for it."""

    partner_id: UUID
    environment: Environment
    organization_external_id: str


def ensure_player(home: PlayerHome, *, player: PlayerDetails, actor: Actor) -> Profile:
    """Find the profile of a player, or make it together with the organization it belongs to.

    Of concurrent callers exactly one makes it. A profile that was removed stays removed.
    """
    with transaction.atomic():
        profile = _known(home, player)
        if profile is not None:
            return profile
        organization = _organization(home, actor)
        profile, is_new = Profile.objects.get_or_create(
            partner_id=home.partner_id,
            environment=home.environment.value,
            external_id=player.external_id,
            defaults={"organization": organization, **player.told()},
        )
        if is_new:
            record_profile(profile.pk, organization=organization, event=EventType.PROFILE_CREATED, actor=actor)
    return profile


def update_player(profile_id: UUID, *, told: Mapping[str, str], actor: Actor) -> bool:
    """Bring a profile up to what a token tells, and say whether anything changed. A removed profile is left alone."""
    if not told:
        return False
    differs = Q()
    for name, value in told.items():
        differs |= ~Q(**{name: value})
    with transaction.atomic():
        changed = Profile.objects.filter(differs, pk=profile_id, removed_at=None).update(**told, updated_at=Now())
        if changed:
            organization = Organization.objects.get(profiles=profile_id)
            record_profile(profile_id, organization=organization, event=EventType.PROFILE_UPDATED, actor=actor)
    return bool(changed)


def _known(home: PlayerHome, player: PlayerDetails) -> Profile | None:
    rows = Profile.objects.filter(partner_id=home.partner_id, environment=home.environment.value)
    return rows.filter(external_id=player.external_id).first()


def _organization(home: PlayerHome, actor: Actor) -> Organization:
    organization, is_new = Organization.objects.get_or_create(
        partner_id=home.partner_id,
        environment=home.environment.value,
        external_id=home.organization_external_id,
        defaults={"name": ORGANIZATION_NAME},
    )
    if is_new:
        record_organization(organization, event=EventType.ORGANIZATION_CREATED, actor=actor)
    return organization
