"""Who signs in to the demo shop's surfaces: a reseller's account and a customer, both in the test environment."""

from dataclasses import dataclass, field
from typing import Final, TypeVar

from core.principals import Actor, Environment
from organizations.services.players import PlayerDetails, PlayerHome, ensure_player
from partners.models import Partner
from partners.scopes import Scope
from surfaces import passwords
from surfaces.models import CustomerAccount, ResellerAccount
from surfaces.services.customers import allow_customer_passwords, create_customer
from surfaces.services.resellers import ResellerSpec, create_reseller, set_password

RESELLER_EMAIL: Final = "reseller@demo-shop.example"
CUSTOMER_EMAIL: Final = "customer@demo-shop.example"
CUSTOMERS: Final = "demo-customers"
CUSTOMER: Final = PlayerDetails("demo-customer", "Ada", "Customer", CUSTOMER_EMAIL)
SCOPES: Final = (Scope.ORDERS_CREATE, Scope.ORDERS_READ, Scope.PRODUCTS_READ)
A = TypeVar("A", ResellerAccount, CustomerAccount)


@dataclass(frozen=True, slots=True)
class KnownPasswords:
    """The passwords of an earlier run; empty where there was none."""

    reseller: str = field(default="", repr=False)
    customer: str = field(default="", repr=False)


def seed_accounts(partner: Partner, *, known: KnownPasswords, actor: Actor) -> KnownPasswords:
    """Make the two accounts where they are missing, and give each a password unless the known one still works."""
    allow_customer_passwords(partner, environment=Environment.TEST, allowed=True, reason="Demo", actor=actor)
    return KnownPasswords(
        _password(_reseller(partner, actor), known.reseller, actor), _password(_customer(partner, actor), known.customer, actor)
    )


def _reseller(partner: Partner, actor: Actor) -> ResellerAccount:
    known = ResellerAccount.objects.filter(partner=partner, email=RESELLER_EMAIL).first()
    if known is not None:
        return known
    spec = ResellerSpec(Environment.TEST, RESELLER_EMAIL, name="Demo reseller", scopes=SCOPES)
    return create_reseller(partner, spec=spec, actor=actor)


def _customer(partner: Partner, actor: Actor) -> CustomerAccount:
    known = CustomerAccount.objects.filter(partner=partner, environment=Environment.TEST, email=CUSTOMER_EMAIL).first()
    if known is not None:
        return known
    profile = ensure_player(PlayerHome(partner.pk, Environment.TEST, CUSTOMERS), player=CUSTOMER, actor=actor)
    return create_customer(profile, email=CUSTOMER_EMAIL, actor=actor)


def _password(account: A, known: str, actor: Actor) -> str:
    if known and account.is_enabled and passwords.is_right(known, stored=account.password):
        return known
    return set_password(account, reason="Set for the demo.", actor=actor).password
