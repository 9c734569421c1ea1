"""Deadlines to the second, and by whose clock: the database's, whatever the service's own clock shows."""

import json
import time
from pathlib import Path
from typing import Final

import pytest

from tests.journeys.parties import Backend, Page, database, hire
from tests.servers import LiveService, StartService

# A token as it would look so many seconds after it was made, by the clock of the database.
AGE: Final = """
UPDATE sessions_app_sessiontoken SET created_at = now() - make_interval(secs => %(age)s),
       expires_at = now() - make_interval(secs => %(age)s) + interval '300 seconds' WHERE id = %(id)s
"""


def aged(service: LiveService, backend: Backend, seconds: float) -> str:
    """Make a token that is already so old."""
    made = backend.handshake()
    with database(service) as connection:
        connection.execute(AGE, {"age": seconds, "id": made["session_id"]})
    return str(made["session_key"])


@pytest.mark.parametrize(("age", "status"), [(295, 200), (300, 401), (301, 401), (3600, 401)])
def test_token_is_good_for_five_minutes_and_not_a_second_more(
    service: LiveService, backend: Backend, page: Page, age: int, status: int
) -> None:
    assert page.open(aged(service, backend, age)).status == status


def test_token_dies_while_its_page_is_being_read(service: LiveService, backend: Backend, page: Page) -> None:
    token = aged(service, backend, 299)
    time.sleep(1.1)
    refused = page.open(token)
    assert (refused.status, refused.body["code"]) == (401, "SESSION_TOKEN_EXPIRED")


@pytest.mark.parametrize("hours", [-1, 1])
def test_clock_of_the_service_itself_decides_nothing(live_service: StartService, hours: int) -> None:
    clock = {"PYTHONPATH": str(Path(__file__).parent / "wrong_clock"), "CLOCK_IS_WRONG_BY_SECONDS": str(hours * 3600)}
    service = live_service(env=clock)
    backend = hire(service)
    for age, status in ((1, 200), (295, 200), (301, 401)):
        page = Page(backend)
        assert page.open(aged(service, backend, age)).status == status
        assert page.call("GET", "current").status == status
    shown = json.loads(service.log.read_text().splitlines()[-1])["at"]
    assert abs(shown - time.time() - hours * 3600) < 600


def test_expired_used_unknown_and_foreign_tokens_look_the_same(service: LiveService, backend: Backend) -> None:
    used = backend.handshake()["session_key"]
    assert Page(backend).open(used).status == 200
    foreign = backend.redemption(backend.handshake()["session_key"], partner_id="00000000-0000-4000-8000-000000000000")
    answers = [
        Page(backend).open(aged(service, backend, 301)),
        Page(backend).open(used),
        Page(backend).open("f" * 64),
        Page(backend).call("POST", "redeem", foreign),
    ]
    bodies = [{**each.body, "request_id": ""} for each in answers]
    assert {each.status for each in answers} == {401}
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.parametrize(
    ("column", "status"),
    [("idle_expires_at", 401), ("idle_expires_at, expires_at", 401), ("last_seen_at", 200)],
)
def test_session_ends_when_idle_or_too_old_by_the_database(service: LiveService, page: Page, column: str, status: int) -> None:
    session = page.open().body["session"]["id"]
    past = ", ".join(["clock_timestamp() - interval '1 second'"] * (column.count(",") + 1))
    with database(service) as connection:
        statement = f"UPDATE sessions_app_embedsession SET ({column}) = ROW({past}) WHERE session_token_id = %s"  # noqa: S608
        connection.execute(statement, [session])
    assert page.call("GET", "current").status == status
    assert page.call("POST", "heartbeat", {}).status == status


def test_heartbeat_keeps_a_session_awake_but_never_past_its_end(service: LiveService, page: Page) -> None:
    session = page.open().body["session"]["id"]
    with database(service) as connection:
        connection.execute(
            "UPDATE sessions_app_embedsession SET idle_expires_at = clock_timestamp() + interval '20 seconds',"
            " expires_at = clock_timestamp() + interval '60 seconds', last_seen_at = clock_timestamp() - interval '1 hour'"
            " WHERE session_token_id = %s",
            [session],
        )
    kept = page.call("POST", "heartbeat", {}).body["session"]
    assert 50 < kept["idle_seconds"] <= 60
    assert page.call("POST", "refresh", {}).body["expires_in"] <= 60
