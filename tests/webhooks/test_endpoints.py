"""Endpoints over REST: added, proved, changed, paused, disabled, deleted."""

import json
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from audit.models import Event
from core.principals import Environment
from tests.factories import ALICE
from tests.webhooks.conftest import HOOK, Backend, answer_ping, finish, make_backend
from webhooks.models import Delivery, DeliveryState, Endpoint, EndpointSecret, Message
from webhooks.reasons import DisabledReason
from webhooks.services.endpoints import disable_endpoint
from webhooks.services.messages import send_probe
from webhooks.services.settling import settle


def problem_fields(answer: Any) -> set[str]:
    assert answer.status_code == 400, answer.content
    return {each["field"] for each in answer.json()["details"]}


def test_new_endpoint_shows_its_secret_once_and_is_asked_to_prove_itself(backend: Backend) -> None:
    answer = backend.call("POST", "/v1/webhook-endpoints", {"url": HOOK, "event_types": ["order.*"], "description": "Shop"})

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert body["secret"].startswith("whsec_")
    assert body["endpoint"]["status"] == "unverified"
    assert body["endpoint"]["event_types"] == ["order.*"]
    ping = Delivery.objects.select_related("message").get(endpoint_id=body["id"])
    assert (ping.message.type, ping.state, ping.is_probe) == ("endpoint.verify", "pending", True)
    again = backend.call("GET", f"/v1/webhook-endpoints/{body['id']}")
    assert body["secret"] not in again.content.decode()
    assert [each["state"] for each in again.json()["endpoint"]["secrets"]] == ["current"]


def test_secret_is_sealed_for_its_row_and_stands_nowhere_else(backend: Backend) -> None:
    secret = backend.add_endpoint()["secret"].encode()
    row = EndpointSecret.objects.get()
    assert secret not in bytes(row.sealed)
    kept = [str(each) for each in Event.objects.values_list("data", flat=True)] + [
        bytes(m.data).decode() for m in Message.objects.all()
    ]
    assert not [each for each in kept if secret.decode() in each]


def test_any_2xx_to_the_ping_opens_the_endpoint(backend: Backend) -> None:
    endpoint = Endpoint.objects.get(pk=backend.add_endpoint()["id"])
    answer_ping(endpoint, "endpoint.verify")
    endpoint.refresh_from_db()
    assert endpoint.verified_at
    assert Event.objects.filter(type="endpoint.verified", subject_id=str(endpoint.pk)).count() == 1


@pytest.mark.parametrize(
    ("answer", "is_proved"), [("{challenge}", True), ('{"challenge": "{challenge}"}', True), ("ok", False), ("", False)]
)
def test_echo_is_asked_for_where_the_owner_wants_it(backend: Backend, answer: str, is_proved: bool) -> None:
    endpoint = Endpoint.objects.get(pk=backend.add_endpoint(echoes_challenge=True)["id"])
    challenge = json.loads(bytes(Message.objects.get(type="endpoint.verify").data))["challenge"]
    answer_ping(endpoint, "endpoint.verify", text=answer.replace("{challenge}", challenge))
    endpoint.refresh_from_db()
    assert bool(endpoint.verified_at) is is_proved


def test_an_answer_to_an_older_ping_proves_nothing(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    old = Delivery.objects.get(message__type="endpoint.verify")
    answer = backend.call("PATCH", f"/v1/webhook-endpoints/{endpoint.pk}", {"url": "https://elsewhere.example/"})
    assert answer.json()["endpoint"]["status"] == "unverified"
    Delivery.objects.filter(pk=old.pk).update(settled_at=None)
    finish(old)
    settle()
    endpoint.refresh_from_db()
    assert endpoint.verified_at is None
    answer_ping(endpoint, "endpoint.verify")
    endpoint.refresh_from_db()
    assert endpoint.verified_at


def test_asking_anew_takes_the_open_question_back(backend: Backend) -> None:
    endpoint_id = backend.add_endpoint()["id"]
    answer = backend.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/verify")
    assert answer.status_code == 202
    states = list(Delivery.objects.order_by("id").values_list("state", "last_reason"))
    assert states == [("cancelled", "replaced"), ("pending", "")]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"url": "http://receiver.example/"}, "url"),
        ({"url": "https://user:pass@receiver.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://10.0.0.8/hook"}, "url"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, "url"),
        ({"url": "https://receiver.example:22/"}, "url"),
        ({"url": "https://receiver.example/#part"}, "url"),
        ({"url": "nowhere"}, "url"),
        ({"url": "x" * 3000}, "url"),
        ({"url": 5}, "url"),
        ({}, "url"),
        ({"url": HOOK, "event_types": []}, "event_types"),
        ({"url": HOOK, "event_types": ["session.created"]}, "event_types[0]"),
        ({"url": HOOK, "event_types": ["order.*", "Order.Shipped"]}, "event_types[1]"),
        ({"url": HOOK, "signature_format": "none"}, "signature_format"),
        ({"url": HOOK, "max_concurrency": 21}, "max_concurrency"),
        ({"url": HOOK, "max_concurrency": "5"}, "max_concurrency"),
        ({"url": HOOK, "rate_per_minute": 0}, "rate_per_minute"),
        ({"url": HOOK, "echoes_challenge": "yes"}, "echoes_challenge"),
        ({"url": HOOK, "description": "x" * 201}, "description"),
    ],
)
def test_what_cannot_be_is_refused_and_named(backend: Backend, fields: dict[str, Any], wrong: str) -> None:
    assert problem_fields(backend.call("POST", "/v1/webhook-endpoints", fields)) == {wrong}
    assert not Endpoint.objects.exists()


def test_url_is_kept_in_its_normal_form(backend: Backend) -> None:
    assert backend.add_endpoint(url="https://Bücher.example:443/a")["endpoint"]["url"] == "https://xn--bcher-kva.example/a"


def test_limit_of_endpoints_counts_those_present(backend: Backend, settings: Settings) -> None:
    settings.WEBHOOK_MAX_ENDPOINTS = 2
    first = backend.add_endpoint()["id"]
    backend.add_endpoint()
    refused = backend.call("POST", "/v1/webhook-endpoints", {"url": HOOK})
    assert (refused.status_code, refused.json()["code"]) == (409, "ENDPOINT_LIMIT")
    assert backend.call("DELETE", f"/v1/webhook-endpoints/{first}").status_code == 204
    backend.add_endpoint()


def test_repeated_idempotency_key_makes_one_endpoint_and_keeps_no_secret(backend: Backend) -> None:
    first = backend.call("POST", "/v1/webhook-endpoints", {"url": HOOK}, Idempotency_Key="one")
    again = backend.call("POST", "/v1/webhook-endpoints", {"url": HOOK}, Idempotency_Key="one")
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == {**first.json(), "secret": None}
    other = backend.call("POST", "/v1/webhook-endpoints", {"url": HOOK + "2"}, Idempotency_Key="one")
    assert other.status_code == 409
    assert Endpoint.objects.count() == 1


def test_patch_changes_what_it_names_and_leaves_the_rest(backend: Backend) -> None:
    endpoint = backend.open_endpoint(event_types=["order.*"], max_concurrency=7)
    answer = backend.call("PATCH", f"/v1/webhook-endpoints/{endpoint.pk}", {"signature_format": "stash", "rate_per_minute": 60})
    after = answer.json()["endpoint"]
    assert (after["signature_format"], after["rate_per_minute"], after["max_concurrency"]) == ("stash", 60, 7)
    assert after["status"] == "active"
    row = Event.objects.get(type="endpoint.updated")
    assert row.data["before"] == {"signature_format": "standard", "rate_per_minute": None}
    assert backend.call("PATCH", f"/v1/webhook-endpoints/{endpoint.pk}", {}).status_code == 200
    assert Event.objects.filter(type="endpoint.updated").count() == 1


def test_ledger_keeps_a_url_without_its_query(backend: Backend) -> None:
    backend.add_endpoint(url=HOOK + "?token=very-private")
    assert "very-private" not in str(list(Event.objects.values_list("data", flat=True)))


def waiting(endpoint: Endpoint) -> Delivery:
    delivery = send_probe(endpoint, event_type="order.shipped", data={})
    Delivery.objects.filter(pk=delivery.pk).update(is_probe=False)
    return delivery


@pytest.mark.parametrize(
    ("switch", "status", "reason"), [("paused", "paused", "endpoint_paused"), ("disabled", "disabled", "endpoint_disabled")]
)
def test_closed_endpoint_parks_what_waits_and_opens_again(backend: Backend, switch: str, status: str, reason: str) -> None:
    endpoint = backend.open_endpoint()
    delivery = waiting(endpoint)
    path = f"/v1/webhook-endpoints/{endpoint.pk}"
    closed = backend.call("PATCH", path, {switch: True, "reason": "Maintenance"}).json()["endpoint"]
    delivery.refresh_from_db()
    assert closed["status"] == status
    assert (delivery.state, delivery.last_reason) == ("parked", reason)
    assert backend.call("PATCH", path, {switch: True}).status_code == 200
    assert backend.call("PATCH", path, {switch: False}).json()["endpoint"]["status"] == "active"
    types = list(Event.objects.filter(subject_id=str(endpoint.pk)).order_by("id").values_list("type", flat=True))
    assert types[-2:] == [f"endpoint.{switch}", "endpoint.resumed" if switch == "paused" else "endpoint.enabled"]


def test_what_staff_disabled_the_partner_cannot_enable(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    disable_endpoint(endpoint.pk, because=DisabledReason.STAFF, reason="Abuse", actor=ALICE)
    answer = backend.call("PATCH", f"/v1/webhook-endpoints/{endpoint.pk}", {"disabled": False, "description": "mine"})
    endpoint.refresh_from_db()
    assert (answer.status_code, answer.json()["code"]) == (409, "ENDPOINT_STATE")
    assert (endpoint.description, bool(endpoint.disabled_at)) == ("", True)


def test_deleted_endpoint_forgets_its_secrets_and_cancels_what_waits(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    delivery = waiting(endpoint)
    assert backend.call("DELETE", f"/v1/webhook-endpoints/{endpoint.pk}").status_code == 204
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_reason) == (DeliveryState.CANCELLED, "endpoint_deleted")
    assert [bytes(each.sealed) for each in EndpointSecret.objects.all()] == [b""]
    assert backend.call("GET", f"/v1/webhook-endpoints/{endpoint.pk}").status_code == 404
    assert backend.call("DELETE", f"/v1/webhook-endpoints/{endpoint.pk}").status_code == 404
    assert backend.call("GET", "/v1/webhook-endpoints").json()["endpoints"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"paused": True}),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", {}),
        ("POST", "/test", {"type": "order.shipped"}),
        ("POST", "/verify", None),
        ("POST", "/replay", {"since": "2026-01-01T00:00:00Z"}),
    ],
)
def test_endpoints_of_others_and_of_the_other_environment_are_unknown(
    backend: Backend, method: str, path: str, body: Any
) -> None:
    endpoint = backend.open_endpoint()
    strangers = [make_backend(), make_backend(partner=backend.partner, environment=Environment.LIVE)]
    for stranger in strangers:
        answer = stranger.call(method, f"/v1/webhook-endpoints/{endpoint.pk}{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "ENDPOINT_NOT_FOUND")
        assert stranger.call("GET", "/v1/webhook-endpoints").json()["endpoints"] == []
    assert Event.objects.filter(subject_id=str(endpoint.pk)).count() == 2


def test_scope_is_needed_for_each_call(backend: Backend) -> None:
    weak = make_backend(partner=backend.partner, scopes=("session:create",))
    for method, path in [
        ("GET", "/v1/webhook-endpoints"),
        ("POST", "/v1/webhook-endpoints"),
        ("GET", "/v1/deliveries"),
        ("GET", "/v1/events"),
        ("POST", "/v1/events"),
    ]:
        assert weak.call(method, path).status_code == 403, (method, path)


def test_list_costs_the_same_whatever_its_length(backend: Backend, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        backend.add_endpoint()
    with django_assert_num_queries(3):
        assert len(backend.call("GET", "/v1/webhook-endpoints").json()["endpoints"]) == 3


def test_test_event_goes_out_whatever_the_filter_and_state(backend: Backend) -> None:
    endpoint_id = backend.add_endpoint(event_types=["order.*"])["id"]
    answer = backend.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test", {"type": "session.redeemed"})
    shown = answer.json()["delivery"]
    assert answer.status_code == 202
    assert (shown["type"], shown["state"], shown["is_probe"]) == ("session.redeemed", "pending", True)
    for type_ in ("endpoint.verify", "session.created", "nonsense", ""):
        refused = backend.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test", {"type": type_})
        assert problem_fields(refused) == {"type"}
