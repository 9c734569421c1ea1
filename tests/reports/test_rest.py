"""Reports over REST: what happened is counted once, in its day or under its key, for its partner and environment alone."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Event
from core.batching import flush_all
from core.principals import Environment
from partners.models import ApiKey, KeyUsage
from partners.scopes import Scope
from partners.services.keys import IssuedKey
from sticker_auth.reports.views import REPORTS_PER_MINUTE
from tests.factories import make_key, make_partner, make_profile
from tests.sessions_app.conftest import EMBED_HEADERS
from tests.webhooks.conftest import Backend, make_backend
from webhooks.models import Attempt, Delivery

NAMES = ("handshakes", "redemptions", "key-usage", "deliveries")


@pytest.fixture
def key(db: None) -> IssuedKey:
    return make_key(name="Order backend")


def ask(key: IssuedKey | str, name: str, *, accept: str = "", **query: str) -> Any:
    text = key if isinstance(key, str) else key.plaintext
    headers = {"X-API-Key": text, **({"Accept": accept} if accept else {})}
    return Client().get(f"/v1/reports/{name}", query, headers=headers)


def report(key: IssuedKey | str, name: str, **query: str) -> Any:
    answer = ask(key, name, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def sign_in(key: IssuedKey, *, times: int = 1, redeemed: int = 0) -> None:
    """Make handshakes with a key, and redeem some of what came of them."""
    profile, client = make_profile(key.key.partner), Client()
    for number in range(times):
        body = {"profile_id": str(profile.pk)}
        answer = client.post("/v1/partner/handshake", body, "application/json", headers={"X-API-Key": key.plaintext})
        assert answer.status_code == 200, answer.content
        if number < redeemed:
            redeem(client, key, answer.json()["session_key"])


def redeem(client: Client, key: IssuedKey, session_key: str) -> None:
    """Redeem a token as the embed page does."""
    redemption = {"session_key": session_key, "partner_id": str(key.key.partner_id), "redeem_id": "0" * 32}
    answer = client.post("/v1/sessions/redeem", redemption, "application/json", headers=EMBED_HEADERS)
    assert answer.status_code == 200, answer.content


def today() -> str:
    return str(timezone.now().date())


def test_handshakes_are_counted_by_day_and_by_key(key: IssuedKey) -> None:
    second = make_key(key.key.partner, name="=second")
    sign_in(key, times=3)
    sign_in(second)
    by_day = report(key, "handshakes")
    assert by_day["rows"][-1] == {"day": today(), "handshakes": 4}
    assert (len(by_day["rows"]), by_day["totals"], by_day["environment"]) == (30, {"handshakes": 4}, "test")
    by_key = {row["key"]: row for row in report(key, "handshakes", group_by="key")["rows"]}
    assert by_key == {
        key.key.kid: {"key": key.key.kid, "name": "Order backend", "handshakes": 3},
        second.key.kid: {"key": second.key.kid, "name": "=second", "handshakes": 1},
    }


def test_a_redemption_counts_for_the_key_whose_handshake_it_came_of(key: IssuedKey) -> None:
    second = make_key(key.key.partner)
    sign_in(key, times=3, redeemed=2)
    sign_in(second, times=1, redeemed=1)
    assert report(key, "redemptions")["totals"] == {"redemptions": 3}
    by_key = {row["key"]: row["redemptions"] for row in report(key, "redemptions", group_by="key")["rows"]}
    assert by_key == {key.key.kid: 2, second.key.kid: 1}


def test_use_of_keys_is_told_apart_by_outcome(key: IssuedKey) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for outcome, count in (("accepted", 40), ("revoked", 2), ("network", 1)):
        KeyUsage.objects.create(key=key.key, hour=hour, outcome=outcome, endpoint="x", network="", count=count)
    yesterday = hour - timedelta(days=1)
    KeyUsage.objects.create(key=key.key, hour=yesterday, outcome="accepted", endpoint="x", network="", count=7)
    flush_all()
    by_day = report(key, "key-usage")
    assert by_day["rows"][-2:] == [
        {"day": str(yesterday.date()), "accepted": 7, "refused": 0},
        {"day": today(), "accepted": 40, "refused": 3},
    ]
    (row,) = report(key, "key-usage", group_by="key")["rows"]
    assert (row["key"], row["refused"]) == (key.key.kid, 3)
    assert row["accepted"] >= 47  # the reports themselves are uses


def test_deliveries_are_counted_with_their_times(backend: Backend) -> None:
    endpoint = backend.open_endpoint()
    Attempt.objects.all().delete()
    for number, (reason, milliseconds) in enumerate(
        [("delivered", 10), ("delivered", 30), ("timeout", 9_000), ("superseded", 1)]
    ):
        attempt(endpoint, number, reason, milliseconds)
    by_day = report(backend.key, "deliveries")
    assert by_day["rows"][-1] == {"day": today(), "delivered": 2, "failed": 1, "median_ms": 20, "p95_ms": 29}
    assert by_day["rows"][0]["median_ms"] is None
    assert by_day["totals"] == {"delivered": 2, "failed": 1}
    (row,) = report(backend.key, "deliveries", group_by="key")["rows"]
    assert (row["key"], row["name"], row["delivered"]) == (str(endpoint.pk), endpoint.url, 2)


def attempt(endpoint: Any, number: int, reason: str, milliseconds: int) -> None:
    delivery = Delivery.objects.filter(endpoint=endpoint)[0]
    Attempt.objects.create(
        delivery=delivery,
        endpoint=endpoint,
        number=number + 10,
        started_at=timezone.now(),
        total_ms=milliseconds,
        status=200 if reason == "delivered" else None,
        reason=reason,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("group_by", ["day", "key"])
def test_nothing_of_another_partner_or_environment_is_counted(backend: Backend, name: str, group_by: str) -> None:
    busy = make_key(backend.partner)
    sign_in(busy, times=1, redeemed=1)
    backend.open_endpoint()
    flush_all()
    live = make_backend(partner=backend.partner, environment=Environment.LIVE)
    stranger = make_backend()
    for other in (live, stranger):
        found = report(other.key, name, group_by=group_by, to=str(timezone.now().date() - timedelta(days=1)))
        assert not any(found["totals"].values())
        found = report(other.key, name, group_by=group_by)
        assert name == "key-usage" or not any(found["totals"].values())
        assert {row["key"] for row in found["rows"] if "key" in row} <= own_keys(other)


def own_keys(backend: Backend) -> set[str]:
    own = ApiKey.objects.filter(partner=backend.partner, environment=backend.environment)
    return set(own.values_list("kid", flat=True))


def test_an_event_belongs_to_the_day_of_utc_in_which_it_happened(key: IssuedKey) -> None:
    for hour, minute in ((0, 0), (23, 59)):
        at = datetime(2026, 3, 10, hour, minute, tzinfo=UTC)
        Event.objects.create(
            type="session.created",
            severity="info",
            actor_kind="key",
            actor_id=key.key.kid,
            partner_id=key.key.partner_id,
            environment="test",
            recorded_at=at,
        )
    found = report(key, "handshakes", **{"from": "2026-03-09", "to": "2026-03-11"})
    assert [row["handshakes"] for row in found["rows"]] == [0, 2, 0]
    assert (found["from"], found["to"]) == ("2026-03-09", "2026-03-11")


@pytest.mark.parametrize("accept", ["text/csv", "text/csv, application/json;q=0.5"])
def test_the_same_comes_as_csv_when_it_is_asked_for(key: IssuedKey, accept: str) -> None:
    second = make_key(key.key.partner, name="=1+1")
    sign_in(second, times=2)
    answer = ask(key, "handshakes", accept=accept, group_by="key")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert lines == [["key", "name", "handshakes"], [second.key.kid, "'=1+1", "2"]]


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/csv", "image/png"])
def test_json_comes_unless_csv_is_preferred(key: IssuedKey, accept: str) -> None:
    assert ask(key, "handshakes", accept=accept).headers["Content-Type"] == "application/json"


WRONG: list[tuple[dict[str, str], str]] = [
    ({"from": "yesterday"}, "from"),
    ({"to": "2026-02-30"}, "to"),
    ({"from": "2026-02-01T00:00:00Z"}, "from"),
    ({"from": "2026-02-02", "to": "2026-02-01"}, "from"),
    ({"from": "2020-01-01", "to": "2026-01-01"}, "from"),
    ({"to": "9999-12-31"}, "from"),
    ({"group_by": "hour"}, "group_by"),
]


@pytest.mark.parametrize(("query", "field"), WRONG)
def test_a_wrong_question_is_told_where(key: IssuedKey, query: dict[str, str], field: str) -> None:
    answer = ask(key, "handshakes", **query)
    assert (answer.status_code, [each["field"] for each in answer.json()["details"]]) == (400, [field])


def test_a_year_may_be_asked_for_and_an_unknown_report_not(key: IssuedKey) -> None:
    end = date(2026, 1, 1)
    found = report(key, "handshakes", **{"from": str(end - timedelta(days=365)), "to": str(end)})
    assert len(found["rows"]) == 366
    assert ask(key, "everything").status_code == 404


def test_the_scope_is_needed(db: None) -> None:
    assert ask(make_key(make_partner(), scopes=[Scope.EVENTS_READ]), "handshakes").status_code == 403


def test_reports_are_limited(key: IssuedKey) -> None:
    statuses = (ask(key, "key-usage").status_code for _ in range(4 * REPORTS_PER_MINUTE))
    assert next(statuses) == 200
    assert 429 in statuses
