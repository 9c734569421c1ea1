"""What a backend can learn of its sessions, and how it ends them."""

import uuid

import pytest

from audit.models import Event
from core.principals import Environment
from partners.scopes import Scope
from tests.factories import make_key
from tests.sessions_app.conftest import World, make_world


def test_status_follows_the_session(world: World) -> None:
    handshake = world.handshake()
    path = f"/v1/sessions/{handshake['session_id']}"
    issued = world.backend("GET", path).json()
    world.redeem(handshake["session_key"])
    redeemed = world.backend("GET", path).json()
    world.backend("DELETE", path)
    revoked = world.backend("GET", path).json()
    assert [each["status"] for each in (issued, redeemed, revoked)] == ["issued", "redeemed", "revoked"]
    assert [each["is_used"] for each in (issued, redeemed)] == [False, True]
    assert handshake["session_key"] not in str(redeemed)


def test_revoking_a_session_twice_is_one_act(world: World) -> None:
    path = f"/v1/sessions/{world.handshake()['session_id']}"
    assert [world.backend("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert Event.objects.filter(type="session.revoked").count() == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_sessions_of_others_look_missing(world: World, method: str) -> None:
    strangers = make_world().handshake()["session_id"], make_world(Environment.LIVE).handshake()["session_id"]
    unknown = str(uuid.uuid4())
    answers = [world.backend(method, f"/v1/sessions/{each}") for each in (*strangers, unknown)]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert bodies[0] == bodies[1] == bodies[2]


def test_users_of_others_look_missing(world: World) -> None:
    stranger = make_world()
    answer = world.backend("DELETE", f"/v1/users/{stranger.profile.external_id}/sessions")
    assert (answer.status_code, answer.json()["code"]) == (404, "PROFILE_NOT_FOUND")
    stranger.profile.refresh_from_db()
    assert stranger.profile.auth_epoch == 0


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/sessions/00000000-0000-4000-8000-000000000000", "session:read"),
        ("DELETE", "/v1/sessions/00000000-0000-4000-8000-000000000000", "session:revoke"),
        ("DELETE", "/v1/users/u/sessions", "session:revoke"),
    ],
)
def test_each_call_needs_its_scope(world: World, method: str, path: str, scope: str) -> None:
    others = [each for each in Scope if each != scope]
    narrow = World(make_key(world.partner, scopes=others), world.profile)
    answer = narrow.backend(method, path)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
