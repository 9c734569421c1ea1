"""Who asks for tokens: a reseller's account and client, and a shop's customer, each with what they would type."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from django.test import Client

from core.principals import Environment
from partners.models import Partner
from partners.scopes import Scope
from surfaces.models import CustomerAccount, ResellerAccount, ResellerClient
from surfaces.names import SurfaceName
from surfaces.services import clients, customers, resellers
from tests.factories import ALICE, make_partner, make_profile
from tests.surfaces.tenants import entitle

HOST: Final = "127.0.0.1:8000"
GENERATE_TOKEN: Final = "/Login/Customer/Api/Verify"
CUSTOMER_LOGIN: Final = "/Login/Customer/Verify"
RESELLER_TOKEN: Final = "/v1/reseller/token"
STOREFRONT_TOKEN: Final = "/v1/storefront/token"
LOGOUT: Final = "/v1/storefront/logout"
RESELLER_ACCOUNT: Final = "/Reseller/Account"
STOREFRONT_ACCOUNT: Final = "/Storefront/Account"
RESELLER_SCOPES: Final = (Scope.ORDERS_CREATE, Scope.ORDERS_READ)


@dataclass(frozen=True, slots=True)
class Reseller:
    """A reseller's account and its password."""

    account: ResellerAccount
    password: str = field(repr=False)

    def login(self, **changes: Any) -> Any:
        """Generate a token; `changes` go into the body."""
        return post_json(GENERATE_TOKEN, {"Email": self.account.email, "Password": self.password, **changes})

    def token(self) -> str:
        """A token of this account; must succeed."""
        answer = self.login()
        assert answer.status_code == 200, answer.content
        return str(answer.json()["data"]["Token"])


@dataclass(frozen=True, slots=True)
class Program:
    """A reseller's client and its first secret."""

    client: ResellerClient
    secret: str = field(repr=False)

    def ask(self, *, secret: str | None = None, **parameters: str) -> Any:
        """Ask for a token by form, the credentials in the body."""
        given = {"client_id": self.client.client_id, "client_secret": secret or self.secret}
        return post_form(RESELLER_TOKEN, {"grant_type": "client_credentials", **given, **parameters})

    def token(self) -> str:
        answer = self.ask()
        assert answer.status_code == 200, answer.content
        return str(answer.json()["access_token"])


@dataclass(frozen=True, slots=True)
class Customer:
    """A shop's customer and their password."""

    account: CustomerAccount
    shop: str
    password: str = field(repr=False)

    def login(self, *, headers: Mapping[str, str] | None = None, **changes: Any) -> Any:
        """Sign in to the shop."""
        body = {"Email": self.account.email, "Password": self.password, **changes}
        return post_json(CUSTOMER_LOGIN, body, headers={"X-Shop-Handle": self.shop} if headers is None else headers)

    def signed_in(self) -> dict[str, Any]:
        """The data of a login; must succeed."""
        answer = self.login()
        assert answer.status_code == 200, answer.content
        return dict(answer.json()["data"])


def make_reseller(partner: Partner | None = None, *, email: str = "agent@reseller.example", **spec: Any) -> Reseller:
    """An account of the test environment with a password, entitled to its surface."""
    environment = spec.pop("environment", Environment.TEST)
    partner = partner or make_entitled(SurfaceName.RESELLER, environment=environment)
    spec.setdefault("scopes", RESELLER_SCOPES)
    made = resellers.ResellerSpec(environment, email, **spec)
    account = resellers.create_reseller(partner, spec=made, actor=ALICE)
    shown = resellers.set_password(account, reason="", actor=ALICE)
    account.refresh_from_db()
    return Reseller(account, shown.password)


def make_program(partner: Partner | None = None, *, scopes: tuple[Scope, ...] = RESELLER_SCOPES) -> Program:
    partner = partner or make_entitled(SurfaceName.RESELLER)
    issued = clients.create_client(partner, spec=clients.ClientSpec(Environment.TEST, "Stock sync", scopes), actor=ALICE)
    return Program(issued.client, issued.secret)


def make_customer(
    partner: Partner | None = None, *, email: str = "ada@shop.example", environment: Environment = Environment.TEST
) -> Customer:
    """A customer with a password, of a shop that allows passwords."""
    partner = partner or make_entitled(SurfaceName.STOREFRONT, environment=environment)
    customers.allow_customer_passwords(partner, environment=environment, allowed=True, reason="", actor=ALICE)
    account = customers.create_customer(make_profile(partner, environment=environment), email=email, actor=ALICE)
    shown = resellers.set_password(account, reason="", actor=ALICE)
    account.refresh_from_db()
    return Customer(account, partner.slug, shown.password)


def make_entitled(*surfaces: SurfaceName, environment: Environment = Environment.TEST) -> Partner:
    partner = make_partner()
    for surface in surfaces:
        entitle(partner, surface, environment=environment)
    return partner


def post_json(path: str, body: object, *, headers: Mapping[str, str] | None = None) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client(HTTP_HOST=HOST).generic("POST", path, data, content_type="application/json", headers=dict(headers or {}))


def post_form(path: str, parameters: Mapping[str, str] | bytes, *, headers: Mapping[str, str] | None = None) -> Any:
    data = parameters if isinstance(parameters, bytes) else urlencode(parameters).encode()
    kind = "application/x-www-form-urlencoded"
    return Client(HTTP_HOST=HOST).generic("POST", path, data, content_type=kind, headers=dict(headers or {}))


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def get(path: str, token: str, **headers: str) -> Any:
    """Call an endpoint with a token as bearer."""
    return Client(HTTP_HOST=HOST).get(path, headers={"Authorization": f"Bearer {token}", **headers})
