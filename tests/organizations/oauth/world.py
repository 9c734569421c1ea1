"""A partner with a provider, an organization that is connected there, and what a test does with them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from core.principals import SYSTEM, Environment
from organizations.models import OAuthGrant, OAuthProvider, Organization, Profile, RunOutcome, SyncRun
from organizations.oauth.tokens import TokenSet
from organizations.services.grants import connect_organization
from organizations.services.oauth_providers import ProviderSettings, configure_provider
from organizations.services.sync_claims import claim_organization
from organizations.services.sync_runs import run_claim
from partners.models import Partner
from tests.factories import ALICE, make_organization, make_partner
from tests.organizations.oauth.provider import CLIENT_ID, CLIENT_SECRET, Provider

ADA = {"internalUserId": "user-1", "firstName": "Ada", "lastName": "Diaz", "email": "ada@northwind.example"}
BEN = {"internalUserId": "user-2", "firstName": "Ben", "lastName": "Olsen", "email": "ben@northwind.example"}
EVE = {"internalUserId": "user-3", "firstName": "Eve", "lastName": "Park", "email": "eve@northwind.example"}


@dataclass(frozen=True, slots=True)
class World:
    """One organization of one partner at one provider."""

    provider: Provider
    partner: Partner
    organization: Organization

    @property
    def grant(self) -> OAuthGrant:
        """The grant as it stands in the database."""
        return OAuthGrant.objects.get(organization=self.organization)

    @property
    def document(self) -> dict[str, Any]:
        """What the provider says of the organization."""
        return self.provider.organizations.setdefault(self.organization.external_id, {})

    def sync(self) -> RunOutcome | None:
        """Sync the organization now, if it is due; None when it is not."""
        claim = claim_organization(self.organization.pk)
        return run_claim(claim, actor=SYSTEM) if claim else None

    def sync_again(self) -> RunOutcome | None:
        """Let whatever it waits for pass, and sync."""
        self.make_due()
        return self.sync()

    def make_due(self) -> None:
        """Let the wait until the next sync be over; one that waits for nothing stays as it is."""
        OAuthGrant.objects.filter(organization=self.organization, next_sync_at__isnull=False).update(next_sync_at=Now())

    def age_access_token(self) -> None:
        """Let the access token's life be over, as far as its expiry tells."""
        past = Now() - timedelta(hours=2)
        OAuthGrant.objects.filter(organization=self.organization).update(
            obtained_at=past, access_expires_at=Now() - timedelta(hours=1)
        )

    def lose_worker(self) -> None:
        """Let the lease of whoever is at the grant be over."""
        OAuthGrant.objects.filter(organization=self.organization).update(lease_until=F("attempted_at"))

    def last_run(self) -> SyncRun:
        return SyncRun.objects.filter(grant=self.grant).latest("id")

    def users(self) -> set[str | None]:
        """Their ids, of those who are present."""
        return set(Profile.objects.filter(organization=self.organization).present().values_list("external_id", flat=True))


def provider_settings(provider: Provider, **changes: Any) -> ProviderSettings:
    """Settings that fit the provider of the tests."""
    usual: dict[str, Any] = {
        "token_url": provider.token_url,
        "data_url": provider.data_url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    return ProviderSettings(**(usual | changes))


def configure(
    provider: Provider, partner: Partner, environment: Environment = Environment.TEST, **changes: Any
) -> OAuthProvider:
    """Configure a partner's provider."""
    return configure_provider(partner, environment=environment, wanted=provider_settings(provider, **changes), actor=ALICE)


def make_world(provider: Provider, *, tokens: TokenSet | None = None, external_id: str = "", **changes: Any) -> World:
    """A connected organization that the provider knows by two users."""
    partner = make_partner()
    configure(provider, partner, **changes)
    named: dict[str, Any] = {"external_id": external_id} if external_id else {}
    organization = make_organization(partner, **named)
    world = World(provider, partner, organization)
    world.document.update(organizationName="Northwind", users=[dict(ADA), dict(BEN)])
    connect_organization(organization, tokens=tokens or issued_tokens(provider), actor=ALICE)
    return world


def issued_tokens(provider: Provider) -> TokenSet:
    """Tokens the provider accepts, as a partner hands them over."""
    issued = provider.issue()
    return TokenSet(issued["access_token"], issued["refresh_token"], issued["expires_in"])
