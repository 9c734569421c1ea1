"""Days on which a part is down: callers get a 503 and when to come back, nothing is half done, and it recovers by itself."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.core.raw import RawAnswer, exchange, request_bytes
from tests.databases import django_at
from tests.factories import make_key
from tests.servers import LiveService, PrivatePostgres

COUNTED = "SELECT sum(count) FROM audit_event WHERE subject_id = 'ak_live_'"
WHOAMI, ROTATE = "/v1/whoami", "/v1/keys/self/rotate"


class Outage:
    """A service of its own on a PostgreSQL server that can be killed and brought back."""

    def __init__(self, postgres: PrivatePostgres, key: str, folder: Path) -> None:
        self.postgres, self.key = postgres, key.encode()
        self.service = LiveService(database_url=postgres.url, folder=folder, env={"REDIS_URL": ""})
        self.service.start()

    def ask(self, path: str = WHOAMI, *, method: str = "GET", key: bytes = b"") -> RawAnswer:
        return exchange(self.service, request_bytes(path, b"X-API-Key: " + (key or self.key), method=method))

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.postgres.url) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def outage(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Outage]:
    postgres = PrivatePostgres(tmp_path_factory.mktemp("postgres"))
    with django_db_blocker.unblock(), django_at(postgres.url):
        call_command("migrate", verbosity=0)
        key = make_key().plaintext
    made = Outage(postgres, key, tmp_path_factory.mktemp("service"))
    yield made
    made.service.stop()
    postgres.stop()


@pytest.fixture
def down(outage: Outage) -> Iterator[Outage]:
    outage.postgres.kill()
    yield outage
    outage.postgres.start()


def test_without_its_database_a_call_with_a_key_is_a_503_that_says_when_to_come_back(down: Outage) -> None:
    answer = down.ask()
    assert (answer.status, answer.json["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.json["retry_after"] == int(answer.headers["retry-after"]) == 2


@pytest.mark.parametrize(
    ("path", "method"), [(ROTATE, "POST"), ("/v1/organizations/setup", "POST"), ("/v1/partner/handshake", "POST")]
)
def test_no_call_ends_in_a_fault_without_its_database(down: Outage, path: str, method: str) -> None:
    assert down.ask(path, method=method).status == 503


def test_junk_is_refused_without_the_database_all_the_same(down: Outage) -> None:
    assert down.ask(key=b"nonsense").status == 401


def test_the_process_is_alive_but_not_ready(down: Outage) -> None:
    assert exchange(down.service, request_bytes("/healthz")).status == 200
    ready = exchange(down.service, request_bytes("/readyz"))
    assert (ready.status, ready.json["failing"]) == (503, ["database"])
    assert ready.headers["retry-after"]


def test_pages_answer_in_words_of_their_own(down: Outage) -> None:
    answer = exchange(down.service, request_bytes("/admin/"))
    assert answer.status in (302, 503)
    assert b"Traceback" not in answer.body


def test_after_a_restart_of_the_database_the_next_call_works_without_a_restart_of_ours(outage: Outage) -> None:
    assert outage.ask().status == 200
    outage.postgres.kill()
    outage.postgres.start()
    assert outage.ask().status == 200


def test_what_was_counted_before_and_during_an_outage_is_stored_after_it(outage: Outage) -> None:
    for _ in range(3):
        outage.ask(key=b"ak_live_counted-by-this-test-alone")
    outage.postgres.kill()
    for _ in range(4):
        outage.ask(key=b"ak_live_" + b"0" * 50)
    outage.postgres.start()
    await_true(lambda: outage.rows(COUNTED) == [(7,)])


def await_true(question: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Ask until it is so; the flusher of the service works on its own clock."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end
        os.sched_yield()


def test_an_outage_in_the_middle_of_an_act_leaves_nothing_half_done(outage: Outage) -> None:
    outage.postgres.kill()
    assert outage.ask(ROTATE, method="POST").status == 503
    outage.postgres.start()
    (found,) = outage.rows("SELECT count(*), count(rotated_at) FROM partners_apikey")
    assert found == (1, 0)
