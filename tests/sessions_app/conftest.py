"""A partner with a user, its backend, and the embed page, as the session tests meet them."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from core.principals import Environment
from organizations.models import Profile
from partners.services.keys import IssuedKey
from tests.factories import make_key, make_partner, make_profile

EMBED_HEADERS = {"Origin": "http://127.0.0.1:8000", "X-Sticker-Embed": "1", "Sec-Fetch-Site": "same-origin"}


@dataclass
class World:
    """One partner's test environment: its key, its user, and a browser that keeps cookies."""

    issued: IssuedKey
    profile: Profile
    browser: Client = field(default_factory=lambda: Client(HTTP_HOST="127.0.0.1:8000"))

    @property
    def partner(self) -> Any:
        return self.issued.key.partner

    def backend(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Call as the partner's backend."""
        return call(
            Client(HTTP_HOST="127.0.0.1:8000"),
            method,
            path,
            body,
            {"Authorization": f"Bearer {self.issued.plaintext}", **headers},
        )

    def handshake(self, **body: Any) -> dict[str, Any]:
        """Ask for a session token; must succeed."""
        answer = self.backend("POST", "/v1/partner/handshake", body or {"internal_user_id": self.profile.external_id})
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def redemption(self, session_key: str, /, **changes: Any) -> dict[str, Any]:
        """The body a page sends."""
        return {
            "session_key": session_key,
            "partner_id": str(self.partner.pk),
            "redeem_id": secrets.token_hex(16),
            "environment": "test",
        } | changes

    def page(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Call as the embed page in this browser; what it sets as a cookie, it sends next time."""
        answer = call(self.browser, method, path, body, {**EMBED_HEADERS, **headers})
        cookie = answer.headers.get("Set-Cookie", "")
        if cookie:
            name, _, value = cookie.split(";")[0].partition("=")
            self.browser.cookies[name] = value
        return answer

    def redeem(self, session_key: str, /, **changes: Any) -> Any:
        """Redeem as the embed page."""
        return self.page("POST", "/v1/sessions/redeem", self.redemption(session_key, **changes))

    def signed_in(self) -> dict[str, Any]:
        """Go the whole way from handshake to a signed-in page."""
        answer = self.redeem(self.handshake()["session_key"])
        assert answer.status_code == 200, answer.content
        return dict(answer.json())


def call(client: Client, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
    """Send one request; a body goes as JSON."""
    data = json.dumps(body) if body is not None else ""
    kind = "application/json" if body is not None else "application/octet-stream"
    return client.generic(method, path, data, content_type=kind, headers=headers)


def make_world(environment: Environment = Environment.TEST) -> World:
    """A partner with one user and one key that may do everything."""
    partner = make_partner()
    return World(make_key(partner, environment=environment), make_profile(partner, environment=environment))


@pytest.fixture
def world(db: None) -> World:
    return make_world()
