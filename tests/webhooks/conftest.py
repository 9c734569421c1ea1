"""A partner with keys for webhooks, and what its backend calls."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from django.db.models.functions import Now
from django.test import Client

from core.principals import Environment, Principal
from partners.models import Partner
from partners.verification import verify_key
from tests.databases import FreshDatabase
from tests.factories import make_key, make_partner
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint
from webhooks.services.fanout import fan_out
from webhooks.services.settling import settle

HOOK: Final = "https://receiver.example/hook"


@dataclass
class Backend:
    """A partner's backend in one environment, calling through the test client."""

    partner: Partner
    environment: Environment
    key: str = field(repr=False)
    client: Client = field(default_factory=Client)

    @property
    def principal(self) -> Principal:
        return verify_key(self.key, address=None).principal()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        send = getattr(self.client, method.lower())
        sent = {"X-API-Key": self.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if method in ("GET", "DELETE"):
            return send(path, headers=sent)
        return send(path, {} if body is None else body, content_type="application/json", headers=sent)

    def add_endpoint(self, **fields: Any) -> Any:
        """Add an endpoint and return the answer's body."""
        answer = self.call("POST", "/v1/webhook-endpoints", {"url": HOOK, **fields})
        assert answer.status_code == 201, answer.content
        return answer.json()

    def open_endpoint(self, **fields: Any) -> Endpoint:
        """Add an endpoint that has proved itself."""
        endpoint = Endpoint.objects.get(pk=self.add_endpoint(**fields)["id"])
        answer_ping(endpoint, "endpoint.verify")
        endpoint.refresh_from_db()
        assert endpoint.verified_at
        return endpoint

    def publish(self, type_: str = "order.shipped", data: Any = None, **headers: str) -> str:
        """Publish an event and return its id."""
        answer = self.call("POST", "/v1/events", {"type": type_, "data": data or {"order_id": "ord_1"}}, **headers)
        assert answer.status_code == 202, answer.content
        return str(answer.json()["id"])


def make_backend(*, partner: Partner | None = None, environment: Environment = Environment.TEST, **policy: Any) -> Backend:
    """A backend with a key of every scope, of a partner of its own."""
    partner = partner or make_partner()
    issued = make_key(partner, environment=environment, **policy)
    return Backend(partner, environment, issued.plaintext)


def run_fan_out() -> int:
    """Fan out everything that is committed, and return how many deliveries that made."""
    made = 0
    while True:
        step = fan_out()
        made += step.deliveries
        if not (step.messages or step.deliveries or step.is_behind):
            return made


def finish(delivery: Delivery, *, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    """Let a delivery end, as the pump would."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, numbered=1, attempts=1, finished_at=Now(), last_reason="delivered", last_status=200
    )


def answer_ping(endpoint: Endpoint, event_type: str, *, text: str = "") -> None:
    """Let an endpoint answer its latest ping of a type with 200, and draw the consequence."""
    ping = endpoint.deliveries.filter(message__type=event_type).order_by("-id")[0]
    Attempt.objects.create(
        delivery=ping,
        endpoint=endpoint,
        number=1,
        started_at=ping.created_at,
        total_ms=5,
        status=200,
        reason="delivered",
        response_text=text,
    )
    finish(ping)
    settle()


@pytest.fixture
def backend(db: None) -> Backend:
    """A partner's backend in the test environment."""
    return make_backend()


@pytest.fixture
def committed_backend(fresh_database: FreshDatabase) -> Backend:
    """The same where commits are real: feeds show nothing of a transaction that is still open."""
    return make_backend()
