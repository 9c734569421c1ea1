"""Tenants, their keys and what they are entitled to, for the tests of the surfaces; and a client in one line."""

import json
from dataclasses import dataclass
from typing import Any, Final

from django.test import Client

from core.credentials import KeyKind
from core.principals import Environment
from partners.models import Partner
from partners.services.keys import IssuedKey
from surfaces.models import Product
from surfaces.names import SurfaceName
from surfaces.services.entitlements import grant_surface
from tests.factories import ALICE, make_key, make_partner

PRODUCTS_LIST: Final = "/Supplier/Products/List"
PAYMENT_ACCOUNT: Final = "/Payment/Account"
SUPPLIER_ACCOUNT: Final = "/Supplier/Account"
KEY_ENDPOINTS: Final = (
    ("GET", PAYMENT_ACCOUNT),
    ("POST", "/Payment/Payments/Create"),
    ("GET", SUPPLIER_ACCOUNT),
    ("POST", PRODUCTS_LIST),
)
TOKEN_ENDPOINTS: Final = (
    ("GET", "/Reseller/Account"),
    ("POST", "/Orders/Create"),
    ("POST", "/Orders/List"),
    ("GET", "/Storefront/Account"),
    ("POST", "/Storefront/Products/List"),
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A partner with a surface key of the test environment."""

    partner: Partner
    issued: IssuedKey

    @property
    def key(self) -> str:
        return self.issued.plaintext


def make_tenant(*surfaces: SurfaceName, environment: Environment = Environment.TEST, **policy: Any) -> Tenant:
    """A partner entitled to some surfaces, with a surface key of every scope."""
    partner = make_partner()
    for surface in surfaces:
        entitle(partner, surface, environment=environment)
    return Tenant(partner, make_key(partner, kind=KeyKind.SURFACE, environment=environment, **policy))


def entitle(partner: Partner, surface: SurfaceName, *, environment: Environment = Environment.TEST) -> None:
    grant_surface(partner.pk, environment=environment, surface=surface, reason="", actor=ALICE)


def make_product(partner: Partner, sku: str, **fields: Any) -> Product:
    defaults = {"environment": Environment.TEST, "name": f"Product {sku}", "price_minor": 450, "currency": "USD", "stock": 7}
    return Product.objects.create(partner=partner, sku=sku, **{**defaults, **fields})


def call(method: str, path: str, *, body: object = None, host: str = "127.0.0.1:8000", **headers: str) -> Any:
    """Call an endpoint and return Django's test response; underscores of header names become hyphens."""
    data = b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(HTTP_HOST=host).generic(method, path, data, content_type="application/json", headers=named)


def refusal(answer: Any) -> tuple[int, int, str]:
    """Status, number and name of a refusal in the platform's family."""
    body = answer.json()
    return answer.status_code, body["code"], body["name"]
