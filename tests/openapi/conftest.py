"""A running service with the callers that its document speaks of."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from core.principals import Environment
from partners.services.partners import find_partner
from tests.databases import django_at
from tests.factories import make_key
from tests.servers import LiveService, StartService

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from tests.databases import Databases
    from tests.openapi.surfaces import SurfaceCallers
    from tests.openapi.tokens import TokenCallers
    from tests.organizations.oauth.provider import Provider

USER: Final = "user-42"
SETUP: Final[dict[str, Any]] = {
    "internalOrgId": "org-1001",
    "organizationName": "Northwind",
    "internalUserId": USER,
    "user": {"firstName": "Ada", "lastName": "Diaz", "email": "ada@northwind.example"},
}
UNLIMITED: Final = {"SETUP_PER_MINUTE": "1000000", "HANDSHAKE_PER_MINUTE": "1000000", "REDEEM_FAILURES_PER_MINUTE": "1000000"}


@dataclass
class Caller:
    """A partner's backend with keys to spare, and the page of one of its users."""

    service: LiveService
    partner_id: str
    key: str = field(repr=False)
    spare_keys: Iterator[str] = field(repr=False)
    spare_deliveries: Iterator[str] = field(repr=False)
    surfaces: "SurfaceCallers" = field(repr=False)
    tokens: "TokenCallers" = field(repr=False)
    session: requests.Session = field(default_factory=requests.Session)

    def post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        answer = self.session.post(self.service.base_url + path, json=body, headers=headers, timeout=10)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    def handshake(self) -> dict[str, Any]:
        return self.post("/v1/partner/handshake", {"internal_user_id": USER}, Authorization=f"Bearer {self.key}")

    def redemption(self) -> dict[str, Any]:
        """What a page sends to redeem a token that nobody has used yet."""
        token = str(self.handshake()["session_key"])
        return {"session_key": token, "partner_id": self.partner_id, "redeem_id": secrets.token_hex(16)}

    def page_cookies(self) -> dict[str, str]:
        """The cookie of a page that is signed in."""
        answer = self.session.post(f"{self.service.base_url}/v1/sessions/redeem", json=self.redemption(), timeout=10)
        name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
        return {name: value}


@pytest.fixture(scope="module")
def github() -> "Iterator[Mapping[str, str]]":
    """The settings of a service that GitHub may report to."""
    from tests.openapi import leaks

    with leaks.settings() as made:
        yield made


@pytest.fixture(scope="module")
def oauth_provider() -> "Iterator[Provider]":
    """A provider that organizations are connected to."""
    from tests.openapi import grants

    with grants.providing() as running:
        yield running


@pytest.fixture(scope="module")
def caller(
    shared_service: StartService,
    github: "Mapping[str, str]",
    oauth_provider: "Provider",
    databases: "Databases",
    django_db_setup: None,
    django_db_blocker: "DjangoDbBlocker",
) -> Iterator[Caller]:
    from tests.openapi import grants, tokens, webhooks
    from tests.openapi.surfaces import SurfaceCallers

    service = shared_service(env={**UNLIMITED, **tokens.UNLIMITED, **webhooks.SETTINGS, **github})
    partner_id = str(json.loads(service.manage("create_partner", "--name", "Northwind", "--json"))["id"])
    with django_db_blocker.unblock(), django_at(service.database_url):
        partner = find_partner(partner_id)
        keys = [make_key(partner, environment=Environment.TEST).plaintext for _ in range(500)]
        deliveries = webhooks.make_deliveries(partner, count=200)
        surface_callers, token_callers = SurfaceCallers(partner), tokens.TokenCallers(partner)
        grants.configure_for(partner, oauth_provider)
    surface_callers.sign_in(service)
    made = Caller(service, partner_id, keys[0], iter(keys[1:]), iter(deliveries), surface_callers, token_callers)
    made.post("/v1/organizations/setup", SETUP, Authorization=f"Bearer {made.key}")
    with made.session:
        yield made
