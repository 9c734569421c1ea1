"""The signed-in iframe: read, refresh, heartbeat, sign out, and every way in which it ends."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from partners.models import ApiKey, RevokeReason
from partners.services.keys import pause_key, revoke_key
from partners.services.partners import emergency_revoke, reactivate_partner, suspend_partner
from sessions_app.models import EmbedSession
from tests.factories import ALICE, make_key
from tests.sessions_app.conftest import EMBED_HEADERS, World, call, make_world

CURRENT, REFRESH, HEARTBEAT, LOGOUT = (f"/v1/sessions/{name}" for name in ("current", "refresh", "heartbeat", "logout"))


def test_current_tells_who_is_signed_in_by_cookie(world: World) -> None:
    signed_in = world.signed_in()
    with CaptureQueriesContext(connection) as queries:
        answer = world.page("GET", CURRENT)
    assert answer.json()["profile"] == signed_in["profile"]
    assert len(queries) == 1


def test_current_tells_who_is_signed_in_by_access_token(world: World) -> None:
    signed_in = world.signed_in()
    headers = {"X-Sticker-Embed": "1", "Authorization": f"Bearer {signed_in['access_token']}"}
    assert call(Client(), "GET", CURRENT, None, headers).json()["profile"] == signed_in["profile"]


@pytest.mark.parametrize("token", ["", "x.y.z", "eyJhbGciOiJub25lIn0.e30."])
def test_current_refuses_a_made_up_access_token(world: World, token: str) -> None:
    headers = {"X-Sticker-Embed": "1", "Authorization": f"Bearer {token}"}
    assert call(Client(), "GET", CURRENT, None, headers).status_code == 401


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (REFRESH, {"Origin": ""}),
        (REFRESH, {"Origin": "https://evil.example"}),
        (REFRESH, {"X-Sticker-Embed": ""}),
        (LOGOUT, {"Origin": "null"}),
        (HEARTBEAT, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_calls_from_elsewhere_are_refused(world: World, path: str, headers: dict[str, str]) -> None:
    world.signed_in()
    answer = world.page("POST", path, {}, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "EMBED_ORIGIN")


def test_refresh_rotates_the_handle(world: World) -> None:
    world.signed_in()
    before = _cookie(world)
    answer = world.page("POST", REFRESH, {})
    assert answer.status_code == 200
    assert _cookie(world) != before
    assert answer.json()["access_token"]


def test_handle_just_replaced_gets_the_same_successor(world: World) -> None:
    world.signed_in()
    before = _cookie(world)
    first = world.page("POST", REFRESH, {}).headers["Set-Cookie"].split(";")[0]
    _hold(world, before)
    assert world.page("POST", REFRESH, {}).headers["Set-Cookie"].split(";")[0] == first


def test_replaced_handle_after_its_grace_ends_the_session(world: World) -> None:
    world.signed_in()
    before = _cookie(world)
    world.page("POST", REFRESH, {})
    successor = _cookie(world)
    _execute("UPDATE sessions_app_embedsession SET rotated_at = rotated_at - interval '11 seconds'")
    _hold(world, before)
    assert world.page("POST", REFRESH, {}).status_code == 401
    _hold(world, successor)
    assert world.page("GET", CURRENT).status_code == 401
    assert Event.objects.filter(type="session.refresh_reused").count() == 1


def test_older_handle_ends_the_session_at_once(world: World) -> None:
    world.signed_in()
    oldest = _cookie(world)
    world.page("POST", REFRESH, {})
    world.page("POST", REFRESH, {})
    _hold(world, oldest)
    assert world.page("POST", REFRESH, {}).status_code == 401
    assert EmbedSession.objects.get().end_reason == "refresh_reused"


def test_made_up_handle_of_a_known_session_ends_nothing(world: World) -> None:
    world.signed_in()
    genuine = _cookie(world)
    _hold(world, genuine[:32] + "0" * 64)
    assert world.page("POST", REFRESH, {}).status_code == 401
    _hold(world, genuine)
    assert world.page("GET", CURRENT).status_code == 200


def test_memory_mode_refreshes_by_the_body(world: World) -> None:
    handle = world.redeem(world.handshake()["session_key"], mode="memory").json()["refresh_handle"]
    answer = world.page("POST", REFRESH, {"refresh_handle": handle})
    assert answer.json()["refresh_handle"] != handle
    assert "Set-Cookie" not in answer.headers


def test_parallel_refreshes_of_one_page_agree(fresh_database: Any) -> None:
    world = make_world()
    handle = world.redeem(world.handshake()["session_key"], mode="memory").json()["refresh_handle"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _refresh(handle), range(16)))
    assert {status for status, _ in answers} == {200}
    assert len({successor for _, successor in answers}) == 1
    assert EmbedSession.objects.get().generation == 1


def test_heartbeat_extends_idle_time_but_writes_rarely(world: World) -> None:
    world.signed_in()
    _execute("UPDATE sessions_app_embedsession SET idle_expires_at = clock_timestamp() + interval '60 seconds'")
    assert world.page("POST", HEARTBEAT, {"seq": 1}).json()["session"]["idle_seconds"] <= 60
    _execute("UPDATE sessions_app_embedsession SET last_seen_at = clock_timestamp() - interval '31 seconds'")
    assert world.page("POST", HEARTBEAT, {"seq": 2}).json()["session"]["idle_seconds"] > 890


def test_heartbeat_never_extends_the_absolute_end(world: World) -> None:
    world.signed_in()
    _execute(
        "UPDATE sessions_app_embedsession SET last_seen_at = clock_timestamp() - interval '31 seconds',"
        " expires_at = clock_timestamp() + interval '90 seconds', idle_expires_at = clock_timestamp() + interval '60 seconds'"
    )
    assert world.page("POST", HEARTBEAT, {}).json()["session"]["idle_seconds"] <= 90


def test_logout_ends_the_session_and_clears_the_cookie(world: World) -> None:
    world.signed_in()
    handle = _cookie(world)
    answer = world.page("POST", LOGOUT, {})
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert "Partitioned" in answer.headers["Set-Cookie"]
    _hold(world, handle)
    assert world.page("GET", CURRENT).status_code == 401
    assert Event.objects.filter(type="session.ended").count() == 1


def test_logout_twice_is_fine(world: World) -> None:
    world.signed_in()
    world.page("POST", LOGOUT, {})
    assert world.page("POST", LOGOUT, {}).status_code == 204


@pytest.mark.parametrize(
    "ending", ["idle", "absolute", "suspend", "emergency", "revoke key", "revoke session", "revoke user", "remove user"]
)
def test_session_ends_on_the_next_call(world: World, ending: str) -> None:
    world.signed_in()
    _ENDINGS[ending](world)
    for method, path in (("GET", CURRENT), ("POST", REFRESH), ("POST", HEARTBEAT)):
        answer = world.page(method, path, {} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_EXPIRED")


def test_sessions_that_a_suspension_ended_stay_ended(world: World) -> None:
    world.signed_in()
    suspend_partner(world.partner.pk, reason="x", actor=ALICE)
    reactivate_partner(world.partner.pk, reason="x", actor=ALICE)
    assert world.page("GET", CURRENT).status_code == 401


@pytest.mark.parametrize("event", ["pause", "expire", "grace over"])
def test_end_of_a_keys_life_leaves_open_sessions_alone(world: World, event: str) -> None:
    world.signed_in()
    if event == "pause":
        pause_key(world.issued.key.pk, reason="x", actor=ALICE)
    else:
        column = "expires_at" if event == "expire" else "grace_until"
        ApiKey.objects.filter(pk=world.issued.key.pk).update(**{column: Now() - timedelta(seconds=1)})
    assert world.page("GET", CURRENT).status_code == 200


def test_two_partners_on_one_page_keep_their_sessions_apart(db: None) -> None:
    first, second = make_world(), make_world()
    second.browser = first.browser
    first.signed_in()
    second.signed_in()
    for world in (first, second):
        hints = {"X-Sticker-Partner": str(world.partner.pk), "X-Sticker-Environment": "test"}
        assert world.page("GET", CURRENT, None, **hints).json()["profile"]["id"] == str(world.profile.pk)


def _cookie(world: World) -> str:
    return next(morsel.value for morsel in world.browser.cookies.values())


def _hold(world: World, handle: str) -> None:
    world.browser.cookies[f"__Host-es-{world.partner.pk.hex[:8]}-t"] = handle


def _refresh(handle: str) -> tuple[int, str]:
    try:
        answer = call(Client(), "POST", REFRESH, {"refresh_handle": handle}, EMBED_HEADERS)
        return answer.status_code, answer.json().get("refresh_handle", "")
    finally:
        connection.close()


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _revoke_session(world: World) -> None:
    session_id = world.page("GET", CURRENT).json()["session"]["id"]
    assert world.backend("DELETE", f"/v1/sessions/{session_id}").status_code == 204


def _revoke_user(world: World) -> None:
    assert world.backend("DELETE", f"/v1/users/{world.profile.external_id}/sessions").status_code == 204


_ENDINGS: dict[str, Any] = {
    "idle": lambda world: _execute("UPDATE sessions_app_embedsession SET idle_expires_at = clock_timestamp()"),
    "absolute": lambda world: _execute(
        "UPDATE sessions_app_embedsession SET expires_at = clock_timestamp(), idle_expires_at = clock_timestamp()"
    ),
    "suspend": lambda world: suspend_partner(world.partner.pk, reason="x", actor=ALICE),
    "emergency": lambda world: emergency_revoke(world.partner.pk, reason="x", actor=ALICE),
    "revoke key": lambda world: revoke_key(world.issued.key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE),
    "revoke session": _revoke_session,
    "revoke user": _revoke_user,
    "remove user": lambda world: _execute("UPDATE organizations_profile SET removed_at = clock_timestamp()"),
}


def test_session_made_by_a_sibling_key_survives_a_revocation(world: World) -> None:
    sibling = make_key(world.partner)
    World(sibling, world.profile, world.browser).signed_in()
    revoke_key(world.issued.key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE)
    assert world.page("GET", CURRENT).status_code == 200
