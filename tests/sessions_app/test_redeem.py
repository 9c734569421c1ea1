"""Redemption: once, by the right caller, in time; the same caller again, nobody else."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core import jwt
from partners.models import RevokeReason
from partners.services.keys import pause_key, revoke_key
from partners.services.partners import emergency_revoke, suspend_partner
from sessions_app.models import EmbedSession, SessionToken
from tests.factories import ALICE, make_key
from tests.sessions_app.conftest import EMBED_HEADERS, World, call, make_world

REDEEM = "/v1/sessions/redeem"


def test_redeeming_signs_the_user_in(world: World) -> None:
    answer = world.signed_in()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 300)
    assert answer["session"]["idle_seconds"] in (899, 900)
    assert answer["profile"]["id"] == str(world.profile.pk)
    assert "refresh_handle" not in answer


def test_access_token_says_who_where_and_for_how_long(world: World) -> None:
    claims = jwt.verify(world.signed_in()["access_token"], issuer="http://127.0.0.1:8000", audience="sticker:storefront")
    assert (claims["sub"], claims["tenant"], claims["env"]) == (str(world.profile.pk), str(world.partner.pk), "test")
    assert claims["exp"] - claims["iat"] <= 300


def test_cookie_is_host_only_partitioned_and_named_after_partner_and_environment(world: World) -> None:
    cookie = world.redeem(world.handshake()["session_key"]).headers["Set-Cookie"]
    name, _, attributes = cookie.partition("=")
    assert name == f"__Host-es-{world.partner.pk.hex[:8]}-t"
    parts = {part.strip() for part in attributes.split(";")[1:]}
    assert {"HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"} <= parts


def test_redeeming_is_one_statement(world: World) -> None:
    session_key = world.handshake()["session_key"]
    with CaptureQueriesContext(connection) as queries:
        assert world.redeem(session_key).status_code == 200
    assert len(queries) == 1


def test_redemption_is_in_the_ledger(world: World) -> None:
    handshake = world.handshake()
    world.redeem(handshake["session_key"])
    event = Event.objects.get(type="session.redeemed")
    assert (event.subject_id, event.environment) == (handshake["session_id"], "test")


def test_second_page_is_refused_and_both_are_on_record(world: World) -> None:
    session_key = world.handshake()["session_key"]
    world.redeem(session_key)
    thief = World(world.issued, world.profile)
    assert thief.redeem(session_key).status_code == 401
    replayed = Event.objects.get(type="session.replayed")
    assert replayed.context.address == "127.0.0.1"


def test_same_page_may_ask_again_within_the_window(world: World) -> None:
    body = world.redemption(world.handshake()["session_key"])
    first = world.page("POST", REDEEM, body)
    world.browser.cookies.clear()
    second = world.page("POST", REDEEM, body)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.headers["Set-Cookie"].split(";")[0] == second.headers["Set-Cookie"].split(";")[0]
    assert not Event.objects.filter(type="session.replayed").exists()


def test_same_page_is_refused_after_the_window(world: World) -> None:
    body = world.redemption(world.handshake()["session_key"])
    world.page("POST", REDEEM, body)
    world.browser.cookies.clear()
    _age_redemption(seconds=16)
    assert world.page("POST", REDEEM, body).status_code == 401


def test_same_page_is_refused_once_the_session_has_moved_on(world: World) -> None:
    body = world.redemption(world.handshake()["session_key"])
    world.page("POST", REDEEM, body)
    assert world.page("POST", "/v1/sessions/refresh", {}).status_code == 200
    world.browser.cookies.clear()
    assert world.page("POST", REDEEM, body).status_code == 401


def test_reload_with_the_same_address_resumes_by_the_cookie(world: World) -> None:
    session_key = world.handshake()["session_key"]
    world.redeem(session_key)
    _age_redemption(seconds=60)
    assert world.redeem(session_key).status_code == 200
    assert not Event.objects.filter(type="session.replayed").exists()


def test_cookie_of_another_session_does_not_resume(world: World) -> None:
    first, second = world.handshake()["session_key"], world.handshake()["session_key"]
    World(world.issued, world.profile).redeem(first)
    world.redeem(second)
    assert world.redeem(first).status_code == 401


def test_memory_mode_puts_the_handle_into_the_answer(world: World) -> None:
    answer = world.redeem(world.handshake()["session_key"], mode="memory")
    assert len(answer.json()["refresh_handle"]) == 96
    assert "Set-Cookie" not in answer.headers


def test_environment_may_be_left_out_by_a_caller_without_a_page(world: World) -> None:
    body = world.redemption(world.handshake()["session_key"])
    del body["environment"]
    assert call(Client(), "POST", REDEEM, body, {}).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"partner_id": str(uuid.uuid4())}, {"environment": "live"}, {"session_key": "0" * 64}],
)
def test_wrong_partner_or_environment_is_refused_and_burns_nothing(world: World, changes: dict[str, Any]) -> None:
    session_key = world.handshake()["session_key"]
    refused = world.redeem(session_key, **changes)
    assert (refused.status_code, refused.json()["code"]) == (401, "SESSION_TOKEN_EXPIRED")
    assert world.redeem(session_key).status_code == 200


def test_every_dead_token_gets_the_same_words(world: World) -> None:
    used, expired, revoked = world.handshake(), world.handshake(), world.handshake()
    World(world.issued, world.profile).redeem(used["session_key"])
    _expire(expired["session_id"])
    world.backend("DELETE", f"/v1/sessions/{revoked['session_id']}")
    bodies = [world.redeem(each["session_key"]).json() for each in (used, expired, revoked)]
    bodies.append(world.redeem("f" * 64).json())
    for body in bodies:
        body.pop("request_id")
    assert all(body == bodies[0] for body in bodies)


def test_the_databases_clock_decides_the_five_minutes(world: World) -> None:
    inside, outside = world.handshake(), world.handshake()
    _shift(inside["session_id"], "-299 seconds")
    _shift(outside["session_id"], "-300.001 seconds")
    assert world.redeem(inside["session_key"]).status_code == 200
    assert world.redeem(outside["session_key"]).status_code == 401


@pytest.mark.parametrize("ending", ["revoke", "suspend", "emergency", "user"])
def test_what_made_a_token_takes_it_along(world: World, ending: str) -> None:
    handshake = world.handshake()
    _end(world, ending)
    assert world.redeem(handshake["session_key"]).status_code == 401


def test_pausing_a_key_leaves_its_tokens_alone(world: World) -> None:
    handshake = world.handshake()
    pause_key(world.issued.key.pk, reason="maintenance", actor=ALICE)
    assert world.redeem(handshake["session_key"]).status_code == 200


def test_failures_of_one_address_are_limited_and_a_valid_token_is_not(world: World, settings: Any) -> None:
    settings.REDEEM_FAILURES_PER_MINUTE = 2
    session_key = world.handshake()["session_key"]
    statuses = [world.redeem("e" * 64).status_code for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert world.redeem(session_key).status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"session_key": "A" * 64}, "session_key"),
        ({"session_key": "a" * 63}, "session_key"),
        ({"session_key": 5}, "session_key"),
        ({"redeem_id": "short"}, "redeem_id"),
        ({"redeem_id": "x" * 65}, "redeem_id"),
        ({"partner_id": "acme"}, "partner_id"),
        ({"environment": "prod"}, "environment"),
        ({"mode": "disk"}, "mode"),
    ],
)
def test_malformed_redemption_is_refused_by_field(world: World, changes: dict[str, Any], field: str) -> None:
    answer = world.redeem(world.handshake()["session_key"], **changes)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"] == field
    assert not EmbedSession.objects.exists()


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_redeeming_from_another_site_is_refused(world: World, headers: dict[str, str]) -> None:
    body = world.redemption(world.handshake()["session_key"])
    answer = call(Client(), "POST", REDEEM, body, EMBED_HEADERS | headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "EMBED_ORIGIN")


def test_token_in_the_query_string_is_refused_and_reported(world: World) -> None:
    from core.batching import flush_all

    answer = world.page("POST", f"{REDEEM}?session_key={'a' * 64}", {})
    flush_all()
    assert (answer.status_code, answer.json()["code"]) == (400, "SECRET_IN_URL")
    assert Event.objects.filter(type="secret.exposed").exists()


def test_of_many_contenders_exactly_one_wins(fresh_database: Any) -> None:
    world = make_world()
    session_key = world.handshake()["session_key"]
    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(lambda _: _contend(world, session_key), range(64)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 429}
    assert EmbedSession.objects.count() == 1


def _contend(world: World, session_key: str) -> int:
    try:
        return call(Client(), "POST", REDEEM, world.redemption(session_key), EMBED_HEADERS).status_code  # type: ignore[no-any-return]
    finally:
        connection.close()


def _end(world: World, ending: str) -> None:
    if ending == "revoke":
        revoke_key(world.issued.key.pk, reason=RevokeReason.COMPROMISE, comment="leaked", actor=ALICE)
    elif ending == "suspend":
        suspend_partner(world.partner.pk, reason="unpaid", actor=ALICE)
    elif ending == "emergency":
        emergency_revoke(world.partner.pk, reason="leak", actor=ALICE)
    else:
        other = World(make_key(world.partner), world.profile)
        assert other.backend("DELETE", f"/v1/users/{world.profile.external_id}/sessions").status_code == 204


def _expire(session_id: str) -> None:
    _shift(session_id, "-301 seconds")


def _shift(session_id: str, interval: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sessions_app_sessiontoken SET created_at = created_at + %s::interval,"
            " expires_at = expires_at + %s::interval WHERE id = %s",
            [interval, interval, session_id],
        )


def _age_redemption(*, seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sessions_app_sessiontoken SET redeemed_at = redeemed_at - make_interval(secs => %s)", [seconds])
    assert SessionToken.objects.filter(redeemed_at__isnull=False).exists()
