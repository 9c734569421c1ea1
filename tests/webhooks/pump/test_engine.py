"""A pump as a process: what it delivers, how it ends, and what a stalled one can no longer do."""

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from core.principals import SYSTEM, Environment
from sticker_auth.local.environment import PROJECT_ROOT
from tests.databases import FreshDatabase
from tests.factories import make_partner
from tests.webhooks.pump.sink import Sink
from tests.webhooks.pump.world import await_state, await_truth, endpoint_row, open_endpoint, publish, pump, queue, states
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint
from webhooks.services.endpoints import create_endpoint, enable_endpoint, pause_endpoint, resume_endpoint
from webhooks.services.replays import replay_delivery
from webhooks.services.secrets import rotate_secret
from webhooks.specs import EndpointSpec


def test_events_arrive_once_with_the_stored_bytes_soon_after_their_commit(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url())
    with pump(fresh_database, tmp_path):
        began = time.monotonic()
        [message_id] = publish(endpoint)
        sink.await_messages(1)
        assert sink.received[0].at - began < 2
        publish(endpoint, 99, text="é")
        sink.await_messages(100)
        await_truth(lambda: states(endpoint) == {"delivered": 100})
    assert set(sink.counts().values()) == {1}
    for received in sink.received:
        delivery = Delivery.objects.select_related("message").get(message__message_id=received.message_id)
        assert received.body == bytes(delivery.message.bodies.get().body)
        assert received.headers["webhook-seq"] == str(delivery.seq)
    assert sink.received[0].message_id == message_id
    assert Attempt.objects.filter(reason="delivered").count() == 100


def test_new_endpoint_proves_itself_and_gets_what_waited(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    partner = make_partner()
    spec = EndpointSpec(sink.url())
    endpoint = create_endpoint(partner.pk, environment=Environment.TEST, spec=spec, actor=SYSTEM).endpoint
    publish(endpoint, 3)
    with pump(fresh_database, tmp_path):
        sink.await_messages(4)
        await_truth(lambda: states(endpoint) == {"delivered": 3})
    assert endpoint_row(endpoint.pk).verified_at is not None
    assert sink.received[0].headers["webhook-event-type"] == "endpoint.verify"


def test_failure_is_tried_again_by_the_schedule_until_it_arrives(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url("/status/500"))
    [delivery_id] = queue(endpoint, 1)
    with pump(fresh_database, tmp_path):
        await_truth(lambda: len(sink.received) >= 3)
        Endpoint.objects.filter(pk=endpoint.pk).update(url=sink.url("/ok"))
        await_state(delivery_id, DeliveryState.DELIVERED)
    arrived = [each.at for each in sink.received]
    steps = [after - before for before, after in pairwise(arrived)]
    assert 0.15 < steps[0] < 2
    assert steps[1] > steps[0] * 0.9
    assert [each.headers["webhook-attempt"] for each in sink.received[:3]] == ["1", "2", "3"]
    assert len({each.body for each in sink.received}) == 1
    assert len({each.headers["webhook-id"] for each in sink.received}) == 1


def test_retry_after_is_waited_for_by_the_whole_endpoint(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoint = open_endpoint(sink.url("/busy/3"), max_concurrency=1)
    queue(endpoint, 3)
    with pump(fresh_database, tmp_path):
        await_truth(lambda: endpoint_row(endpoint.pk).resume_at is not None)
        seen = len(sink.received)
        Endpoint.objects.filter(pk=endpoint.pk).update(url=sink.url("/ok"))
        await_truth(lambda: states(endpoint) == {"delivered": 3})
    assert seen == 1
    assert sink.received[1].at - sink.received[0].at > 2.5


def test_gone_disables_the_endpoint_and_keeps_what_waits(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoint = open_endpoint(sink.url("/status/410"), max_concurrency=1)
    queue(endpoint, 3)
    with pump(fresh_database, tmp_path):
        await_truth(lambda: endpoint_row(endpoint.pk).disabled_reason == "gone")
        await_truth(lambda: states(endpoint) == {"parked": 3})
        Endpoint.objects.filter(pk=endpoint.pk).update(url=sink.url("/ok"))
        enable_endpoint(endpoint.pk, reason="", actor=SYSTEM)
        await_truth(lambda: states(endpoint) == {"delivered": 3})
    assert len(sink.got("/status/410")) == 1


def test_paused_endpoint_gets_its_deliveries_in_order_once_it_is_resumed(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url(), max_concurrency=1)
    pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    with pump(fresh_database, tmp_path):
        publish(endpoint, 120)
        await_truth(lambda: states(endpoint) == {"parked": 120})
        resume_endpoint(endpoint.pk, reason="", actor=SYSTEM)
        await_truth(lambda: states(endpoint) == {"delivered": 120})
    numbers = [int(each.headers["webhook-seq"]) for each in sink.received]
    assert numbers == sorted(numbers)


def test_replay_is_the_same_message_with_a_mark(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoint = open_endpoint(sink.url())
    [delivery_id] = queue(endpoint, 1)
    with pump(fresh_database, tmp_path):
        await_state(delivery_id, DeliveryState.DELIVERED)
        replay_delivery(delivery_id, actor=SYSTEM)
        await_truth(lambda: len(sink.received) == 2)
        await_state(delivery_id, DeliveryState.DELIVERED)
    first, second = sink.received
    assert (first.message_id, first.body) == (second.message_id, second.body)
    assert "webhook-replay" not in first.headers
    assert second.headers["webhook-replay"] == "1"
    assert list(Attempt.objects.order_by("number").values_list("number", flat=True)) == [1, 2]


def test_proved_secret_takes_over_by_itself(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    from datetime import timedelta

    endpoint = open_endpoint(sink.url())
    rotate_secret(endpoint.pk, overlap=timedelta(hours=1), reason="", actor=SYSTEM)
    with pump(fresh_database, tmp_path):
        await_truth(lambda: endpoint.secrets.filter(state="previous").exists())
        publish(endpoint, 1)
        sink.await_messages(2)
    ping, event = sink.received
    assert len(ping.headers["webhook-signature"].split()) == 1
    assert len(event.headers["webhook-signature"].split()) == 2


def test_request_to_stop_lets_what_is_under_way_finish_and_writes_it(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url("/late/1"), max_concurrency=20)
    queue(endpoint, 60)
    with pump(fresh_database, tmp_path) as running:
        await_truth(lambda: len(sink.received) == 20)
        assert running.stop() == 0
    assert states(endpoint) == {"delivered": 20, "pending": 40}
    assert not Delivery.objects.filter(abandoned__gt=0).exists()


def test_request_to_stop_gives_back_what_cannot_finish_in_time(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url("/never"))
    queue(endpoint, 2)
    patient = {"WEBHOOK_ATTEMPT_SECONDS": "25", "WEBHOOK_LEASE_SECONDS": "60"}
    with pump(fresh_database, tmp_path, env=patient) as running:
        await_truth(lambda: len(sink.received) == 2)
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 9
    rows = Delivery.objects.filter(endpoint=endpoint, is_probe=False)
    assert set(rows.values_list("state", "attempts", "abandoned")) == {("pending", 0, 0)}


def test_result_of_a_stalled_pump_comes_too_late_and_changes_nothing(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url("/late/1.5"))
    [delivery_id] = queue(endpoint, 1)
    with pump(fresh_database, tmp_path) as stalled:
        await_truth(lambda: len(sink.received) == 1)
        stalled.freeze()
        Endpoint.objects.filter(pk=endpoint.pk).update(url=sink.url("/ok"))
        with pump(fresh_database, tmp_path) as other:
            delivered = await_state(delivery_id, DeliveryState.DELIVERED)
            stalled.thaw()
            await_truth(lambda: Attempt.objects.filter(delivery_id=delivery_id, reason="superseded").exists())
            assert other.stop() == 0
    assert Delivery.objects.get(pk=delivery_id).finished_at == delivered.finished_at
    assert [each.path for each in sink.received] == ["/late/1.5", "/ok"]
    logged = list(Attempt.objects.filter(delivery_id=delivery_id).order_by("number").values_list("number", "reason"))
    assert sorted(logged) == [(1, "internal"), (1, "superseded"), (2, "delivered")]


def test_two_pumps_share_the_work_and_send_nothing_twice(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoints = [open_endpoint(sink.url(f"/ok/{number}"), max_concurrency=20) for number in range(20)]
    with pump(fresh_database, tmp_path) as first, pump(fresh_database, tmp_path) as second:
        for endpoint in endpoints:
            publish(endpoint, 50)
        await_truth(lambda: states() == {"delivered": 1000})
        assert (first.stop(), second.stop()) == (0, 0)
    assert len(sink.counts()) == 1000
    assert set(sink.counts().values()) == {1}
    shares = [json.loads(line)["calls"] for each in (first, second) for line in each.log.splitlines() if '"calls"' in line]
    assert sum(shares) == 1000
    assert min(shares) > 0


def test_draining_ends_when_nothing_is_due_any_more(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoint = open_endpoint(sink.url())
    publish(endpoint, 30)
    with pump(fresh_database, tmp_path, options=("--drain", "30", "--json")) as draining:
        assert draining.process.wait() == 0
    assert states(endpoint) == {"delivered": 30}
    assert '{"calls":30}' in draining.log


def test_draining_ends_with_its_time_whatever_is_left(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoint = open_endpoint(sink.url("/late/0.4"), max_concurrency=1)
    queue(endpoint, 50)
    with pump(fresh_database, tmp_path, options=("--drain", "1")) as draining:
        assert draining.process.wait() == 0
    assert 0 < states(endpoint)["delivered"] < 20
    assert "inflight" not in states(endpoint)


def test_missing_body_of_a_new_format_is_written_once_and_sent(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url())
    [delivery_id] = queue(endpoint, 1)
    Endpoint.objects.filter(pk=endpoint.pk).update(signature_format="sticker")
    with pump(fresh_database, tmp_path):
        delivered = await_state(delivery_id, DeliveryState.DELIVERED)
    assert sink.received[0].body.startswith(b'{"event":"order.shipped"')
    assert sink.received[0].body == bytes(delivered.message.bodies.get(style="sticker").body)


def test_secret_that_cannot_be_read_is_our_fault(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoint = open_endpoint(sink.url())
    endpoint.secrets.update(sealed=b"\x01" + bytes(60))
    [delivery_id] = queue(endpoint, 1)
    with pump(fresh_database, tmp_path) as running:
        await_truth(lambda: Attempt.objects.filter(delivery_id=delivery_id, reason="secret_unreadable").exists())
        assert "pump.secret_unreadable" in running.log
    assert sink.received == []
    assert Delivery.objects.get(pk=delivery_id).attempts == 0
    assert endpoint_row(endpoint.pk).consecutive_failures == 0


@pytest.mark.parametrize("arguments", [["--shard", "3/2"], ["--shard", "x"], ["--drain", "soon"]])
def test_wrong_argument_is_refused(fresh_database: FreshDatabase, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "pump_webhooks", *arguments], cwd=PROJECT_ROOT, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert fresh_database
