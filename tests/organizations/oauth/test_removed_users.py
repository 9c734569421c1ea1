"""A user whom the provider leaves out loses everything with the next request, in whatever they are signed in to."""

from typing import Any

import pytest
from django.test import Client

from core.principals import Environment
from organizations.models import Profile, RunOutcome
from surfaces.names import SurfaceName
from tests.factories import make_key, make_profile
from tests.organizations.oauth.provider import Provider
from tests.organizations.oauth.world import ADA, BEN, EVE, World, make_world
from tests.sessions_app.conftest import World as Embed
from tests.sessions_app.conftest import call
from tests.surfaces.tenants import entitle
from tests.surfaces.tokens.parties import get

CURRENT, REFRESH, HEARTBEAT = (f"/v1/sessions/{name}" for name in ("current", "refresh", "heartbeat"))


@pytest.fixture
def connected(db: None, provider: Provider) -> World:
    world = make_world(provider)
    world.document["users"] = [dict(ADA), dict(BEN), dict(EVE)]
    world.sync()
    return world


def embed_of(world: World, external_id: str) -> Embed:
    profile = Profile.objects.get(organization=world.organization, external_id=external_id)
    return Embed(make_key(world.partner), profile)


def remove(world: World, gone: dict[str, Any]) -> None:
    world.document["users"] = [each for each in (ADA, BEN, EVE) if each is not gone]
    assert world.sync_again() is RunOutcome.CHANGED


@pytest.mark.parametrize(("method", "path"), [("GET", CURRENT), ("POST", REFRESH), ("POST", HEARTBEAT)])
def test_an_open_frame_ends(connected: World, method: str, path: str) -> None:
    eve, ben = embed_of(connected, "user-3"), embed_of(connected, "user-2")
    for each in (eve, ben):
        each.signed_in()
    remove(connected, EVE)
    assert eve.page(method, path, None if method == "GET" else {}).status_code == 401
    assert ben.page(method, path, None if method == "GET" else {}).status_code == 200


def test_access_tokens_end_on_every_surface(connected: World) -> None:
    entitle(connected.partner, SurfaceName.STOREFRONT, environment=Environment.TEST)
    eve = embed_of(connected, "user-3")
    token = eve.signed_in()["access_token"]
    headers = {"X-Sticker-Embed": "1", "Authorization": f"Bearer {token}"}
    assert call(Client(), "GET", CURRENT, None, headers).status_code == 200
    assert get("/Storefront/Account", token).status_code == 200
    remove(connected, EVE)
    assert call(Client(), "GET", CURRENT, None, headers).status_code == 401
    assert get("/Storefront/Account", token).status_code == 401


def test_a_link_that_was_not_opened_yet_is_dead(connected: World) -> None:
    eve = embed_of(connected, "user-3")
    session_key = eve.handshake()["session_key"]
    remove(connected, EVE)
    assert eve.redeem(session_key).status_code == 401
    assert eve.backend("POST", "/v1/partner/handshake", {"internal_user_id": "user-3"}).status_code == 404


def test_sessions_stay_ended_when_the_user_comes_back(connected: World) -> None:
    eve = embed_of(connected, "user-3")
    eve.signed_in()
    remove(connected, EVE)
    connected.document["users"].append(dict(EVE))
    connected.sync_again()
    assert eve.page("GET", CURRENT).status_code == 401
    eve.signed_in()
    assert eve.page("GET", CURRENT).status_code == 200


def test_the_same_user_of_another_partner_notices_nothing(connected: World, provider: Provider) -> None:
    other = make_world(provider)
    twin = Embed(make_key(other.partner), make_profile(other.partner, external_id="user-3"))
    twin.signed_in()
    remove(connected, EVE)
    assert twin.page("GET", CURRENT).status_code == 200
