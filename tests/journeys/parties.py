"""Who takes part in a journey: the operator at a shell, the partner's backend, and the page in the user's browser."""

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from tests.servers import LiveService

ALL_SCOPES: Final = "organization:write,session:create,session:read,session:revoke,key:read,key:rotate,key:revoke"
USER: Final = "user-42"
SETUP: Final[dict[str, Any]] = {
    "internalOrgId": "org-1001",
    "organizationName": "Northwind Bakery",
    "internalUserId": USER,
    "user": {"firstName": "Ada", "lastName": "Diaz", "email": "ada@northwind.example"},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers and the JSON of the body."""

    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw or b"{}"))


def send(base_url: str, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request over a connection of its own, exactly as given; a body that is not bytes goes as JSON."""
    sent = {"Connection": "close", **(headers or {})}
    if body is not None and not isinstance(body, bytes):
        body, sent = json.dumps(body).encode(), {"Content-Type": "application/json", **sent}
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=20)
    try:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return Answer(response.status, response.msg, response.read())
    finally:
        connection.close()


@dataclass
class Backend:
    """A partner's backend, with the key in the header that every guide names."""

    base_url: str
    partner_id: str
    kid: str
    key: str = field(repr=False)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        return send(self.base_url, method, path, body, {"Authorization": f"Bearer {self.key}", **headers})

    def handshake(self, **who: Any) -> dict[str, Any]:
        answer = self.call("POST", "/v1/partner/handshake", who or {"internal_user_id": USER})
        assert answer.status == 200, answer.raw
        return answer.body

    def redemption(self, session_key: str, **changes: Any) -> dict[str, Any]:
        """What a page would send for this partner's token."""
        redeem_id = secrets.token_hex(16)
        return {
            "session_key": session_key,
            "partner_id": self.partner_id,
            "redeem_id": redeem_id,
            "environment": "test",
        } | changes


@dataclass
class Page:
    """The page in the iframe: calls from its own origin, keeps the cookie it is given."""

    backend: Backend
    cookie: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        base_url = self.backend.base_url
        sent = {"Origin": base_url, "Sec-Fetch-Site": "same-origin", "X-Sticker-Embed": "1", **headers}
        if self.cookie:
            sent["Cookie"] = self.cookie
        answer = send(base_url, method, f"/v1/sessions/{path}", body, sent)
        if "Set-Cookie" in answer.headers:
            given, _, attributes = answer.headers["Set-Cookie"].partition(";")
            self.cookie = "" if "Max-Age=0" in attributes else given
        return answer

    def open(self, session_key: str = "", **changes: Any) -> Answer:
        """Redeem a token; a fresh one unless one is given."""
        return self.call(
            "POST", "redeem", self.backend.redemption(session_key or self.backend.handshake()["session_key"], **changes)
        )


def hire(service: LiveService, *, environment: str = "test", scopes: str = ALL_SCOPES) -> Backend:
    """Create a partner and its key with the commands an operator has, and set up its one user."""
    partner = json.loads(service.manage("create_partner", "--name", "Northwind", "--json"))
    policy = ("--environment", environment, "--scopes", scopes, "--json")
    issued = json.loads(service.manage("issue_key", "--partner", partner["id"], *policy))
    backend = Backend(service.base_url, partner["id"], issued["kid"], issued["key"])
    assert backend.call("POST", "/v1/organizations/setup", SETUP).status == 201
    return backend


@contextmanager
def database(service: LiveService) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
    """The service's database, for what only time or an operator could change."""
    with psycopg.connect(service.database_url, autocommit=True) as connection:
        yield connection


def ledger(service: LiveService, partner_id: str) -> list[str]:
    """The partner's ledger, oldest first: what happened, without the counted refusals, which come seconds later."""
    query = "SELECT type FROM audit_event WHERE partner_id = %s AND type <> 'refusal.counted' ORDER BY id"
    with database(service) as connection:
        return [row[0] for row in connection.execute(query, [partner_id]).fetchall()]
