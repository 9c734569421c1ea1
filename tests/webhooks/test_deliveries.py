"""The log of deliveries, and sending them again."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from audit.models import Event
from core.principals import Environment
from tests.factories import ALICE
from tests.webhooks.conftest import Backend, finish, make_backend, run_fan_out
from webhooks.answers import delivery_id
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint, Message
from webhooks.services.endpoints import pause_endpoint
from webhooks.services.messages import send_probe


@pytest.fixture
def endpoint(backend: Backend) -> Endpoint:
    return backend.open_endpoint()


def add(
    endpoint: Endpoint, *, type_: str = "order.shipped", state: DeliveryState = DeliveryState.FAILED, days_ago: int = 0
) -> Delivery:
    """A delivery that is no probe, as fan-out makes it, in a state."""
    endpoint.refresh_from_db()
    delivery = send_probe(endpoint, event_type=type_, data={"n": 1})
    made = timezone.now() - timedelta(days=days_ago)
    Delivery.objects.filter(pk=delivery.pk).update(is_probe=False, created_at=made, next_at=made)
    if state is not DeliveryState.PENDING:
        finish(delivery, state=state)
    return Delivery.objects.select_related("message").get(pk=delivery.pk)


def path_of(delivery: Delivery, tail: str = "") -> str:
    return f"/v1/deliveries/{delivery_id(delivery)}{tail}"


def listed(backend: Backend, query: str = "") -> Any:
    answer = backend.call("GET", f"/v1/deliveries?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_log_lists_the_newest_first_and_pages(backend: Backend, endpoint: Endpoint) -> None:
    made = [delivery_id(add(endpoint)) for _ in range(4)]
    pages, after = [], ""
    while True:
        page = listed(backend, f"limit=2{after}")
        pages.append([each["id"] for each in page["deliveries"]])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    ping = delivery_id(endpoint.deliveries.select_related("message").get(is_probe=True))
    assert [each for page in pages for each in page] == [*reversed(made), ping]


def test_log_filters(backend: Backend, endpoint: Endpoint) -> None:
    other = backend.open_endpoint()
    failed = add(endpoint, state=DeliveryState.FAILED)
    old = add(endpoint, type_="cart.updated", state=DeliveryState.DELIVERED, days_ago=5)
    there = add(other, state=DeliveryState.CANCELLED)

    def found(query: str) -> set[str]:
        return {each["id"] for each in listed(backend, query)["deliveries"]}

    assert found(f"endpoint_id={other.pk}&state=cancelled") == {delivery_id(there)}
    assert found("state=failed,cancelled") == {delivery_id(failed), delivery_id(there)}
    assert found("type=cart.updated") == {delivery_id(old)}
    assert found(f"message_id={failed.message.message_id}") == {delivery_id(failed)}
    since = (timezone.now() - timedelta(days=6)).isoformat().replace("+00:00", "Z")
    until = (timezone.now() - timedelta(days=4)).isoformat().replace("+00:00", "Z")
    assert found(f"since={since}&until={until}") == {delivery_id(old)}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "state=lost", "endpoint_id=7", "since=yesterday", "since=2026-01-01T00:00:00", "after=x"]
)
def test_odd_queries_are_refused(backend: Backend, query: str) -> None:
    assert backend.call("GET", f"/v1/deliveries?{query}").status_code == 400


def test_log_costs_the_same_whatever_its_length(
    backend: Backend, endpoint: Endpoint, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        add(endpoint)
    with django_assert_num_queries(2):
        listed(backend)


def test_one_delivery_shows_its_attempts_and_what_was_sent(backend: Backend, endpoint: Endpoint) -> None:
    delivery = add(endpoint)
    shared = {"delivery": delivery, "endpoint": endpoint, "total_ms": 30}
    now = timezone.now()
    Attempt.objects.create(**shared, number=1, started_at=now, reason="address_refused", address="10.0.0.1")
    Attempt.objects.create(
        **shared, number=2, started_at=now + timedelta(minutes=1), reason="server_error", status=500, address="203.0.113.9",
        response_text="<script>alert(1)</script>", response_headers={"server": "x"},
    )  # fmt: skip
    answer = backend.call("GET", path_of(delivery))
    body = answer.json()
    assert [(each["number"], each["reason"], each["address"]) for each in body["attempts"]] == [
        (1, "address_refused", None),
        (2, "server_error", "203.0.113.9"),
    ]
    assert body["body"].endswith('"data":{"n":1}}')
    assert answer.headers["Content-Type"] == "application/json"


def test_replay_sends_the_same_message_again(backend: Backend, endpoint: Endpoint) -> None:
    delivery = add(endpoint, state=DeliveryState.FAILED)
    bodies = list(delivery.message.bodies.values_list("body", flat=True))
    answer = backend.call("POST", path_of(delivery, "/replay"))
    delivery.refresh_from_db()
    assert answer.status_code == 202
    assert (delivery.state, delivery.attempts, delivery.numbered) == ("pending", 0, 1)
    assert delivery.replayed_at
    assert delivery.finished_at is None
    assert list(delivery.message.bodies.values_list("body", flat=True)) == bodies
    assert Event.objects.filter(type="delivery.replayed").count() == 1


def test_replay_to_a_closed_endpoint_waits_for_it(backend: Backend, endpoint: Endpoint) -> None:
    delivery = add(endpoint, state=DeliveryState.FAILED)
    pause_endpoint(endpoint.pk, reason="", actor=ALICE)
    shown = backend.call("POST", path_of(delivery, "/replay")).json()["delivery"]
    assert (shown["state"], shown["last_reason"]) == ("parked", "endpoint_paused")


def test_what_cannot_be_sent_again_says_why(backend: Backend, endpoint: Endpoint) -> None:
    flying = add(endpoint)
    Delivery.objects.filter(pk=flying.pk).update(
        state="inflight", finished_at=None, lease_until=Now(), claim="00000000-0000-0000-0000-000000000001"
    )
    probe = endpoint.deliveries.select_related("message").get(is_probe=True)
    emptied = add(endpoint)
    Message.objects.filter(pk=emptied.message_id).update(data=b"")
    gone = add(backend.open_endpoint())
    backend.call("DELETE", f"/v1/webhook-endpoints/{gone.endpoint_id}")
    for delivery in (flying, probe, emptied, gone):
        answer = backend.call("POST", path_of(delivery, "/replay"))
        assert (answer.status_code, answer.json()["code"]) == (409, "DELIVERY_STATE"), answer.content


def window(backend: Backend, endpoint: Endpoint, **fields: Any) -> Any:
    since = (timezone.now() - timedelta(days=3)).isoformat()
    return backend.call("POST", f"/v1/webhook-endpoints/{endpoint.pk}/replay", {"since": since, **fields})


def test_window_replays_what_it_names(backend: Backend, endpoint: Endpoint) -> None:
    failed, delivered = add(endpoint), add(endpoint, state=DeliveryState.DELIVERED)
    old, cart = add(endpoint, days_ago=5), add(endpoint, type_="cart.updated")
    assert window(backend, endpoint, types=["order.*"]).json() == {"success": True, "replayed": 1}
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert [states[each.pk] for each in (failed, delivered, old, cart)] == ["pending", "delivered", "failed", "failed"]
    assert window(backend, endpoint, states=["failed", "delivered"]).json()["replayed"] == 2
    assert window(backend, endpoint).json()["replayed"] == 0
    rows = Event.objects.filter(type="delivery.replayed").order_by("id")
    assert [row.data["count"] for row in rows] == [1, 2, 0]


@pytest.mark.parametrize(
    "fields",
    [
        {"since": "2026-01-01T00:00:00"},
        {"since": 5},
        {"since": "2020-01-01T00:00:00Z"},
        {"until": "2020-01-01T00:00:00Z"},
        {"states": ["pending"]},
        {"states": []},
        {"types": []},
    ],
)
def test_odd_windows_are_refused(backend: Backend, endpoint: Endpoint, fields: dict[str, Any]) -> None:
    assert window(backend, endpoint, **fields).status_code == 400


def test_deliveries_of_others_and_of_the_other_environment_are_unknown(backend: Backend, endpoint: Endpoint) -> None:
    delivery = add(endpoint)
    for stranger in (make_backend(), make_backend(partner=backend.partner, environment=Environment.LIVE)):
        for method, tail in (("GET", ""), ("POST", "/replay")):
            answer = stranger.call(method, path_of(delivery, tail))
            assert (answer.status_code, answer.json()["code"]) == (404, "DELIVERY_NOT_FOUND")
        assert listed(stranger)["deliveries"] == []
        assert stranger.call("GET", f"/v1/deliveries?after={delivery_id(delivery)}").status_code == 404
    assert backend.call("GET", "/v1/deliveries/nonsense").status_code == 404


def test_published_event_can_be_followed_to_its_delivery(committed_backend: Backend) -> None:
    endpoint = committed_backend.open_endpoint(event_types=["order.*"])
    event_id = committed_backend.publish()
    run_fan_out()
    (found,) = listed(committed_backend, f"message_id={event_id}")["deliveries"]
    assert (found["endpoint_id"], found["state"], found["seq"]) == (str(endpoint.pk), "pending", 2)
