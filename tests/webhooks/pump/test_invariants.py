"""What must always hold is asked for, and what does not hold is found and said."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from tests.webhooks.pump.world import open_endpoint, publish, queue
from webhooks.models import Delivery, Endpoint, Message
from webhooks.services.fanout import fan_out
from webhooks.services.invariants import read_health
from webhooks.tasks import watch

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:20000/hook"


@pytest.fixture
def endpoint() -> Endpoint:
    return open_endpoint(URL)


def test_all_is_well_at_first(endpoint: Endpoint) -> None:
    queue(endpoint, 3)
    health = read_health()
    assert health.is_well
    assert health.pumps == 0
    assert 0 <= health.oldest_due_seconds < 60


def test_event_that_was_not_fanned_out_for_a_minute_is_missed(endpoint: Endpoint) -> None:
    publish(endpoint, 2)
    assert read_health().is_well
    Message.objects.update(occurred_at=Now() - timedelta(minutes=2))
    assert read_health().broken["events_without_fan_out"] == 2
    with connection.cursor() as cursor:
        # The test's own transaction is still open: to the fan-out these events are not there yet.
        cursor.execute("UPDATE webhooks_feedcursor SET xid = '9000000000000000000', row_id = 1 WHERE name = 'messages'")
    assert read_health().is_well
    assert fan_out().deliveries == 0


def test_lease_that_nobody_took_back_is_found(endpoint: Endpoint) -> None:
    queue(endpoint, 1)
    Delivery.objects.filter(endpoint=endpoint, is_probe=False).update(
        state="inflight", claim="00000000-0000-0000-0000-000000000001", lease_until=timezone.now() - timedelta(seconds=61)
    )
    assert read_health().broken["in_flight_past_their_lease"] == 1
    assert watch() == 1


def test_month_without_a_table_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM')")
        cursor.execute(f"DROP TABLE webhooks_attempt_{cursor.fetchone()[0]}")
    assert read_health().broken["months_without_a_table"] == 1


def test_oldest_due_counts_only_what_a_pump_should_have_sent(endpoint: Endpoint) -> None:
    queue(endpoint, 1)
    Delivery.objects.update(next_at=Now() - timedelta(minutes=5))
    assert read_health().oldest_due_seconds > 290
    Endpoint.objects.update(paused_at=Now())
    assert read_health().oldest_due_seconds == 0


def test_command_says_how_it_stands_and_exits_by_it(endpoint: Endpoint) -> None:
    queue(endpoint, 2)
    out = StringIO()
    call_command("webhook_health", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["is_well"] is True
    assert told["states"]["pending"] == 2
    assert told["total"] == sum(told["states"].values())
    Delivery.objects.filter(endpoint=endpoint, is_probe=False).update(
        state="inflight", claim="00000000-0000-0000-0000-000000000001", lease_until=timezone.now() - timedelta(minutes=5)
    )
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("webhook_health", stdout=out)
    assert ended.value.code == 1
    assert "in flight past their lease: 2" in out.getvalue()
