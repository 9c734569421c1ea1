"""The purge: takes what has expired and nothing else, in batches, alone, and says what it did."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit.models import Event, EventContext
from audit.services import context_hash
from core.principals import RequestContext
from partners.models import IdempotencyRecord, KeyUsage, RateLimitState
from sessions_app.models import EmbedSession, SessionToken
from sessions_app.services import purge as purging
from sessions_app.tasks import purge_expired
from tests.sessions_app.conftest import World


def _purge() -> dict[str, int]:
    totals: dict[str, int] = {}
    for progress in purging.purge(now=timezone.now()):
        totals[progress.target] = totals.get(progress.target, 0) + progress.rows
    return totals


def _age_tokens(hours: int, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sessions_app_sessiontoken SET created_at = created_at - make_interval(hours => %s),"
            " expires_at = expires_at - make_interval(hours => %s)"
            " WHERE id IN (SELECT id FROM sessions_app_sessiontoken ORDER BY created_at LIMIT %s)",
            [hours, hours, count],
        )


def test_tokens_go_a_day_after_they_expired(world: World) -> None:
    for _ in range(3):
        world.handshake()
    _age_tokens(hours=25, count=2)
    assert _purge() == {"session tokens": 2}
    assert SessionToken.objects.count() == 1


def test_expired_tokens_stay_within_their_retention(world: World) -> None:
    world.handshake()
    _age_tokens(hours=23, count=1)
    assert _purge() == {}


def test_embed_sessions_go_when_they_have_been_over_for_long(world: World) -> None:
    world.signed_in()
    old = timezone.now() - timedelta(days=31)
    EmbedSession.objects.update(idle_expires_at=old)
    assert _purge() == {"embed sessions": 1}


def test_open_embed_session_survives_the_purge_of_its_token(world: World) -> None:
    world.signed_in()
    _age_tokens(hours=25, count=1)
    _purge()
    assert not SessionToken.objects.exists()
    assert world.page("GET", "/v1/sessions/current").status_code == 200


def test_other_old_rows_go_too(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=500)
    IdempotencyRecord.objects.create(
        partner=world.partner, environment="test", operation="x", key="k", fingerprint=b"f" * 32, created_at=long_ago
    )
    KeyUsage.objects.create(key=world.issued.key, hour=long_ago, outcome="accepted", endpoint="whoami", count=1)
    RateLimitState.objects.create(bucket="old", tat=long_ago.timestamp())
    assert _purge() == {"idempotency records": 1, "key usage": 1, "rate limit states": 1}


@pytest.mark.parametrize(("address", "kept"), [("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48")])
def test_addresses_are_cut_after_a_month_and_cannot_be_guessed_back(world: World, address: str, kept: str) -> None:
    world.handshake()
    month_ago = timezone.now() - timedelta(days=31)
    EventContext.objects.update(address=address, recorded_at=month_ago)
    assert _purge() == {"client addresses": 1}
    context = EventContext.objects.get()
    assert (context.address, context.user_agent, context.salt) == (kept, "", None)


def test_young_addresses_still_prove_the_ledgers_row(world: World) -> None:
    world.handshake()
    _purge()
    context = EventContext.objects.select_related("event").get()
    where = RequestContext("", context.address, context.user_agent)
    assert context_hash(where, bytes(context.salt or b"")) == bytes(context.event.context_hash or b"")


def test_purge_says_in_the_ledger_what_it_removed(world: World) -> None:
    world.handshake()
    _age_tokens(hours=25, count=1)
    _purge()
    assert Event.objects.get(type="purge.completed").data == {"session_tokens": 1}


def test_purge_with_nothing_to_do_leaves_no_row(db: None) -> None:
    _purge()
    assert not Event.objects.filter(type="purge.completed").exists()


def test_large_backlogs_go_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_ROWS", 2)
    for _ in range(5):
        world.handshake()
    _age_tokens(hours=25, count=5)
    rows = [progress.rows for progress in purging.purge(now=timezone.now())]
    assert rows == [2, 2, 1]


def test_purge_abandoned_half_way_is_finished_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_ROWS", 2)
    for _ in range(5):
        world.handshake()
    _age_tokens(hours=25, count=5)
    half: Iterator[purging.Progress] = purging.purge(now=timezone.now())
    next(half)
    half.close()  # type: ignore[attr-defined]  # a generator
    assert _purge() == {"session tokens": 3}


def test_row_somebody_holds_is_left_for_the_next_run(fresh_database: Any) -> None:
    from tests.sessions_app.conftest import make_world

    world = make_world()
    for _ in range(2):
        world.handshake()
    _age_tokens(hours=25, count=2)
    held = SessionToken.objects.order_by("created_at").values_list("pk", flat=True)[0]
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM sessions_app_sessiontoken WHERE id = %s FOR UPDATE", [held])
        assert _purge() == {"session tokens": 1}
    assert _purge() == {"session tokens": 1}


def test_second_purge_beside_a_running_one_ends_at_once(fresh_database: Any) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [purging.ADVISORY_LOCK])
        assert _purge() == {}
        assert not Event.objects.filter(type="purge.completed").exists()


def test_task_tells_how_many_rows_went(world: World) -> None:
    world.handshake()
    _age_tokens(hours=25, count=1)
    assert purge_expired() == 1


def test_command_reports_as_one_json_object(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.handshake()
    _age_tokens(hours=25, count=1)
    call_command("purge_expired", "--json")
    assert json.loads(capsys.readouterr().out)["removed"] == {"session tokens": 1}
