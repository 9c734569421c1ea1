"""The callers of the surfaces, for the tests of the API document: one credential for each surface."""

import secrets
from typing import Any, Final

import requests

from core.credentials import KeyKind
from partners.models import Partner
from sticker_auth.openapi import document
from surfaces.names import SurfaceName
from tests.factories import make_key
from tests.servers import LiveService
from tests.surfaces.tenants import entitle
from tests.surfaces.tokens.parties import make_customer, make_program

_SURFACES: Final = {each.value.capitalize(): each for each in SurfaceName}


class SurfaceCallers:
    """What each surface's caller sends."""

    def __init__(self, partner: Partner) -> None:
        """Make them; must run where the database is the service's."""
        for surface in SurfaceName:
            entitle(partner, surface)
        self._key = make_key(partner, kind=KeyKind.SURFACE).plaintext
        self._program = make_program(partner)
        self._customer = make_customer(partner)
        self._tokens: dict[SurfaceName, str] = {}

    def sign_in(self, service: LiveService) -> None:
        """Get the tokens from the running service."""
        client = {"client_id": self._program.client.client_id, "client_secret": self._program.secret}
        reseller = {"grant_type": "client_credentials", **client}
        login = {"Email": self._customer.account.email, "Password": self._customer.password}
        handle = {"X-Shop-Handle": self._customer.shop}
        self._tokens[SurfaceName.RESELLER] = _post(service, "/v1/reseller/token", data=reseller)["access_token"]
        answer = _post(service, "/Login/Customer/Verify", json=login, headers=handle)
        self._tokens[SurfaceName.STOREFRONT] = answer["data"]["Token"]

    def headers(self, operation_id: str) -> dict[str, str] | None:
        """The credential's header for an operation of a surface; None for any other operation."""
        surface = _surface_of(operation_id)
        if surface is None:
            return None
        token = self._tokens.get(surface)
        return {"Authorization": f"Bearer {token}"} if token else {"ApiKey": self._key}


def lead(case: Any, operation_id: str) -> None:
    """Make a right request one that succeeds: a reference is good once, and an order must exist."""
    if operation_id == "order_create":
        case.body = {"items": [{"sku": "STK-001", "quantity": 2}], "reference": secrets.token_hex(8)}
    elif operation_id == "payment_create":
        case.body = {"amount_minor": 900, "currency": "USD", "reference": secrets.token_hex(8)}


def _post(service: LiveService, path: str, **what: Any) -> dict[str, Any]:
    answer = requests.post(service.base_url + path, timeout=10, **what)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _surface_of(operation_id: str) -> SurfaceName | None:
    for item in document()["paths"].values():
        for operation in item.values():
            if operation["operationId"] == operation_id:
                return _SURFACES.get(operation["tags"][0])
    return None
