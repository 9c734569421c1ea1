"""The whole way: published over REST, fanned out, signed and sent by the pump, verified by partners' own receivers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import FreshDatabase
from tests.factories import make_key
from tests.journeys.parties import Backend
from tests.servers import StartService, unused_port
from tests.webhooks.payloads import PAYLOADS
from tests.webhooks.pump.world import BRISK, await_truth, pump
from tests.webhooks.receivers.conftest import Receiver, StartReceiver
from webhooks.formats import SignatureFormat
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint, EndpointSecret, SecretState

KINDS: Final = [(language, each) for language in ("python", "node") for each in SignatureFormat]
# What POST /v1/events refuses in any text.
SENDABLE: Final = PAYLOADS.filter(lambda data: "\\u0000" not in json.dumps(data))


@pytest.fixture
def backend(fresh_database: FreshDatabase, live_service: StartService, tmp_path: Path) -> Iterator[Backend]:
    """A partner's backend at a service whose pump runs and may send to this machine."""
    issued = make_key()
    service = live_service(database_url=fresh_database.url, env=BRISK)
    with pump(fresh_database, tmp_path, env={"WEBHOOK_ATTEMPT_SECONDS": "10", "WEBHOOK_LEASE_SECONDS": "30"}):
        yield Backend(service.base_url, str(issued.key.partner_id), issued.key.kid, issued.plaintext)


class Subscription:
    """An endpoint and the receiver behind it, which may be stopped and started with another secret."""

    def __init__(self, backend: Backend, start: StartReceiver, language: str, signature_format: SignatureFormat) -> None:
        self._start, self._language, self._format = start, language, signature_format
        self._port = unused_port()
        url = f"http://127.0.0.1:{self._port}/webhooks"
        wanted = {"url": url, "event_types": ["order.*"], "signature_format": signature_format}
        answer = backend.call("POST", "/v1/webhook-endpoints", wanted)
        assert answer.status == 201, answer.raw
        self.id, self.secret = answer.body["id"], answer.body["secret"]
        self.receiver: Receiver = self.start(self.secret)

    def start(self, secret: str) -> Receiver:
        self.receiver = self._start(self._language, secret=secret, signature_format=self._format, port=self._port)
        return self.receiver

    def await_proof(self) -> None:
        """Wait until the pump's ping was answered and counted."""
        await_truth(lambda: Endpoint.objects.get(pk=self.id).verified_at is not None)

    def delivered(self) -> int:
        """How many events have been delivered; pings left out."""
        return Delivery.objects.filter(endpoint_id=self.id, is_probe=False, state=DeliveryState.DELIVERED).count()


def publish(backend: Backend, data: dict[str, Any]) -> None:
    answer = backend.call("POST", "/v1/events", {"type": "order.shipped", "data": data})
    assert answer.status == 202, answer.raw


def test_receivers_of_every_kind_accept_what_the_pump_delivers(backend: Backend, start_receiver: StartReceiver) -> None:
    subscriptions = [Subscription(backend, start_receiver, *kind) for kind in KINDS]
    for each in subscriptions:
        each.await_proof()
    published = 0

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(SENDABLE, min_size=20, max_size=20))
    def send(payloads: list[dict[str, Any]]) -> None:
        nonlocal published
        for data in payloads:
            publish(backend, data)
        published += len(payloads)

    send()
    await_truth(lambda: all(each.delivered() == published for each in subscriptions))
    answered = Attempt.objects.filter(delivery__is_probe=False).exclude(status=None)
    assert set(answered.values_list("status", flat=True)) == {200}


@pytest.mark.parametrize("signature_format", SignatureFormat)
def test_a_rotation_waits_for_the_receiver_and_loses_nothing(
    backend: Backend, start_receiver: StartReceiver, signature_format: SignatureFormat
) -> None:
    subscription = Subscription(backend, start_receiver, "python", signature_format)
    subscription.await_proof()
    rotated = backend.call("POST", f"/v1/webhook-endpoints/{subscription.id}/rotate-secret", {"overlap_seconds": 3600})
    new = rotated.body["secret"]
    # The receiver still has the old secret: it refuses the ping and accepts the events.
    await_truth(lambda: Attempt.objects.filter(delivery__message__type="endpoint.secret_rotated").exists())
    publish(backend, {"order": "before"})
    await_truth(lambda: subscription.delivered() == 1)
    assert EndpointSecret.objects.get(endpoint_id=subscription.id, state=SecretState.PENDING)
    subscription.receiver.stop()
    subscription.start(new)
    await_truth(lambda: not EndpointSecret.objects.filter(endpoint_id=subscription.id, state=SecretState.PENDING).exists())
    publish(backend, {"order": "after"})
    await_truth(lambda: subscription.delivered() == 2)
    attempts = Attempt.objects.filter(delivery__is_probe=False, endpoint_id=subscription.id)
    assert list(attempts.values_list("status", flat=True)) == [200, 200]


def test_a_receiver_with_the_wrong_secret_gets_nothing_accepted(backend: Backend, start_receiver: StartReceiver) -> None:
    subscription = Subscription(backend, start_receiver, "python", SignatureFormat.STANDARD)
    subscription.await_proof()
    subscription.receiver.stop()
    subscription.start("whsec_" + "A" * 44)
    publish(backend, {"order": "1"})
    await_truth(lambda: Attempt.objects.filter(delivery__is_probe=False, status=400).exists())
    subscription.receiver.stop()
    subscription.start(subscription.secret)
    await_truth(lambda: subscription.delivered() == 1)
