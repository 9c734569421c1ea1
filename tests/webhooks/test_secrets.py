"""Signing secrets: staged and emergency rotation, and what a receiver may check with meanwhile."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from audit.models import Event
from core.encryption import DecryptionError, decrypt
from tests.webhooks.conftest import HOOK, Backend, answer_ping, finish
from webhooks.models import Delivery, DeliveryState, Endpoint, EndpointSecret, SecretState
from webhooks.services.secrets import end_expired_secrets
from webhooks.services.settling import settle


def rotate(backend: Backend, endpoint: Endpoint, **fields: Any) -> Any:
    answer = backend.call("POST", f"/v1/webhook-endpoints/{endpoint.pk}/rotate-secret", fields)
    assert answer.status_code == 201, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def states(endpoint: Endpoint) -> list[str]:
    return list(endpoint.secrets.order_by("-created_at").values_list("state", flat=True))


def opened(secret: EndpointSecret) -> str:
    return decrypt(bytes(secret.sealed), place=secret.place(secret.endpoint)).decode()


def test_new_secret_waits_for_its_proof_and_then_takes_over(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    made = rotate(backend, endpoint, overlap_seconds=3600)
    assert (made["state"], states(endpoint)) == ("pending", ["pending", "current"])
    answer_ping(endpoint, "endpoint.secret_rotated")
    current, previous = endpoint.secrets.order_by("-created_at")
    assert (current.state, previous.state) == (SecretState.CURRENT, SecretState.PREVIOUS)
    assert opened(current) == made["secret"]
    assert current.confirmed_at
    assert previous.expires_at == current.created_at + timedelta(hours=1)
    types = Event.objects.filter(subject_id=str(endpoint.pk)).order_by("id").values_list("type", flat=True)
    assert list(types)[-2:] == ["endpoint.rotation_started", "endpoint.secret_rotated"]


def test_ping_that_fails_leaves_the_old_secret_in_force(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    rotate(backend, endpoint)
    finish(endpoint.deliveries.get(message__type="endpoint.secret_rotated"), state=DeliveryState.FAILED)
    settle()
    assert states(endpoint) == ["pending", "current"]


def test_overlap_that_is_over_before_the_proof_ends_with_it(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    rotate(backend, endpoint, overlap_seconds=60)
    EndpointSecret.objects.filter(state="pending").update(created_at=timezone.now() - timedelta(days=2))
    answer_ping(endpoint, "endpoint.secret_rotated")
    settle()
    assert sorted(states(endpoint)) == ["current", "revoked"]


def test_emergency_rotation_has_no_overlap(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    rotate(backend, endpoint, overlap_seconds=3600)
    made = rotate(backend, endpoint, overlap_seconds=0, reason="It leaked")
    assert (made["state"], states(endpoint)) == ("current", ["current", "revoked", "revoked"])
    assert [bytes(each) for each in endpoint.secrets.filter(state="revoked").values_list("sealed", flat=True)] == [b"", b""]
    ping = Delivery.objects.get(message__type="endpoint.secret_rotated")
    assert (ping.state, ping.last_reason) == ("cancelled", "replaced")
    assert Event.objects.get(type="endpoint.secret_rotated").reason == "It leaked"


def test_rotating_again_replaces_what_was_never_proved(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    first = rotate(backend, endpoint)
    old_ping = Delivery.objects.get(message__type="endpoint.secret_rotated")
    second = rotate(backend, endpoint)
    assert states(endpoint) == ["pending", "revoked", "current"]
    Delivery.objects.filter(pk=old_ping.pk).update(settled_at=None, state="delivered", finished_at=Now())
    settle()
    assert states(endpoint) == ["pending", "revoked", "current"]
    answer_ping(endpoint, "endpoint.secret_rotated")
    assert opened(endpoint.secrets.get(state="current")) == second["secret"] != first["secret"]


def test_no_more_than_three_secrets_are_ever_valid(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    for _ in range(4):
        rotate(backend, endpoint, overlap_seconds=600_000)
        answer_ping(endpoint, "endpoint.secret_rotated")
    assert endpoint.secrets.valid(timezone.now()).count() == 3


def test_expired_secret_is_forgotten(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    rotate(backend, endpoint)
    answer_ping(endpoint, "endpoint.secret_rotated")
    endpoint.secrets.filter(state="previous").update(expires_at=timezone.now() - timedelta(seconds=1))
    assert end_expired_secrets() == 1
    assert sorted(states(endpoint)) == ["current", "revoked"]


def test_secret_moved_to_another_row_does_not_open(backend: Backend) -> None:
    first, second = backend.open_endpoint(), backend.open_endpoint()
    mine, other = first.secrets.get(), second.secrets.get()
    other.sealed = mine.sealed
    with pytest.raises(DecryptionError):
        opened(other)


def test_repeated_idempotency_key_rotates_once_and_keeps_no_secret(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    path = f"/v1/webhook-endpoints/{endpoint.pk}/rotate-secret"
    first = backend.call("POST", path, {}, Idempotency_Key="r1")
    again = backend.call("POST", path, {}, Idempotency_Key="r1")
    assert again.json() == {**first.json(), "secret": None}
    assert states(endpoint) == ["pending", "current"]


@pytest.mark.parametrize("overlap", [-1, 604_801, "3600", 1.5, None, True])
def test_odd_overlap_is_refused(backend: Backend, overlap: Any) -> None:
    endpoint = backend.open_endpoint()
    answer = backend.call("POST", f"/v1/webhook-endpoints/{endpoint.pk}/rotate-secret", {"overlap_seconds": overlap})
    assert answer.status_code == 400
    assert states(endpoint) == ["current"]


def test_rotation_of_an_endpoint_does_not_touch_another(backend: Backend) -> None:
    first, second = backend.open_endpoint(), backend.open_endpoint(url=HOOK + "2")
    rotate(backend, first, overlap_seconds=0)
    assert states(second) == ["current"]
