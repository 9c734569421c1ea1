"""The limiter: exactly the allowance under any concurrency, an even refill, honest headers; in PostgreSQL and in Redis."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections
from pytest_django import DjangoAssertNumQueries, Settings

from core.errors import ServiceUnavailableError
from core.limits import WINDOW_SECONDS, Verdict, verdict
from partners.limits import refused, take
from partners.models import RateLimitState
from sticker_auth.local.redis import EmbeddedRedis

CALLERS = 16
BURST = 400


@pytest.fixture(params=["postgresql", "redis"])
def store(request: pytest.FixtureRequest, settings: Settings) -> None:
    if request.param == "redis":
        server: EmbeddedRedis = request.getfixturevalue("redis_server")
        settings.REDIS_URL = server.url
    else:
        request.getfixturevalue("db")


def bucket() -> str:
    return f"test:{secrets.token_hex(4)}"


def burst(act: Callable[[], Verdict]) -> list[Verdict]:
    """Let all callers start at the same moment and share the burst."""
    barrier = Barrier(CALLERS)

    def call(_caller: int) -> list[Verdict]:
        barrier.wait()
        try:
            return [act() for _ in range(BURST // CALLERS)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(CALLERS) as pool:
        return [each for verdicts in pool.map(call, range(CALLERS)) for each in verdicts]


# Five a minute: one more every 12 seconds, so that none refills during the burst.
def exactly_five_pass() -> bool:
    name = bucket()
    verdicts = burst(lambda: take(name, limit=5))
    return len(verdicts) == BURST and sum(each.is_allowed for each in verdicts) == 5


@pytest.mark.usefixtures("fresh_database")
def test_of_400_calls_at_once_postgresql_lets_exactly_the_allowance_pass() -> None:
    assert exactly_five_pass()


def test_of_400_calls_at_once_redis_lets_exactly_the_allowance_pass(redis_server: EmbeddedRedis, settings: Settings) -> None:
    settings.REDIS_URL = redis_server.url
    assert exactly_five_pass()


@pytest.mark.usefixtures("store")
def test_the_whole_allowance_may_be_used_at_once_and_counts_down() -> None:
    name = bucket()
    assert [take(name, limit=5).remaining for _ in range(5)] == [4, 3, 2, 1, 0]


@pytest.mark.usefixtures("store")
def test_a_refusal_tells_when_the_next_call_passes_and_when_the_bucket_is_full() -> None:
    name = bucket()
    before = time.time()
    *_, last = [take(name, limit=5) for _ in range(6)]
    assert not last.is_allowed
    assert last.retry_after in (11, 12)
    assert before + WINDOW_SECONDS - 1 <= last.reset_at <= time.time() + WINDOW_SECONDS + 1


@pytest.mark.usefixtures("store")
def test_buckets_do_not_share_their_allowance() -> None:
    full, other = bucket(), bucket()
    for _ in range(2):
        take(full, limit=1)
    assert take(other, limit=1).is_allowed


@pytest.mark.usefixtures("store")
def test_a_call_that_is_refused_costs_nothing() -> None:
    name = bucket()
    waits = [take(name, limit=1).retry_after for _ in range(5)]
    assert max(waits[1:]) - min(waits[1:]) <= 1


@pytest.mark.parametrize(
    ("seconds_later", "passing"), [(0.0, 0), (11.9, 0), (12.1, 1), (24.1, 2), (59.9, 4), (60.1, 5), (600.0, 5)]
)
@pytest.mark.django_db
def test_an_emptied_bucket_refills_evenly_over_the_minute(seconds_later: float, passing: int) -> None:
    name = bucket()
    for _ in range(5):
        take(name, limit=5)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE partners_ratelimitstate SET tat = tat - %s WHERE bucket = %s", [seconds_later, name])
    assert sum(take(name, limit=5).is_allowed for _ in range(6)) == passing


@pytest.mark.django_db
def test_a_limit_lowered_while_the_bucket_is_in_use_holds_at_once() -> None:
    name = bucket()
    for _ in range(10):
        take(name, limit=10)
    assert not take(name, limit=1).is_allowed


@pytest.mark.django_db
def test_one_step_is_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        take(bucket(), limit=5)


@pytest.mark.django_db
def test_a_bucket_is_one_small_row() -> None:
    name = bucket()
    take(name, limit=5)
    take(name, limit=5)
    assert RateLimitState.objects.filter(bucket=name).count() == 1


def test_a_redis_that_does_not_answer_is_no_open_door(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nonexistent/redis.sock"
    with pytest.raises(ServiceUnavailableError) as refusal:
        take(bucket(), limit=5)
    assert refusal.value.headers["Retry-After"]


def test_headers_of_a_passed_call_have_no_retry_after() -> None:
    headers = verdict(is_allowed=True, tat=1012.0, now=1000.0, limit=5).headers()
    assert headers == {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset": "1012"}


def test_headers_of_a_refused_call_say_how_long_to_wait() -> None:
    headers = verdict(is_allowed=False, tat=1060.0, now=1000.0, limit=5).headers()
    assert headers["X-RateLimit-Remaining"] == "0"
    assert headers["Retry-After"] == "12"


def test_the_refusal_carries_the_wait_in_header_and_body() -> None:
    error = refused(verdict(is_allowed=False, tat=1060.0, now=1000.0, limit=5))
    assert (error.status, error.headers["Retry-After"], error.extra["retry_after"]) == (429, "12", 12)
