"""What results change: the delivery and the log, fenced by the claim, and what the endpoint's row learns from them."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from core.principals import SYSTEM
from tests.webhooks.pump.world import CONFIG, claim, endpoint_row, linked, open_endpoint, queue
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.pump.claim import Job
from webhooks.pump.results import LONGEST_PROBE_PAUSE_SECONDS, PROBING_AFTER, row_of, write_rows
from webhooks.pump.schedule import MAX_ATTEMPTS
from webhooks.pump.send import AttemptResult
from webhooks.reasons import AttemptReason, DisabledReason
from webhooks.services.endpoints import delete_endpoint, disable_endpoint, pause_endpoint
from webhooks.services.probes import send_test

pytestmark = pytest.mark.usefixtures("fresh_database")

URL = "http://127.0.0.1:20000/hook"


def result(job: Job, reason: AttemptReason = AttemptReason.DELIVERED, **fields: Any) -> AttemptResult:
    now = time.monotonic()
    made = AttemptResult(job, reason, now - 0.05, now, status=200 if reason is AttemptReason.DELIVERED else None)
    return replace(made, **fields)


def write(*results: AttemptResult, raises: int = 0) -> None:
    rows = [row_of(each, raises=raises, config=CONFIG) for each in results]
    linked(lambda link: write_rows(link, rows))


def fail(job: Job) -> AttemptResult:
    return result(job, AttemptReason.STATUS_5XX, status=500)


def take(endpoint: Endpoint, count: int = 1) -> list[Job]:
    queue(endpoint, count)
    return claim()


def test_delivered_is_written_with_all_that_is_known_of_the_attempt() -> None:
    [job] = take(open_endpoint(URL))
    known: dict[str, Any] = {"dns_ms": 1, "connect_ms": 2, "tls_ms": 3, "first_byte_ms": 4, "address": "192.0.2.1"}
    write(result(job, **known, response_text="ok", response_headers={"server": "x"}))
    row = Delivery.objects.get(pk=job.delivery_id)
    assert (row.state, row.claim, row.lease_until, row.last_status, row.last_reason) == (
        "delivered",
        None,
        None,
        200,
        "delivered",
    )
    assert row.finished_at is not None
    attempt = Attempt.objects.get(delivery_id=job.delivery_id)
    assert {name: getattr(attempt, name) for name in known} == known
    assert (attempt.number, attempt.total_ms, attempt.response_text, attempt.response_headers) == (1, 50, "ok", {"server": "x"})
    assert abs(attempt.started_at - timezone.now()) < timedelta(seconds=5)


def test_failure_is_due_again_by_the_schedule() -> None:
    [job] = take(open_endpoint(URL))
    write(fail(job))
    row = Delivery.objects.get(pk=job.delivery_id)
    assert (row.state, row.attempts, row.last_reason, row.last_status) == ("pending", 1, "server_error", 500)
    assert timedelta(seconds=40) < row.next_at - timezone.now() < timedelta(seconds=80)


def test_last_failure_ends_the_delivery_and_keeps_it() -> None:
    endpoint = open_endpoint(URL)
    queue(endpoint, 1)
    endpoint.deliveries.update(attempts=MAX_ATTEMPTS - 1, numbered=MAX_ATTEMPTS - 1)
    [job] = claim()
    write(fail(job))
    row = Delivery.objects.get(pk=job.delivery_id)
    assert (row.state, row.last_reason) == ("failed", "retries_exhausted")
    assert row.finished_at is not None


def test_fault_of_ours_uses_up_no_attempt_and_says_nothing_of_the_endpoint() -> None:
    endpoint = open_endpoint(URL)
    [job] = take(endpoint)
    write(result(job, AttemptReason.INTERNAL, status=None))
    row = Delivery.objects.get(pk=job.delivery_id)
    assert (row.state, row.attempts, row.numbered, row.last_reason) == ("pending", 0, 1, "internal")
    assert endpoint_row(endpoint.pk).consecutive_failures == 0


def test_result_whose_lease_was_taken_over_changes_nothing_and_is_logged_as_superseded() -> None:
    endpoint = open_endpoint(URL)
    [job] = take(endpoint)
    Delivery.objects.filter(pk=job.delivery_id).update(claim=uuid4(), numbered=2)
    write(fail(job))
    row = Delivery.objects.get(pk=job.delivery_id)
    assert row.state == "inflight"
    assert Attempt.objects.get(delivery_id=job.delivery_id).reason == "superseded"
    assert endpoint_row(endpoint.pk).consecutive_failures == 0
    newer = replace(job, claim=row.claim or uuid4(), number=2)
    write(result(newer), fail(job))
    assert Delivery.objects.get(pk=job.delivery_id).state == "delivered"


def test_writing_the_same_twice_logs_it_once() -> None:
    [job] = take(open_endpoint(URL))
    row = row_of(result(job), raises=0, config=CONFIG)
    for _ in range(2):
        linked(lambda link: write_rows(link, [row]))
    assert list(Attempt.objects.filter(delivery_id=job.delivery_id).values_list("reason", flat=True)) == ["delivered"]


@pytest.mark.parametrize(("close", "state"), [("pause", "parked"), ("disable", "parked"), ("delete", "cancelled")])
def test_failure_on_an_endpoint_that_was_closed_meanwhile_waits_or_ends(close: str, state: str) -> None:
    endpoint = open_endpoint(URL)
    [job] = take(endpoint)
    if close == "pause":
        pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    if close == "disable":
        disable_endpoint(endpoint.pk, because=DisabledReason.STAFF, reason="", actor=SYSTEM)
    if close == "delete":
        delete_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    write(fail(job))
    assert Delivery.objects.get(pk=job.delivery_id).state == state


def test_success_on_an_endpoint_that_was_closed_meanwhile_counts() -> None:
    endpoint = open_endpoint(URL)
    [job] = take(endpoint)
    pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    write(result(job))
    assert Delivery.objects.get(pk=job.delivery_id).state == "delivered"


def test_failures_are_counted_until_a_success() -> None:
    endpoint = open_endpoint(URL)
    jobs = take(endpoint, 3)
    write(*(fail(job) for job in jobs[:2]))
    row = endpoint_row(endpoint.pk)
    assert row.consecutive_failures == 2
    assert row.failing_since is not None
    write(result(jobs[2]))
    row = endpoint_row(endpoint.pk)
    assert (row.consecutive_failures, row.failing_since) == (0, None)
    assert row.last_success_at is not None


def test_trouble_after_a_long_silence_is_new_trouble() -> None:
    endpoint = open_endpoint(URL)
    first, second = take(endpoint, 2)
    write(fail(first))
    long_ago = Now() - timedelta(days=6)
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=long_ago, last_failure_at=long_ago, consecutive_failures=50)
    write(fail(second))
    row = endpoint_row(endpoint.pk)
    assert row.consecutive_failures == 1
    assert row.failing_since is not None
    assert timezone.now() - row.failing_since < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (AttemptReason.READ_TIMEOUT, None),
        (AttemptReason.CONNECT_TIMEOUT, None),
        (AttemptReason.TOO_MANY, 429),
        (AttemptReason.STATUS_5XX, 502),
        (AttemptReason.STATUS_5XX, 503),
        (AttemptReason.STATUS_5XX, 504),
    ],
)
def test_overload_halves_the_cap_and_twenty_successes_raise_it_by_one(reason: AttemptReason, status: int | None) -> None:
    endpoint = open_endpoint(URL, max_concurrency=8)
    jobs = take(endpoint, 8)
    write(result(jobs[0], reason, status=status))
    assert endpoint_row(endpoint.pk).cap == 4
    write(result(jobs[1]), raises=1)
    assert endpoint_row(endpoint.pk).cap == 5
    Endpoint.objects.filter(pk=endpoint.pk).update(cap=7)
    write(result(jobs[2]), raises=1)
    assert endpoint_row(endpoint.pk).cap is None


def test_refusal_by_the_receiver_is_no_overload() -> None:
    endpoint = open_endpoint(URL)
    [job] = take(endpoint)
    write(result(job, AttemptReason.STATUS_4XX, status=404))
    assert endpoint_row(endpoint.pk).cap is None


def test_endpoint_that_only_fails_is_called_once_and_then_after_a_pause() -> None:
    endpoint = open_endpoint(URL, max_concurrency=20)
    jobs = take(endpoint, 20)
    write(*(fail(job) for job in jobs[:PROBING_AFTER]))
    row = endpoint_row(endpoint.pk)
    assert row.cap == 1
    assert row.resume_at is not None
    assert row.resume_at <= timezone.now() + timedelta(seconds=2)
    Endpoint.objects.filter(pk=endpoint.pk).update(consecutive_failures=500)
    write(fail(jobs[PROBING_AFTER]))
    row = endpoint_row(endpoint.pk)
    assert row.resume_at is not None
    pause = row.resume_at - timezone.now()
    assert timedelta(seconds=LONGEST_PROBE_PAUSE_SECONDS - 5) < pause <= timedelta(seconds=LONGEST_PROBE_PAUSE_SECONDS)
    write(result(jobs[PROBING_AFTER + 1]))
    assert endpoint_row(endpoint.pk).resume_at is None


def test_retry_after_keeps_the_endpoint_and_the_delivery_alone() -> None:
    endpoint = open_endpoint(URL)
    job, other = take(endpoint, 2)
    write(result(job, AttemptReason.TOO_MANY, status=429, pause_seconds=600.0))
    row = endpoint_row(endpoint.pk)
    assert row.resume_at is not None
    assert timedelta(seconds=590) < row.resume_at - timezone.now() <= timedelta(seconds=600)
    assert Delivery.objects.get(pk=job.delivery_id).next_at >= row.resume_at - timedelta(seconds=1)
    write(result(other))
    assert endpoint_row(endpoint.pk).resume_at == row.resume_at


def test_refused_address_is_tried_again_and_does_not_count_against_the_endpoint() -> None:
    endpoint = open_endpoint(URL)
    [job] = take(endpoint)
    write(result(job, AttemptReason.ADDRESS_REFUSED, status=None))
    row = Delivery.objects.get(pk=job.delivery_id)
    assert (row.state, row.attempts, row.last_reason) == ("pending", 1, "address_refused")
    assert endpoint_row(endpoint.pk).consecutive_failures == 0


def test_replays_and_tests_say_nothing_of_the_endpoints_health() -> None:
    endpoint = open_endpoint(URL)
    queue(endpoint, 1)
    Delivery.objects.filter(endpoint=endpoint, is_probe=False).update(replayed_at=Now())
    send_test(endpoint.pk, event_type="order.shipped", actor=SYSTEM)
    jobs = claim()
    assert {(job.is_probe, job.is_replay) for job in jobs} == {(False, True), (True, False)}
    write(*(fail(job) for job in jobs))
    assert endpoint_row(endpoint.pk).consecutive_failures == 0


def test_success_is_noted_in_the_endpoints_row_now_and_then_only() -> None:
    endpoint = open_endpoint(URL)
    first, second = take(endpoint, 2)
    write(result(first))
    noted = endpoint_row(endpoint.pk).last_success_at
    assert noted is not None
    write(result(second))
    assert endpoint_row(endpoint.pk).last_success_at == noted
    Endpoint.objects.filter(pk=endpoint.pk).update(last_success_at=F("last_success_at") - timedelta(minutes=1))
    [third] = take(endpoint, 1)
    write(result(third))
    newer = endpoint_row(endpoint.pk).last_success_at
    assert newer is not None
    assert newer >= noted
