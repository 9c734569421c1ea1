"""200,000 deliveries wait for one endpoint that is dead and slow: nobody else may feel them."""

import time
from pathlib import Path

from core.principals import SYSTEM
from tests.databases import FreshDatabase
from tests.webhooks.pump.sink import Sink
from tests.webhooks.pump.world import endpoint_row, open_endpoint, publish, pump, queue_many, states
from webhooks.models import Delivery
from webhooks.reasons import DisabledReason
from webhooks.services.endpoints import disable_endpoint

BACKLOG = 200_000
WAVES = 20


def test_others_get_theirs_within_two_seconds(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    dead = open_endpoint(sink.url("/never"), max_concurrency=20)
    queue_many(dead, BACKLOG)
    others = [open_endpoint(sink.url(f"/ok/{number}")) for number in range(20)]
    born: dict[str, float] = {}
    with pump(fresh_database, tmp_path) as running:
        for wave in range(WAVES):
            for endpoint in others:
                [message_id] = publish(endpoint)
                born[message_id] = time.monotonic()
            sink.await_messages((wave + 1) * len(others), under="/ok")
        assert running.stop() == 0
    delays = sorted(each.at - born[each.message_id] for each in sink.received if each.message_id in born)
    assert len(delays) == WAVES * len(others)
    assert delays[len(delays) * 95 // 100] < 2, delays[-10:]
    # Its own are neither dropped nor used up: it is asked now and then whether it lives.
    assert states(dead) == {"pending": BACKLOG}
    assert len(sink.got("/never")) < 100
    assert endpoint_row(dead.pk).cap == 1


def test_disabling_parks_all_of_it_and_drops_none(fresh_database: FreshDatabase) -> None:
    dead = open_endpoint("http://127.0.0.1:20000/")
    queue_many(dead, BACKLOG)
    disable_endpoint(dead.pk, because=DisabledReason.FAILING, reason="", actor=SYSTEM)
    assert Delivery.objects.filter(endpoint=dead, state="parked").count() == BACKLOG
    assert fresh_database
