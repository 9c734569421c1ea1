"""Fan-out: what becomes of ledger rows and messages, exactly once, whatever happens meanwhile."""

import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest
from django.db import IntegrityError, connections, transaction

from audit.events import DELIVERED, EventType
from audit.models import Event
from audit.services import Act, record
from core.principals import SYSTEM, Environment
from partners.services.partners import suspend_partner
from tests.databases import FreshDatabase
from tests.factories import ALICE
from tests.webhooks.conftest import Backend, make_backend, run_fan_out
from webhooks.catalogue import BY_LEDGER, CATALOGUE, schema_problems
from webhooks.models import Delivery, Endpoint, FeedCursor, Message, MessageBody
from webhooks.services import fanout
from webhooks.services.endpoints import pause_endpoint

KEY_PAUSED: Final = """
INSERT INTO audit_event (type, severity, actor_kind, actor_id, actor_label, partner_id, environment, subject_type, subject_id,
                         reason, data, request_id, feed_xid)
VALUES ('key.paused', 'warning', 'staff', '1', '', %s, 'test', 'key', %s, '', '{}', '', pg_current_xact_id())"""


def deliveries(endpoint: Endpoint) -> list[tuple[int, str, str, str]]:
    rows = endpoint.deliveries.filter(is_probe=False).select_related("message").order_by("seq")
    return [(row.seq, row.message.type, row.state, row.last_reason) for row in rows]


def test_event_reaches_the_endpoints_that_ask_for_its_type(committed_backend: Backend) -> None:
    backend = committed_backend
    everything = backend.open_endpoint()
    orders = backend.open_endpoint(event_types=["order.*", "cart.updated"], signature_format="stash")
    keys = backend.open_endpoint(event_types=["key.*"], signature_format="sticker")
    backend.publish("order.shipped", {"a": 1})
    run_fan_out()
    assert {each[1] for each in deliveries(everything)} == {"order.shipped", "key.issued"}
    assert [each[1:] for each in deliveries(orders)] == [("order.shipped", "pending", "")]
    assert [each[1:] for each in deliveries(keys)] == [("key.issued", "pending", "")]
    bodies = dict(MessageBody.objects.filter(message__type="order.shipped").values_list("style", "body"))
    assert set(bodies) == {"standard", "stash"}
    assert bytes(bodies["stash"]) == b'{"type":"order.shipped","data":{"a":1}}'


def test_numbers_of_an_endpoint_follow_the_feed_without_a_gap(committed_backend: Backend) -> None:
    backend = committed_backend
    endpoint = backend.open_endpoint(event_types=["order.*"])
    published = [backend.publish() for _ in range(7)]
    while fanout.fan_out(limit=3).is_behind:
        pass
    rows = endpoint.deliveries.filter(is_probe=False).order_by("seq").values_list("seq", "message__message_id")
    assert list(rows) == [(number, event_id) for number, event_id in enumerate(published, start=2)]


@pytest.mark.parametrize("is_verified", [True, False])
def test_closed_endpoint_gets_its_deliveries_parked(committed_backend: Backend, is_verified: bool) -> None:
    backend = committed_backend
    endpoint = backend.open_endpoint(event_types=["order.*"])
    if is_verified:
        pause_endpoint(endpoint.pk, reason="", actor=ALICE)
    else:
        Endpoint.objects.update(verified_at=None)
    backend.publish()
    run_fan_out()
    reason = "endpoint_paused" if is_verified else "endpoint_unverified"
    assert [each[1:] for each in deliveries(endpoint)] == [("order.shipped", "parked", reason)]


def test_deleted_endpoint_gets_nothing(committed_backend: Backend) -> None:
    backend = committed_backend
    endpoint = backend.open_endpoint()
    backend.publish()
    backend.call("DELETE", f"/v1/webhook-endpoints/{endpoint.pk}")
    run_fan_out()
    assert deliveries(endpoint) == []


def test_live_and_test_never_meet(committed_backend: Backend) -> None:
    test = committed_backend.open_endpoint(event_types=["order.*"])
    live_backend = make_backend(partner=committed_backend.partner, environment=Environment.LIVE)
    live = live_backend.open_endpoint(event_types=["order.*"])
    live_backend.publish()
    make_backend().publish()
    run_fan_out()
    assert deliveries(test) == []
    assert len(deliveries(live)) == 1


def test_act_on_the_partner_is_told_in_both_environments(committed_backend: Backend) -> None:
    suspend_partner(committed_backend.partner.pk, reason="Audit", actor=ALICE)
    run_fan_out()
    found = Message.objects.filter(type="partner.suspended").order_by("environment")
    assert list(found.values_list("environment", flat=True)) == ["live", "test"]


def test_two_fan_outs_at_once_make_each_delivery_once(committed_backend: Backend) -> None:
    backend = committed_backend
    endpoint = backend.open_endpoint(event_types=["order.*"])
    for _ in range(40):
        backend.publish()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            for _ in range(30):
                fanout.fan_out(limit=3)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_fan_out()
    assert [each[0] for each in deliveries(endpoint)] == list(range(2, 42))


@pytest.mark.parametrize("step", [fanout.make_messages, fanout.make_deliveries])
def test_fan_out_that_is_lost_midway_is_done_again(committed_backend: Backend, step: Callable[[], Any]) -> None:
    backend = committed_backend
    endpoint = backend.open_endpoint()
    backend.publish()
    with transaction.atomic():  # what a crash before the commit leaves behind
        step()
        transaction.set_rollback(True)
    run_fan_out()
    run_fan_out()
    assert sorted(each[1] for each in deliveries(endpoint)) == ["key.issued", "order.shipped"]


def test_ledger_rows_come_in_the_order_of_their_commits(committed_backend: Backend, fresh_database: FreshDatabase) -> None:
    partner_id = committed_backend.partner.pk
    run_fan_out()
    with psycopg.connect(fresh_database.url) as slow, psycopg.connect(fresh_database.url) as quick:
        slow.execute(KEY_PAUSED, (partner_id, "slow"))
        quick.execute(KEY_PAUSED, (partner_id, "quick"))
        quick.commit()
        run_fan_out()
        assert not Message.objects.filter(type="key.paused").exists()
        slow.commit()
        run_fan_out()
    told = [bytes(each) for each in Message.objects.filter(type="key.paused").order_by("id").values_list("data", flat=True)]
    assert told == [b'{"kid":"slow","by":"staff"}', b'{"kid":"quick","by":"staff"}']


def test_who_holds_the_cursor_works_alone_and_nobody_waits(committed_backend: Backend, fresh_database: FreshDatabase) -> None:
    committed_backend.publish()
    with psycopg.connect(fresh_database.url) as other:
        other.execute("SELECT 1 FROM webhooks_feedcursor FOR UPDATE")
        assert fanout.fan_out() == fanout.FanOut(0, 0, is_behind=False)
    assert fanout.make_deliveries()[0] == 1


def test_what_the_partner_just_did_itself_is_not_told_back() -> None:
    assert EventType.SESSION_CREATED not in DELIVERED
    assert set(BY_LEDGER) == DELIVERED


@pytest.mark.django_db
def test_only_deliverable_rows_carry_a_transaction(backend: Backend) -> None:
    with transaction.atomic():
        record(Act(EventType.PARTNER_UPDATED, ALICE, backend.partner.pk))
        record(Act(EventType.KEY_PAUSED, ALICE, backend.partner.pk, "test", "key", "abc"))
    marked = dict(Event.objects.filter(type__in=["partner.updated", "key.paused"]).values_list("type", "feed_xid"))
    assert marked["partner.updated"] is None
    assert marked["key.paused"]


def test_row_that_looks_odd_is_told_with_its_subject_and_holds_nothing_up(committed_backend: Backend) -> None:
    with transaction.atomic():
        record(Act(EventType.KEY_ROTATED, SYSTEM, committed_backend.partner.pk, "test", "key", "abc", data={}))
        record(Act(EventType.KEY_PAUSED, SYSTEM, committed_backend.partner.pk, "test", "key", "abc"))
    run_fan_out()
    assert bytes(Message.objects.get(type="key.rotated").data) == b'{"subject_type":"key","subject_id":"abc"}'
    assert Message.objects.filter(type="key.paused").exists()


def test_cursors_are_seeded_once(db: None) -> None:
    assert set(FeedCursor.objects.values_list("name", flat=True)) == {"ledger", "messages"}


@pytest.mark.parametrize("type_", sorted(CATALOGUE))
def test_every_example_fits_its_schema(type_: str) -> None:
    assert schema_problems(type_, CATALOGUE[type_].example) == []


def test_delivery_and_message_of_one_pair_exist_once(committed_backend: Backend) -> None:
    committed_backend.open_endpoint()
    committed_backend.publish()
    run_fan_out()
    FeedCursor.objects.update(xid=0, row_id=0)
    with pytest.raises(IntegrityError, match=r"delivery_once|message_once_per_ledger_row"):
        run_fan_out()
    assert Delivery.objects.filter(message__type="order.shipped").count() == 1
