"""When a delivery is tried again, and what the end of an attempt makes of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.egress.policy import EgressReason
from core.egress.trace import Phase
from webhooks.models import DeliveryState
from webhooks.pump.schedule import (
    JITTER,
    MAX_ATTEMPTS,
    MAX_PROBE_ATTEMPTS,
    STEPS,
    Turn,
    delay_seconds,
    next_turn,
    pause_seconds,
    reason_of_status,
)
from webhooks.pump.send import reason_of_failure
from webhooks.reasons import OUR_FAULT, AttemptReason, DeliveryReason

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def turn_of(reason: AttemptReason, attempt: int = 1, *, is_probe: bool = False) -> Turn:
    return next_turn(reason, attempt=attempt, number=attempt, is_probe=is_probe, first_seconds=60, dice=0.5)


def test_steps_are_those_of_the_contract_and_go_on_for_more_than_a_day() -> None:
    minutes = [delay_seconds(attempt, first_seconds=60, dice=0.5) / 60 for attempt in range(1, MAX_ATTEMPTS)]
    assert [round(each) for each in minutes[:5]] == [1, 2, 4, 8, 16]
    assert sum(STEPS) * 60 * (1 - JITTER) > timedelta(hours=24).total_seconds()


@given(attempt=st.integers(1, MAX_ATTEMPTS - 1), dice=st.floats(0, 1))
def test_jitter_is_at_most_a_fifth(attempt: int, dice: float) -> None:
    exact = STEPS[attempt - 1] * 60
    assert exact * 0.8 - 1e-6 <= delay_seconds(attempt, first_seconds=60, dice=dice) <= exact * 1.2 + 1e-6


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, AttemptReason.DELIVERED),
        (299, AttemptReason.DELIVERED),
        (301, AttemptReason.STATUS_3XX),
        (304, AttemptReason.STATUS_3XX),
        (404, AttemptReason.STATUS_4XX),
        (410, AttemptReason.GONE),
        (429, AttemptReason.TOO_MANY),
        (500, AttemptReason.STATUS_5XX),
        (599, AttemptReason.STATUS_5XX),
        (101, AttemptReason.STATUS_OTHER),
        (999, AttemptReason.STATUS_OTHER),
    ],
)
def test_status_has_one_meaning(status: int, reason: AttemptReason) -> None:
    assert reason_of_status(status) is reason


@pytest.mark.parametrize("reason", set(AttemptReason) - OUR_FAULT - {AttemptReason.DELIVERED, AttemptReason.GONE})
def test_failure_is_tried_again_until_the_schedule_ends(reason: AttemptReason) -> None:
    turns = [turn_of(reason, attempt) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert {turn.state for turn in turns[:-1]} == {DeliveryState.PENDING}
    assert all(turn.is_counted for turn in turns)
    assert (turns[-1].state, turns[-1].reason) == (DeliveryState.FAILED, DeliveryReason.EXHAUSTED)


@pytest.mark.parametrize("reason", OUR_FAULT)
def test_fault_of_ours_uses_up_nothing_and_never_fails_a_delivery(reason: AttemptReason) -> None:
    turn = turn_of(reason, MAX_ATTEMPTS)
    assert turn.state is DeliveryState.PENDING
    assert not turn.is_counted
    assert turn.delay_seconds == 16 * 60


def test_gone_waits_for_the_endpoint_and_a_ping_ends() -> None:
    assert turn_of(AttemptReason.GONE).state is DeliveryState.PARKED
    assert turn_of(AttemptReason.GONE, is_probe=True).state is DeliveryState.FAILED


def test_ping_is_not_tried_for_days() -> None:
    assert turn_of(AttemptReason.STATUS_5XX, MAX_PROBE_ATTEMPTS, is_probe=True).state is DeliveryState.FAILED


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "30", 30),
        (503, " 30 ", 30),
        (429, "Sat, 01 Aug 2026 12:02:00 GMT", 120),
        (429, "86400", 6 * 3600),
        (429, "999999999", 6 * 3600),
        (429, "Sat, 01 Aug 2099 12:02:00 GMT", 6 * 3600),
        (500, "30", None),
        (200, "30", None),
        (429, None, None),
        (429, "", None),
        (429, "0", None),
        (429, "-5", None),
        (429, "soon", None),
        (429, "1e9", None),
        (429, "٣", None),
        (429, "9" * 5000, None),
        (429, "Sat, 01 Aug 2026 11:59:00 GMT", None),
        (429, "Sat, 99 Aug 2026 11:59:00 GMT", None),
        (429, "Sat, 01 Aug 99999 11:59:00 GMT", None),
    ],
)
def test_retry_after_is_honoured_within_bounds(status: int, header: str | None, seconds: float | None) -> None:
    assert pause_seconds(status, header, now=NOW) == seconds


@given(header=st.text(max_size=60))
def test_any_retry_after_is_survived(header: str) -> None:
    found = pause_seconds(429, header, now=NOW)
    assert found is None or 0 < found <= 6 * 3600


@pytest.mark.parametrize(
    ("reason", "phase", "named"),
    [
        (EgressReason.DNS, Phase.RESOLVE, AttemptReason.DNS_FAILED),
        (EgressReason.TIMEOUT, Phase.RESOLVE, AttemptReason.DNS_TIMEOUT),
        (EgressReason.CONNECT, Phase.CONNECT, AttemptReason.CONNECT_FAILED),
        (EgressReason.TIMEOUT, Phase.CONNECT, AttemptReason.CONNECT_TIMEOUT),
        (EgressReason.TIMEOUT, Phase.TLS, AttemptReason.CONNECT_TIMEOUT),
        (EgressReason.TLS, Phase.TLS, AttemptReason.TLS_FAILED),
        (EgressReason.TIMEOUT, Phase.ANSWER, AttemptReason.READ_TIMEOUT),
        (EgressReason.CONNECT, Phase.ANSWER, AttemptReason.CONNECTION_LOST),
        (EgressReason.PROTOCOL, Phase.ANSWER, AttemptReason.BAD_RESPONSE),
    ],
)
def test_failure_is_named_by_how_far_the_call_came(reason: EgressReason, phase: Phase, named: AttemptReason) -> None:
    assert reason_of_failure(reason, phase) is named
