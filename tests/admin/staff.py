"""Members of staff by their role, and a world of rows for them to look at."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.principals import Environment
from organizations.models import OAuthGrant, Organization, Profile
from organizations.oauth.tokens import TokenSet
from organizations.services.grants import connect_organization
from organizations.services.oauth_providers import ProviderSettings, configure_provider
from partners.models import ApiKey, KeyUsage, Partner
from partners.scopes import Scope
from partners.services.keys import IssuedKey
from partners.services.partners import Contact, set_contacts, set_origins
from sessions_app.models import EmbedSession, SessionToken
from sticker_auth.roles import Role
from surfaces.models import GatewayPolicy, LoginSession, Order, Payment, Product, Route
from surfaces.names import SurfaceName
from surfaces.services.clients import ClientSpec, create_client
from surfaces.services.customers import create_customer
from surfaces.services.entitlements import grant_surface
from surfaces.services.hosts import add_tenant_host
from surfaces.services.resellers import ResellerSpec, create_reseller
from tests.factories import ALICE, make_key, make_organization, make_partner, make_profile

SURFACE_ROWS: Final = (
    "surface",
    "route",
    "entitlement",
    "tenanthost",
    "gatewaypolicy",
    "product",
    "order",
    "payment",
    "reselleraccount",
    "resellerclient",
    "customeraccount",
    "loginsession",
)
PASSWORD: Final = "correct-horse-battery-staple"


def make_staff(*roles: Role, username: str = "", password: str | None = None, is_superuser: bool = False) -> User:
    """A member of staff who holds some roles. Hashing a password takes a while: without one only `force_login` lets them in."""
    name = username or f"staff-{secrets.token_hex(3)}"
    user = User.objects.create_user(name, password=password, is_staff=True, is_superuser=is_superuser)
    user.groups.set(Group.objects.filter(name__in=[role.value for role in roles]))
    return user


def signed_in(*roles: Role, is_superuser: bool = False) -> Client:
    """A browser in which a member of staff with these roles has signed in."""
    client = Client()
    client.force_login(make_staff(*roles, is_superuser=is_superuser))
    return client


@dataclass(frozen=True, slots=True)
class World:
    """A partner with two keys of one family, an organization, a user and a session."""

    partner: Partner
    issued: IssuedKey
    organization: Organization
    profile: Profile
    token: SessionToken
    session: EmbedSession
    surface_rows: Mapping[str, int | UUID]

    @property
    def key(self) -> ApiKey:
        return self.issued.key

    def key_url(self, action: str = "change") -> str:
        return reverse(f"admin:partners_apikey_{action}", args=[self.key.kid])

    def partner_url(self, action: str = "change") -> str:
        return reverse(f"admin:partners_partner_{action}", args=[self.partner.pk])

    def surface_url(self, name: str, action: str = "change") -> str:
        """A page of a row of the surfaces, by the name of its model."""
        return reverse(f"admin:surfaces_{name}_{action}", args=[self.surface_rows[name]])

    def session_url(self, action: str = "change") -> str:
        return reverse(f"admin:sessions_app_sessiontoken_{action}", args=[self.token.pk])


def make_world(name: str = "Acme", *, environment: Environment = Environment.LIVE) -> World:
    """Rows in every table that the console shows."""
    partner = make_partner(name)
    set_origins(partner.pk, environment=Environment.LIVE, origins=["https://shop.example"], actor=ALICE)
    set_contacts(partner.pk, contacts=[Contact("Ana Ruiz", "ana@example.com", "security")], actor=ALICE)
    issued = make_key(partner, environment=environment, name="Order backend")
    organization = make_organization(partner, environment=environment)
    profile = make_profile(partner, organization=organization, environment=environment)
    make_grant(organization)
    token = make_token(issued.key, profile)
    return World(partner, issued, organization, profile, token, make_session(token), make_surface_rows(partner, environment))


def make_surface_rows(partner: Partner, environment: Environment) -> dict[str, int | UUID]:
    """A row in every table of the surfaces, by the name of its model."""
    own = {"partner": partner, "environment": environment}
    route = Route.objects.get(method="POST", pattern="/Orders/Create")
    host = add_tenant_host(f"{partner.slug}.example", partner_id=partner.pk, environment=environment, actor=ALICE)
    held = grant_surface(partner.pk, environment=environment, surface=SurfaceName.RESELLER, actor=ALICE)
    grant_surface(partner.pk, environment=environment, surface=SurfaceName.RESELLER, route_id=route.pk, actor=ALICE)
    lines = [{"sku": "STK-1", "quantity": 2, "price_minor": 450, "currency": "USD"}]
    order = Order.objects.create(**own, made_by=str(partner.pk), status="placed", items=lines, reference="PO-1")
    accounts = make_account_rows(partner, environment)
    payment = {"amount_minor": 900, "currency": "USD", "reference": "PAY-1", "made_by": "9Vd1bTq0ZxLm"}
    return {
        "surface": SurfaceName.RESELLER.number.value,
        "route": route.pk,
        "entitlement": held.pk,
        "tenanthost": host.pk,
        "gatewaypolicy": GatewayPolicy.objects.get(name="nginx").pk,
        "product": Product.objects.create(**own, sku="STK-1", name="Sticker", price_minor=450, currency="USD").pk,
        "order": order.pk,
        "payment": Payment.objects.create(**own, order=order, **payment).pk,
        **accounts,
    }


def make_account_rows(partner: Partner, environment: Environment) -> dict[str, int | UUID]:
    """A reseller's account and client, and a customer who signed in."""
    mail = f"{secrets.token_hex(4)}@example.com"
    reseller = create_reseller(partner, spec=ResellerSpec(environment, mail, "Ada"), actor=ALICE)
    client = create_client(partner, spec=ClientSpec(environment, "Stock sync", [Scope.ORDERS_READ]), actor=ALICE).client
    organization = make_organization(partner, environment=environment, name="Contoso")
    profile = make_profile(partner, organization=organization, environment=environment, email=mail)
    customer = create_customer(profile, email=mail, actor=ALICE)
    soon = timezone.now() + timedelta(hours=1)
    epochs = {"partner_epoch": 0, "profile_epoch": 0, "account_epoch": 0}
    own = {"partner": partner, "environment": environment, "profile": customer.profile, "account": customer, **epochs}
    login = LoginSession.objects.create(**own, origin="password", idle_expires_at=soon, expires_at=soon)
    return {
        "reselleraccount": reseller.pk,
        "resellerclient": client.pk,
        "customeraccount": customer.pk,
        "loginsession": login.pk,
    }


def make_grant(organization: Organization) -> OAuthGrant:
    """A grant at a provider that is asked by nobody."""
    wanted = ProviderSettings(
        token_url="https://id.example/token",
        data_url="https://api.example/organizations/{internalOrgId}",
        client_id="sticker",
        client_secret="a-secret",
    )
    environment = Environment(organization.environment)
    configure_provider(organization.partner, environment=environment, wanted=wanted, actor=ALICE)
    return connect_organization(organization, tokens=TokenSet("at-1", "rt-1", 3600), actor=ALICE)


def make_token(key: ApiKey, profile: Profile, **fields: Any) -> SessionToken:
    """A session token that waits to be redeemed."""
    fields.setdefault("expires_at", timezone.now() + timedelta(seconds=250))
    return SessionToken.objects.create(
        digest=secrets.token_bytes(32),
        partner_id=key.partner_id,
        environment=key.environment,
        profile=profile,
        key=key,
        partner_epoch=key.partner.auth_epoch,
        profile_epoch=profile.auth_epoch,
        **fields,
    )


def make_session(token: SessionToken) -> EmbedSession:
    """An embed session that is signed in."""
    now = timezone.now()
    return EmbedSession.objects.create(
        session_token=token,
        partner_id=token.partner_id,
        environment=token.environment,
        profile=token.profile,
        key=token.key,
        partner_epoch=token.partner_epoch,
        profile_epoch=token.profile_epoch,
        pepper_id=1,
        handle_digest=secrets.token_bytes(32),
        idle_expires_at=now + timedelta(minutes=15),
        expires_at=now + timedelta(hours=10),
    )


def use_key(key: ApiKey, *, calls: int, outcome: str = "accepted", network: str = "203.0.113.0/24") -> None:
    """Count calls of a key in the present hour, as the batches do."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    KeyUsage.objects.create(key=key, hour=hour, outcome=outcome, endpoint="handshake", network=network, count=calls)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now(), last_used_network=network)


def form_id_of(client: Client, url: str) -> str:
    """The number of a form that shows a secret, as the page of a GET carries it."""
    return str(client.get(url).context["form"]["form_id"].value())
