"""What goes when: contents, deliveries, messages, months of attempts; and nothing before its time."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.models import Event
from tests.webhooks.pump.world import open_endpoint, publish, queue
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint, Message, MessageBody
from webhooks.services.fanout import fan_out
from webhooks.services.retention import add_partitions, purge_webhooks

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:20000/hook"


def age(days: float) -> None:
    """Let everything be older by so many days."""
    past = timedelta(days=days)
    Message.objects.update(occurred_at=F("occurred_at") - past)
    Delivery.objects.update(created_at=F("created_at") - past, finished_at=F("finished_at") - past)


def finish(delivery_id: int, state: DeliveryState) -> Delivery:
    is_final = state in (DeliveryState.DELIVERED, DeliveryState.FAILED)
    Delivery.objects.filter(pk=delivery_id).update(state=state, finished_at=timezone.now() if is_final else None)
    return Delivery.objects.get(pk=delivery_id)


def purge() -> dict[str, int]:
    return {each.target: each.rows for each in purge_webhooks(now=timezone.now())}


def has_content(delivery: Delivery) -> bool:
    message = Message.objects.get(pk=delivery.message_id)
    assert bool(message.data) == MessageBody.objects.filter(message=message).exists()
    return bool(message.data)


@pytest.fixture
def endpoint() -> Endpoint:
    return open_endpoint(URL)


@pytest.mark.parametrize(
    ("state", "days", "is_kept"),
    [
        (DeliveryState.DELIVERED, 6.9, True),
        (DeliveryState.DELIVERED, 7.1, False),
        (DeliveryState.FAILED, 29.9, True),
        (DeliveryState.FAILED, 30.1, False),
        (DeliveryState.PARKED, 29.9, True),
        (DeliveryState.PARKED, 30.1, False),
        (DeliveryState.QUARANTINED, 29.9, True),
        (DeliveryState.PENDING, 29.9, True),
    ],
)
def test_contents_stay_as_long_as_somebody_may_need_them(
    endpoint: Endpoint, state: DeliveryState, days: float, is_kept: bool
) -> None:
    delivery = finish(queue(endpoint, 1)[0], state)
    age(days)
    purge()
    assert has_content(delivery) == is_kept
    assert Delivery.objects.filter(pk=delivery.pk).exists()


def test_content_that_one_of_two_endpoints_still_waits_for_stays(endpoint: Endpoint) -> None:
    other = open_endpoint(URL, partner=endpoint.partner)
    [waiting] = queue(endpoint, 1)
    message_id = Delivery.objects.get(pk=waiting).message_id
    delivered = Delivery.objects.create(
        message_id=message_id, endpoint=other, partner=other.partner, environment="test", seq=2, state=DeliveryState.PENDING
    )
    finish(delivered.pk, DeliveryState.DELIVERED)
    finish(waiting, DeliveryState.PARKED)
    age(10)
    purge()
    assert has_content(delivered)


def test_event_that_nobody_was_sent_stays_in_the_feed_for_a_month(endpoint: Endpoint) -> None:
    publish(endpoint, 1, type_="cart.updated")
    fan_out()
    message = Message.objects.get(type="cart.updated")
    age(29)
    purge()
    assert bytes(Message.objects.get(pk=message.pk).data)
    age(2)
    purge()
    assert not bytes(Message.objects.get(pk=message.pk).data)


def test_what_nobody_took_for_a_month_is_given_up_and_says_so(endpoint: Endpoint) -> None:
    delivery_id, replayed_id = queue(endpoint, 2)
    finish(delivery_id, DeliveryState.PARKED)
    finish(replayed_id, DeliveryState.PARKED)
    age(31)
    Delivery.objects.filter(pk=replayed_id).update(replayed_at=timezone.now())
    assert purge()["undelivered"] == 1
    row = Delivery.objects.get(pk=delivery_id)
    assert (row.state, row.last_reason) == ("cancelled", "expired")
    assert Delivery.objects.get(pk=replayed_id).state == "parked"


def test_deliveries_and_their_messages_go_after_their_time(endpoint: Endpoint) -> None:
    old = finish(queue(endpoint, 1)[0], DeliveryState.DELIVERED)
    age(91)
    young = finish(queue(endpoint, 1)[0], DeliveryState.DELIVERED)
    done = purge()
    assert done["deliveries"] >= 1
    assert not Message.objects.filter(pk=old.message_id).exists()
    assert Delivery.objects.filter(pk=young.pk).exists()
    assert Event.objects.filter(type="purge.completed", data__webhook_deliveries=done["deliveries"]).exists()
    assert purge() == {}


def test_months_of_attempts_are_made_ahead_and_dropped_as_a_whole(endpoint: Endpoint) -> None:
    now = datetime(2031, 1, 31, 23, 30, tzinfo=UTC)
    assert add_partitions(now=now) == ["webhooks_attempt_2031_01", "webhooks_attempt_2031_02", "webhooks_attempt_2031_03"]
    assert add_partitions(now=now) == []
    [delivery_id] = queue(endpoint, 1)
    for number, started_at in enumerate([now, now + timedelta(days=1)], start=1):
        Attempt.objects.create(
            delivery_id=delivery_id, endpoint=endpoint, number=number, started_at=started_at, total_ms=1, reason="delivered"
        )
    purge_webhooks(now=datetime(2031, 4, 30, tzinfo=UTC))
    assert Attempt.objects.count() == 2
    purge_webhooks(now=datetime(2031, 5, 3, tzinfo=UTC))
    assert list(Attempt.objects.values_list("number", flat=True)) == [2]


def test_attempts_that_found_no_table_move_into_theirs(endpoint: Endpoint) -> None:
    [delivery_id] = queue(endpoint, 1)
    started_at = datetime(2032, 6, 15, tzinfo=UTC)
    Attempt.objects.create(
        delivery_id=delivery_id, endpoint=endpoint, number=1, started_at=started_at, total_ms=1, reason="delivered"
    )
    assert "webhooks_attempt_2032_06" in add_partitions(now=started_at)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM webhooks_attempt_2032_06), (SELECT count(*) FROM webhooks_attempt_rest)")
        assert cursor.fetchone() == (1, 0)
