"""Refusals: counted in memory, appended as finished rows, exact inside, and nobody can fill the ledger with them."""

import time
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.models import Event
from audit.refusals import count_refusal
from core.batching import flush_all
from core.credentials import KeyKind, mint_key, mint_session_token
from core.errors import ServiceUnavailableError
from core.principals import Environment
from partners.services.partners import suspend_partner
from tests.factories import ALICE, make_key
from tests.partners.callers import ROTATE, SELF, WHOAMI, ask, post

pytestmark = pytest.mark.django_db


def rows(event_type: str = "refusal.counted") -> list[Event]:
    flush_all()
    return list(Event.objects.filter(type=event_type).order_by("id"))


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test not straddle two minutes."""
    now = time.time() // 60 * 60 + 30
    monkeypatch.setattr("audit.refusals.time.time", lambda: now)


def test_equal_refusals_of_a_minute_are_one_row() -> None:
    for _ in range(50):
        ask("nonsense")
    (row,) = rows()
    assert (row.reason, row.count, row.data["slug"], row.data["network"]) == (
        "malformed",
        50,
        "INVALID_API_KEY",
        "127.0.0.0/24",
    )
    assert row.data["minute"] % 60 == 0


def test_a_later_batch_is_a_row_of_its_own_because_rows_are_finished() -> None:
    for _ in range(2):
        ask("nonsense")
        flush_all()
    assert [row.count for row in rows()] == [1, 1]


def test_a_refusal_costs_no_query_of_its_own(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        ask("nonsense")


def test_refusals_of_different_networks_reasons_and_keys_are_told_apart() -> None:
    suspended = make_key()
    suspend_partner(suspended.key.partner_id, reason="", actor=ALICE)
    ask("nonsense")
    ask("nonsense", address="203.0.113.9")
    ask("")
    ask(suspended.plaintext)
    found = {(row.reason, row.subject_id, row.data["network"]) for row in rows()}
    assert found == {
        ("malformed", "", "127.0.0.0/24"),
        ("malformed", "", "203.0.113.0/24"),
        ("no_credential", "", "127.0.0.0/24"),
        ("partner_suspended", suspended.key.kid, "127.0.0.0/24"),
    }


def test_the_refusal_of_a_known_key_names_key_partner_and_environment() -> None:
    issued = make_key(scopes=[])
    ask(issued.plaintext, SELF)
    (row,) = rows()
    assert (row.subject_type, row.subject_id, row.reason) == ("key", issued.key.kid, "scope:key:read")
    assert (row.partner_id, row.environment) == (issued.key.partner_id, "test")


@pytest.mark.parametrize("prefix", ["sk_live_", "sk_test_", "ak_live_", "ak_test_"])
def test_of_a_key_nobody_issued_only_its_prefix_is_kept(prefix: str) -> None:
    ask(prefix + "x" * 20)
    assert [row.subject_id for row in rows()] == [prefix]


def test_a_caller_cannot_fill_the_ledger_with_made_up_keys() -> None:
    for number in range(30):
        ask(mint_key(KeyKind.SECRET, Environment.TEST).plaintext)
        ask(f"sk_{number:05d}" + "x" * 30)
    found = sorted((row.subject_id, row.reason, row.count) for row in rows())
    assert found == [("", "malformed", 30), ("sk_test_", "unknown", 30)]


def test_a_caller_cannot_write_to_the_ledger_with_what_it_sends() -> None:
    canary = "canary-0123456789"
    ask(canary, f"/v1/{canary}", **{"User-Agent": canary, "X-Request-ID": canary})
    ask(canary, **{"User-Agent": canary})
    post(canary, ROTATE, {"reason": canary})
    assert canary not in str([vars(row) for row in rows()])


def test_faults_of_ours_are_no_refusals() -> None:
    count_refusal(Client().get("/").wsgi_request, ServiceUnavailableError())
    assert rows() == []


def expose(query: str) -> Any:
    return Client(HTTP_HOST="127.0.0.1:8000").get(f"{WHOAMI}?{query}")


def test_a_genuine_key_in_a_query_is_refused_and_named() -> None:
    issued = make_key()
    answer = expose(f"api_key={issued.plaintext}")
    assert (answer.status_code, answer.json()["code"]) == (400, "SECRET_IN_URL")
    (row,) = rows("secret.exposed")
    assert (row.severity, row.subject_id, row.partner_id) == ("warning", issued.key.kid, issued.key.partner_id)
    assert (row.environment, row.reason) == ("test", "secret_in_query")


def test_a_genuine_key_in_a_form_is_refused_and_named() -> None:
    caller, leaked = make_key(), make_key()
    answer = Client(HTTP_HOST="127.0.0.1:8000").post(
        ROTATE, {"api_key": leaked.plaintext}, headers={"X-API-Key": caller.plaintext}
    )
    assert answer.json()["code"] == "SECRET_IN_URL"
    assert [(row.subject_id, row.reason) for row in rows("secret.exposed")] == [(leaked.key.kid, "secret_in_form")]


def test_a_made_up_key_with_a_real_kid_raises_no_alarm_about_that_key() -> None:
    issued = make_key()
    expose(f"api_key={issued.plaintext[:20]}{'0' * 38}")
    expose(f"api_key=sk_test_{issued.key.kid}-{'0' * 30}")
    assert {row.subject_id for row in rows("secret.exposed")} == {""}


def test_a_session_token_in_a_query_is_on_record_without_the_token() -> None:
    token = mint_session_token()
    assert expose(f"session_key={token}").json()["code"] == "SECRET_IN_URL"
    (row,) = rows("secret.exposed")
    assert token not in str(vars(row))


def test_an_exposed_key_still_works_until_someone_revokes_it() -> None:
    issued = make_key()
    expose(f"api_key={issued.plaintext}")
    assert ask(issued.plaintext).status_code == 200
