"""The drill: pumps killed at every point, the database killed, the broker gone for good. Nothing is lost, little is doubled."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from sticker_auth.local.redis import EmbeddedRedis, find_program
from tests.databases import FreshDatabase, django_at
from tests.loops import apart
from tests.servers import PrivatePostgres, Process
from tests.webhooks.pump.sink import Received, Sink
from tests.webhooks.pump.world import PumpProcess, await_truth, locked, open_endpoint, publish, pump, states, waits_for
from webhooks.models import Delivery, Endpoint, MessageBody
from webhooks.services.invariants import read_health

SOCKETS = 40
FEW_SOCKETS = {"WEBHOOK_SOCKETS": str(SOCKETS)}


def nothing_lost(sink: Sink, ids: list[str], *, most_repeats: int) -> None:
    """Every event came, each as often the same bytes under the same id, and no more came twice than were on their way."""
    counts = sink.counts()
    assert set(ids) <= set(counts)
    assert sum(counts.values()) - len(counts) <= most_repeats
    stored = {body.message.message_id: bytes(body.body) for body in MessageBody.objects.select_related("message")}
    assert all(received.body == stored[received.message_id] for received in sink.received)


def endpoints_of(sink: Sink, count: int = 10, *, path: str = "/ok") -> list[Endpoint]:
    return [open_endpoint(sink.url(f"{path}/{number}"), max_concurrency=20) for number in range(count)]


@contextmanager
def killed_at(sink: Sink, *, every: int) -> Iterator[list[PumpProcess]]:
    """Kill the pump in the list with each so many-th request: it has sent it, and knows no answer."""
    running: list[PumpProcess] = []
    seen = 0

    def strike(_request: Received) -> None:
        nonlocal seen
        seen += 1
        if seen % every == 0 and running:
            os.kill(running[-1].process.pid, signal.SIGKILL)

    sink.watch = strike
    yield running
    sink.watch = lambda _request: None


def test_pump_killed_after_it_has_sent(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    kills = 4
    ids = [id_ for endpoint in endpoints_of(sink) for id_ in publish(endpoint, 200)]
    with killed_at(sink, every=400) as running:
        for _ in range(kills):
            running.append(PumpProcess(fresh_database.url, tmp_path, env=FEW_SOCKETS))
            assert running[-1].process.wait() == -signal.SIGKILL
    with pump(fresh_database, tmp_path, env=FEW_SOCKETS):
        await_truth(lambda: states() == {"delivered": 2000})
    nothing_lost(sink, ids, most_repeats=kills * SOCKETS)


def test_pump_killed_between_claim_and_send(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    [endpoint] = endpoints_of(sink, 1)
    with pump(fresh_database, tmp_path) as doomed:
        with locked(fresh_database.url, "webhooks_endpointsecret", mode="ACCESS EXCLUSIVE"):
            ids = publish(endpoint, 50)
            await_truth(lambda: states().get("inflight", 0) == 20)
            await_truth(lambda: waits_for(fresh_database.url, "webhooks_endpointsecret"))
            doomed.kill()
        assert sink.received == []
        assert states() == {"inflight": 20, "pending": 30}
    with pump(fresh_database, tmp_path):
        await_truth(lambda: states() == {"delivered": 50})
    nothing_lost(sink, ids, most_repeats=0)


def test_pump_killed_while_it_writes_what_came_of_it(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    [endpoint] = endpoints_of(sink, 1)
    with pump(fresh_database, tmp_path) as doomed:
        with locked(fresh_database.url, "webhooks_attempt", mode="SHARE"):
            ids = publish(endpoint, 50)
            sink.await_messages(20)
            await_truth(lambda: waits_for(fresh_database.url, "webhooks_attempt"))
            doomed.kill()
        assert states() == {"inflight": 20, "pending": 30}
    with pump(fresh_database, tmp_path):
        await_truth(lambda: states() == {"delivered": 50})
    nothing_lost(sink, ids, most_repeats=20)
    assert set(sink.counts().values()) == {1, 2}


def test_pump_killed_while_it_fans_out(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    [endpoint] = endpoints_of(sink, 1)
    with pump(fresh_database, tmp_path) as doomed, locked(fresh_database.url, "webhooks_delivery", mode="SHARE"):
        ids = publish(endpoint, 50)
        await_truth(lambda: waits_for(fresh_database.url, "webhooks_delivery"))
        doomed.kill()
    with pump(fresh_database, tmp_path):
        await_truth(lambda: states() == {"delivered": 50})
    nothing_lost(sink, ids, most_repeats=0)


def test_two_pumps_killed_in_turn_under_steady_publishing(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    endpoints, ids, kills = endpoints_of(sink, path="/late/0.05"), list[str](), 6
    running = [PumpProcess(fresh_database.url, tmp_path, env=FEW_SOCKETS) for _ in range(2)]
    for turn in range(kills):
        for endpoint in endpoints:
            ids += publish(endpoint, 20)
        sink.await_messages(150 * (turn + 1))
        running[turn % 2].kill()
        running[turn % 2] = PumpProcess(fresh_database.url, tmp_path, env=FEW_SOCKETS)
    await_truth(lambda: states() == {"delivered": len(ids)})
    for each in running:
        assert each.stop() == 0
    nothing_lost(sink, ids, most_repeats=kills * SOCKETS)
    assert read_health().is_well


def test_database_killed_hard_again_and_again(
    postgres_server: PrivatePostgres, django_db_blocker: DjangoDbBlocker, sink: Sink, tmp_path: Path
) -> None:
    kills = 3
    with django_db_blocker.unblock(), django_at(postgres_server.url):
        call_command("migrate", verbosity=0)
        endpoints = endpoints_of(sink, path="/late/0.05")
        ids = [id_ for endpoint in endpoints for id_ in publish(endpoint, 100)]
        with pump(postgres_server.url, tmp_path, env=FEW_SOCKETS) as running:
            for turn in range(kills):
                sink.await_messages(200 * (turn + 1))
                postgres_server.kill()
                postgres_server.start()
            connections.close_all()
            await_truth(lambda: states() == {"delivered": 1000})
            # It lived through all of it.
            assert running.stop() == 0
        nothing_lost(sink, ids, most_repeats=kills * SOCKETS)
        assert not Delivery.objects.filter(state="quarantined").exists()


@pytest.fixture
def broker() -> Iterator[EmbeddedRedis]:
    """A Redis that the test may end."""
    found = find_program()
    assert found is not None
    server = EmbeddedRedis(found)
    yield server
    server.stop()


def test_broker_that_goes_and_never_comes_back_loses_nothing(
    fresh_database: FreshDatabase, broker: EmbeddedRedis, sink: Sink, tmp_path: Path
) -> None:
    [endpoint] = endpoints_of(sink, 1)
    with pump(fresh_database, tmp_path) as template:
        env = {**template.env, "CELERY_BROKER_URL": broker.broker_url}
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "sticker_auth.celery"]
    schedule = ["--schedule", str(tmp_path / "beat"), "--pidfile", ""]
    worker = Process([*celery, "worker", "--concurrency", "1"], env=env, log=tmp_path / "worker.log")
    beat = Process([*celery, "beat", *schedule], env=env, log=tmp_path / "beat.log")
    try:
        ids = publish(endpoint, 100)
        sink.await_messages(100)
        broker.stop()
        ids += publish(endpoint, 100)
        with pump(fresh_database, tmp_path):
            await_truth(lambda: states() == {"delivered": 200})
    finally:
        beat.kill()
        worker.kill()
    nothing_lost(sink, ids, most_repeats=20)


def test_celerys_clock_steps_aside_where_a_pump_runs(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    from webhooks.tasks import pump as drain

    [endpoint] = endpoints_of(sink, 1, path="/late/1")
    with pump(fresh_database, tmp_path):
        publish(endpoint, 1)
        sink.await_messages(1)
        assert apart(drain) == 0
        await_truth(lambda: states() == {"delivered": 1})
    publish(endpoint, 1)
    assert apart(drain) == 1
    assert states() == {"delivered": 2}
