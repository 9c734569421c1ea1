"""Which deliveries a pump takes: the due ones of open endpoints, fairly, within every cap, each by one pump only."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from core.principals import SYSTEM
from partners.models import Partner
from partners.services.partners import suspend_partner
from tests.databases import FreshDatabase
from tests.factories import make_partner
from tests.webhooks.pump.world import CONFIG, claim, open_endpoint, publish, queue, queue_many, states
from webhooks.formats import SignatureFormat
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.pump.claim import MAX_SUSPECTS, Job
from webhooks.pump.config import Shard
from webhooks.reasons import DisabledReason
from webhooks.services.endpoints import delete_endpoint, disable_endpoint, pause_endpoint
from webhooks.services.fanout import fan_out
from webhooks.services.probes import send_test

pytestmark = pytest.mark.usefixtures("fresh_database")


def url(number: int = 0) -> str:
    return f"http://127.0.0.1:{20_000 + number}/hook"


def by_endpoint(jobs: list[Job]) -> Counter[UUID]:
    return Counter(job.endpoint_id for job in jobs)


def test_job_holds_the_stored_bytes_and_all_that_is_said_about_them() -> None:
    endpoint = open_endpoint(url(), signature_format=SignatureFormat.STICKER)
    [message_id] = publish(endpoint)
    fan_out()
    [job] = claim()
    assert (job.message_id, job.event_type, job.url) == (message_id, "order.shipped", endpoint.url)
    assert (job.attempt, job.number, job.is_probe, job.is_replay) == (1, 1, False, False)
    assert job.body is not None
    assert job.body.startswith(b'{"event":"order.shipped","timestamp":"')
    row = Delivery.objects.get(pk=job.delivery_id)
    assert (row.state, row.attempts, row.claim) == ("inflight", 1, job.claim)
    assert row.lease_until is not None
    assert row.lease_until > timezone.now() + timedelta(seconds=25)
    assert job.seq == row.seq


def test_what_is_taken_is_taken_once() -> None:
    endpoint = open_endpoint(url(), max_concurrency=20)
    queue(endpoint, 10)
    assert len(claim()) == 10
    assert claim() == []


def test_pumps_at_the_same_time_never_share_a_delivery() -> None:
    endpoints = [open_endpoint(url(number), max_concurrency=20) for number in range(12)]
    for endpoint in endpoints:
        queue(endpoint, 10)
    taken: list[Job] = []
    threads = [threading.Thread(target=lambda: taken.extend(claim(free=30))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len({job.delivery_id for job in taken}) == 120


def test_endpoint_gets_no_more_than_its_concurrency_whoever_asks() -> None:
    endpoint = open_endpoint(url(), max_concurrency=3)
    queue(endpoint, 10)
    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(endpoint) == {"inflight": 3, "pending": 7}


def test_cap_that_troubles_have_lowered_holds() -> None:
    endpoint = open_endpoint(url(), max_concurrency=10)
    queue(endpoint, 10)
    Endpoint.objects.filter(pk=endpoint.pk).update(cap=2)
    assert len(claim()) == 2


def test_every_endpoint_gets_its_first_before_any_gets_its_second() -> None:
    hog = open_endpoint(url(), max_concurrency=20)
    queue_many(hog, 5_000)
    others = [open_endpoint(url(number), max_concurrency=20) for number in range(1, 20)]
    for endpoint in others:
        queue(endpoint, 2)
    taken = by_endpoint(claim(free=20))
    assert set(taken.values()) == {1}
    assert len(taken) == 20


def test_oldest_goes_first() -> None:
    endpoint = open_endpoint(url(), max_concurrency=2)
    first, second, third = queue(endpoint, 3)
    Delivery.objects.filter(pk=third).update(next_at=F("next_at") - timedelta(minutes=1))
    assert {job.delivery_id for job in claim()} == {third, first}
    assert second


def test_partner_with_many_endpoints_leaves_half_of_the_sockets_to_the_others() -> None:
    partner = make_partner()
    for number in range(12):
        queue(open_endpoint(url(number), partner=partner, max_concurrency=20), 20)
    taken = claim(free=100)
    assert len(taken) == 50
    other = open_endpoint(url(99))
    queue(other, 3)
    assert by_endpoint(claim(free=50)) == {other.pk: 3}


def test_host_with_many_partners_leaves_half_of_the_sockets_to_the_others() -> None:
    for number in range(12):
        queue(open_endpoint(f"http://127.0.0.1:20000/{number}", max_concurrency=20), 20)
    assert len(claim(free=100)) == 50
    queue(open_endpoint(url(99)), 3)
    assert len(claim(free=50)) == 3


def test_rate_of_an_endpoint_is_kept_over_a_tenth_of_a_minute() -> None:
    endpoint = open_endpoint(url(), max_concurrency=20, rate_per_minute=60)
    queue(endpoint, 20)
    jobs = claim()
    assert len(jobs) == 6
    assert claim() == []
    for job in jobs:
        Delivery.objects.filter(pk=job.delivery_id).update(state="delivered", claim=None, lease_until=None, finished_at=Now())
        Attempt.objects.create(
            delivery_id=job.delivery_id, endpoint=endpoint, number=1, started_at=timezone.now(), total_ms=1, reason="delivered"
        )
    assert claim() == []
    Attempt.objects.update(started_at=F("started_at") - timedelta(seconds=7))
    assert len(claim()) == 6


def test_slow_rate_is_one_at_a_time() -> None:
    endpoint = open_endpoint(url(), rate_per_minute=2)
    queue(endpoint, 5)
    assert len(claim()) == 1
    assert claim() == []


def test_endpoint_that_asked_to_be_left_alone_is() -> None:
    endpoint = open_endpoint(url())
    queue(endpoint, 1)
    Endpoint.objects.filter(pk=endpoint.pk).update(resume_at=Now() + timedelta(minutes=1))
    assert claim() == []
    Endpoint.objects.filter(pk=endpoint.pk).update(resume_at=Now() - timedelta(seconds=1))
    assert len(claim()) == 1


@pytest.mark.parametrize("case", ["paused", "disabled", "unverified", "deleted", "suspended", "later"])
def test_what_must_wait_is_left(case: str) -> None:
    endpoint = open_endpoint(url())
    queue(endpoint, 1)
    if case == "paused":
        pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    if case == "disabled":
        disable_endpoint(endpoint.pk, because=DisabledReason.STAFF, reason="", actor=SYSTEM)
    if case == "unverified":
        Endpoint.objects.filter(pk=endpoint.pk).update(verified_at=None)
    if case == "deleted":
        delete_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    if case == "suspended":
        suspend_partner(endpoint.partner_id, reason="unpaid", actor=SYSTEM)
    if case == "later":
        Delivery.objects.update(next_at=Now() + timedelta(seconds=30))
    assert claim() == []


def test_test_goes_out_whatever_state_its_endpoint_is_in() -> None:
    endpoint = open_endpoint(url())
    queue(endpoint, 3)
    disable_endpoint(endpoint.pk, because=DisabledReason.STAFF, reason="", actor=SYSTEM)
    delivery = send_test(endpoint.pk, event_type="order.shipped", actor=SYSTEM)
    [job] = claim()
    assert (job.delivery_id, job.is_probe) == (delivery.pk, True)


def test_suspects_are_sent_few_at_a_time_so_that_the_culprit_stands_out() -> None:
    for number in range(4):
        queue(open_endpoint(url(number), max_concurrency=10), 5)
    Delivery.objects.update(abandoned=2)
    quiet = open_endpoint(url(9), max_concurrency=10)
    queue(quiet, 5)
    taken = by_endpoint(claim())
    assert taken[quiet.pk] == 5
    assert sum(taken.values()) == 5 + MAX_SUSPECTS
    assert claim() == []


def test_shards_divide_the_endpoints() -> None:
    for number in range(20):
        queue(open_endpoint(url(number)), 1)
    first = claim(replace(CONFIG, shard=Shard(0, 2)))
    second = claim(replace(CONFIG, shard=Shard(1, 2)))
    assert len(first) + len(second) == 20
    assert 0 < len(first) < 20
    assert claim() == []


def test_claim_costs_the_same_beside_a_long_backlog(fresh_database: FreshDatabase) -> None:
    partners: list[Partner] = [make_partner() for _ in range(3)]
    hog = open_endpoint(url(), partner=partners[0])
    queue_many(hog, 20_000)
    quiet = open_endpoint(url(1), partner=partners[1])
    queue(quiet, 1)
    from django.db import connection

    from webhooks.pump.claim import CLAIM, SUSPECT_AFTER

    params: dict[str, UUID | int | float] = {
        "claim": UUID(int=1),
        "free": 100,
        "spare": 50,
        "partner": 20,
        "host": 10,
        "lease": 30.0,
        "shard": 0,
        "shards": 1,
        "suspect": SUSPECT_AFTER,
        "suspects": MAX_SUSPECTS,
    }
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + CLAIM, params)
        plan = cursor.fetchone()[0][0]["Plan"]
    # A page for each of 20,000 rows would be thousands.
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1500
    assert fresh_database
