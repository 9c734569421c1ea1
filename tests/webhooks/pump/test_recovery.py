"""What lost its worker, what waited for its endpoint, and what is given back."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from audit.models import Event
from core.principals import SYSTEM
from tests.webhooks.pump.world import CONFIG, claim, linked, open_endpoint, queue, states
from webhooks.models import Attempt, Delivery
from webhooks.pump.recovery import RELEASED_ROWS, recover_leases, release_parked, return_jobs
from webhooks.services.endpoints import pause_endpoint, resume_endpoint
from webhooks.services.health import MAX_ABANDONED, quarantine_lost

pytestmark = pytest.mark.usefixtures("fresh_database")

URL = "http://127.0.0.1:20000/hook"


def recover() -> int:
    return linked(lambda link: recover_leases(link, config=CONFIG))


def release() -> int:
    return linked(release_parked)


def lose(*, abandoned: int = 0) -> None:
    Delivery.objects.filter(state="inflight").update(lease_until=Now() - timedelta(seconds=1), abandoned=abandoned)


def test_lease_that_has_not_ended_is_left_alone() -> None:
    queue(open_endpoint(URL), 1)
    claim()
    assert recover() == 0


def test_delivery_that_lost_its_worker_is_due_again_with_its_attempt_given_back_and_logged() -> None:
    [delivery_id] = queue(open_endpoint(URL), 1)
    claim()
    lose()
    assert recover() == 1
    row = Delivery.objects.get(pk=delivery_id)
    assert (row.state, row.attempts, row.numbered, row.abandoned, row.last_reason) == ("pending", 0, 1, 1, "internal")
    assert row.next_at <= timezone.now()
    assert Attempt.objects.get(delivery_id=delivery_id).reason == "internal"
    assert [job.number for job in claim()] == [2]


def test_whatever_loses_its_worker_again_waits_longer() -> None:
    [delivery_id] = queue(open_endpoint(URL), 1)
    claim()
    lose(abandoned=3)
    recover()
    assert timedelta(seconds=40) < Delivery.objects.get(pk=delivery_id).next_at - timezone.now() < timedelta(seconds=50)


def test_delivery_that_lost_five_workers_is_set_aside_and_staff_are_told() -> None:
    [delivery_id] = queue(open_endpoint(URL), 1)
    claim()
    lose(abandoned=MAX_ABANDONED - 1)
    assert recover() == 0
    assert quarantine_lost() == 1
    row = Delivery.objects.get(pk=delivery_id)
    assert (row.state, row.last_reason, row.claim) == ("quarantined", "leases_lost", None)
    event = Event.objects.get(type="delivery.quarantined")
    assert (event.subject_id, event.severity) == (str(delivery_id), "critical")
    assert quarantine_lost() == 0
    assert claim() == []


def test_parked_deliveries_come_out_in_order_and_not_all_at_once() -> None:
    endpoint = open_endpoint(URL, max_concurrency=20)
    ids = queue(endpoint, RELEASED_ROWS + 20)
    pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    assert release() == 0
    resume_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    assert release() == RELEASED_ROWS
    assert release() == 0
    assert set(Delivery.objects.filter(state="pending").values_list("pk", flat=True)) == set(ids[:RELEASED_ROWS])
    queue(endpoint, 1)
    for first in (0, 20):
        assert {job.delivery_id for job in claim()} == set(ids[first : first + 20])
        arrived = Delivery.objects.filter(state="inflight")
        arrived.update(state="delivered", claim=None, lease_until=None, finished_at=Now())
    assert release() == 20
    assert {job.delivery_id for job in claim()} == set(ids[40:60])


def test_endpoint_that_is_left_alone_gets_nothing_released() -> None:
    endpoint = open_endpoint(URL)
    queue(endpoint, 1)
    pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    resume_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    endpoint.__class__.objects.filter(pk=endpoint.pk).update(resume_at=Now() + timedelta(minutes=1))
    assert release() == 0


def test_what_was_taken_and_not_begun_is_given_back_as_it_was() -> None:
    endpoint = open_endpoint(URL)
    queue(endpoint, 2)
    jobs = claim()
    Delivery.objects.filter(pk=jobs[1].delivery_id).update(claim="00000000-0000-0000-0000-000000000001")
    linked(lambda link: return_jobs(link, jobs))
    assert states(endpoint) == {"pending": 1, "inflight": 1}
    row = Delivery.objects.get(pk=jobs[0].delivery_id)
    assert (row.attempts, row.numbered, row.abandoned) == (0, 0, 0)
    assert Delivery.objects.filter(numbered=F("attempts")).count() >= 1
