"""Publishing events and reading them back as a feed."""

import threading
from typing import Any

import psycopg
import pytest
from django.test import Client

from audit.models import Event
from core.principals import Environment
from tests.databases import FreshDatabase
from tests.webhooks.conftest import Backend, make_backend, run_fan_out
from webhooks.models import Message


def read(backend: Backend, query: str = "") -> Any:
    answer = backend.call("GET", f"/v1/events?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(page: Any) -> list[str]:
    return [each["id"] for each in page["events"]]


def test_published_event_is_stored_once_with_its_bytes(backend: Backend) -> None:
    data = {"order_id": "ord_1", "note": "café €", "items": [1, 2], "paid": True, "none": None}
    event_id = backend.publish("order.shipped", data)
    message = Message.objects.get(message_id=event_id)
    assert bytes(message.data) == '{"order_id":"ord_1","note":"café €","items":[1,2],"paid":true,"none":null}'.encode()
    assert (message.source, message.environment, message.version) == ("commerce", "test", 1)
    assert Event.objects.get(type="event.published").subject_id == event_id


@pytest.mark.parametrize("type_", ["session.redeemed", "key.revoked", "endpoint.verify", "security.alert", "partner.made_up"])
def test_own_types_are_refused(backend: Backend, type_: str) -> None:
    answer = backend.call("POST", "/v1/events", {"type": type_, "data": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "EVENT_TYPE_RESERVED")
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "Order.Shipped", "data": {}}, "type"),
        ({"type": "order", "data": {}}, "type"),
        ({"type": "order..shipped", "data": {}}, "type"),
        ({"type": "order." + "x" * 100, "data": {}}, "type"),
        ({"type": 7, "data": {}}, "type"),
        ({"data": {}}, "type"),
        ({"type": "order.shipped"}, "data"),
        ({"type": "order.shipped", "data": None}, "data"),
        ({"type": "order.shipped", "data": []}, "data"),
        ({"type": "order.shipped", "data": "text"}, "data"),
        ({"type": "order.shipped", "data": {"total": 19.99}}, "data.total"),
        ({"type": "order.shipped", "data": {"a": [{"b": 1.0}]}}, "data.a[0].b"),
        ({"type": "order.shipped", "data": {"lines": {"1": "x"}}}, "data.lines['1']"),
        ({"type": "order.shipped", "data": {}, "partner_org_id": 5}, "partner_org_id"),
    ],
)
def test_what_cannot_be_sent_is_refused_saying_where(backend: Backend, body: Any, field: str) -> None:
    answer = backend.call("POST", "/v1/events", body)
    assert answer.status_code == 400, answer.content
    assert [each["field"] for each in answer.json()["details"]] == [field]
    assert not Message.objects.exists()


def test_number_beyond_what_javascript_keeps_is_refused(backend: Backend) -> None:
    answer = backend.call("POST", "/v1/events", {"type": "order.shipped", "data": {"id": 2**53}})
    assert answer.status_code == 400


def test_more_than_64_kib_is_refused(backend: Backend) -> None:
    answer = backend.call("POST", "/v1/events", {"type": "order.shipped", "data": {"text": "x" * 65_536}})
    assert answer.status_code == 413


def test_same_idempotency_key_publishes_once(backend: Backend) -> None:
    first = backend.publish(Idempotency_Key="order-1")
    assert backend.publish(Idempotency_Key="order-1") == first
    other = backend.call("POST", "/v1/events", {"type": "order.shipped", "data": {}}, Idempotency_Key="order-1")
    assert other.status_code == 409
    assert Message.objects.count() == 1


def test_feed_gives_every_event_once_in_order(committed_backend: Backend) -> None:
    backend = committed_backend
    published = [backend.publish("order.shipped", {"n": number}) for number in range(5)]
    first = read(backend, "limit=2")
    second = read(backend, f"limit=2&after={first['next']}")
    third = read(backend, f"limit=2&after={second['next']}")
    assert ids(first) + ids(second) + ids(third) == published
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    assert first["events"][0]["data"] == {"n": 0}
    rest = read(backend, f"after={third['next']}")
    assert (rest["events"], rest["next"], rest["has_more"]) == ([], third["next"], False)
    assert ids(read(backend, f"after={first['events'][0]['cursor']}&limit=1")) == published[1:2]


def test_an_empty_cursor_begins_at_the_oldest(committed_backend: Backend) -> None:
    published = committed_backend.publish("order.shipped")
    assert ids(read(committed_backend, "after=&limit=5")) == [published]


def test_feed_filters_by_types(committed_backend: Backend) -> None:
    backend = committed_backend
    shipped, paid = backend.publish("order.shipped"), backend.publish("order_x.paid")
    assert ids(read(backend, "types=order.*")) == [shipped]
    assert ids(read(backend, "types=*.paid,cart.updated")) == [paid]
    assert set(ids(read(backend, "types=*"))) == {shipped, paid}


def test_feed_begins_now_where_asked(committed_backend: Backend) -> None:
    backend = committed_backend
    backend.publish()
    now = read(backend, "after=now")
    assert now["events"] == []
    later = backend.publish()
    assert ids(read(backend, f"after={now['next']}")) == [later]


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=1", "after=-1-1", "after=1-1-1", f"after={'9' * 19}-1", "limit=0", "limit=501", "limit=x",
     "types=session.created", "types=Order", "after=1-1&after=2-2", "limit=1&limit=2"],
)  # fmt: skip
def test_odd_queries_are_refused(backend: Backend, query: str) -> None:
    assert backend.call("GET", f"/v1/events?{query}").status_code == 400


def test_feed_shows_nobody_elses_events(committed_backend: Backend) -> None:
    backend = committed_backend
    mine = backend.publish()
    live = make_backend(partner=backend.partner, environment=Environment.LIVE)
    stranger = make_backend()
    assert ids(read(live, "types=order.*")) == ids(read(stranger, "types=order.*")) == []
    assert ids(read(backend)) == [mine]


def test_feed_tells_own_events_and_no_pings(committed_backend: Backend) -> None:
    backend = committed_backend
    endpoint = backend.open_endpoint()
    backend.call("POST", f"/v1/webhook-endpoints/{endpoint.pk}/test", {"type": "order.shipped"})
    run_fan_out()
    found = [(each["type"], each["origin"], each["data"]["kid"]) for each in read(backend)["events"]]
    assert found == [("key.issued", "own", backend.principal.kid)]


def test_event_types_are_public(client: Client) -> None:
    answer = client.get("/v1/event-types")
    known = {each["type"]: each for each in answer.json()["event_types"]}
    assert answer.status_code == 200
    assert {"session.redeemed", "key.rotated", "order.shipped", "purchase.completed", "cart.updated"} <= known.keys()
    assert known["endpoint.verify"]["is_subscribable"] is False
    assert "session" in answer.json()["open"]["reserved"]


INSERT = """INSERT INTO webhooks_message (message_id, partner_id, environment, type, source, data, partner_org_id, version)
  VALUES (%s, %s, 'test', 'order.shipped', 'commerce', '{}', '', 1)"""


def test_feed_waits_for_a_slow_transaction_and_skips_nothing(committed_backend: Backend, fresh_database: FreshDatabase) -> None:
    backend, partner_id = committed_backend, committed_backend.partner.pk
    with psycopg.connect(fresh_database.url) as slow, psycopg.connect(fresh_database.url, autocommit=True) as quick:
        slow.execute(INSERT, ("msg_slow", partner_id))
        quick.execute(INSERT, ("msg_quick", partner_id))
        assert ids(read(backend)) == []  # the quick one is there already; giving it out would hide the slow one for ever
        slow.commit()
        page = read(backend)
        assert ids(page) == ["msg_slow", "msg_quick"]
        slow.execute(INSERT, ("msg_undone", partner_id))
        slow.rollback()
        quick.execute(INSERT, ("msg_last", partner_id))
        assert ids(read(backend, f"after={page['next']}")) == ["msg_last"]


def test_reader_beside_concurrent_writers_gets_everything_in_the_end(
    committed_backend: Backend, fresh_database: FreshDatabase
) -> None:
    backend, partner_id = committed_backend, committed_backend.partner.pk
    writers, each = 6, 40

    def write(number: int) -> None:
        with psycopg.connect(fresh_database.url) as connection:
            for count in range(each):
                connection.execute(INSERT, (f"msg_{number}x{count}", partner_id))
                if count % (number + 1) == 0:  # transactions of different lengths overtake each other
                    connection.commit()
            connection.commit()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[str] = []
    after = "0-0"
    while True:
        was_done = not any(thread.is_alive() for thread in threads)
        page = read(backend, f"after={after}&limit=7")
        seen += ids(page)
        after = page["next"]
        if was_done and not page["events"]:
            break
    assert len(seen) == len(set(seen)) == writers * each
