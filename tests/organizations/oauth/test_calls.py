"""The calls a partner's backend makes about its organizations' grants."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from audit.models import Event
from core.principals import Environment
from organizations.models import GrantState, OAuthGrant
from organizations.oauth.authorization import challenge_of, make_verifier
from organizations.oauth.sealing import access_place, unseal
from partners.scopes import Scope
from tests.factories import make_key, make_organization
from tests.organizations.backend import make_backend, partner_body, setup_body
from tests.organizations.oauth.provider import Answer, Provider
from tests.organizations.oauth.world import World, configure, make_world

TOKENS = {"accessToken": "at-given", "refreshToken": "rt-given", "accessTokenExpiresIn": 3600}


class Caller:
    """A backend that calls about one organization."""

    def __init__(self, world: World, **policy: Any) -> None:
        self.world = world
        self.issued = make_key(world.partner, **policy)

    def call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.issued.plaintext}"}
        data = b"" if body is None else json.dumps(body).encode()
        return Client(HTTP_HOST="127.0.0.1:8000").generic(method, path, data, content_type="application/json", headers=headers)

    def about(self, method: str, what: str = "oauth", body: object = None, *, external_id: str = "") -> Any:
        return self.call(method, f"/v1/organizations/{external_id or self.world.organization.external_id}/{what}", body)


@pytest.fixture
def caller(world: World) -> Caller:
    return Caller(world)


def test_tokens_go_in_and_never_come_out(caller: Caller) -> None:
    answer = caller.about("PUT", body=TOKENS)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["token"]["hasRefreshToken"], body["problem"]) == ("pending", True, None)
    grant = caller.world.grant
    assert unseal(grant.access_sealed or b"", place=access_place(grant)) == "at-given"
    for seen in (answer, caller.about("GET")):
        assert "at-given" not in seen.content.decode()
        assert "rt-given" not in seen.content.decode()
    assert "given" not in repr(list(Event.objects.values_list("data", flat=True)))


def test_the_state_tells_what_is_wrong_and_what_the_last_run_did(caller: Caller) -> None:
    caller.world.sync()
    body = caller.about("GET").json()
    assert (body["state"], body["lastRun"]["outcome"], body["lastRun"]["changes"]["users_added"]) == ("active", "changed", 2)
    caller.world.provider.next_at_data.append(Answer(403))
    caller.world.sync_again()
    body = caller.about("GET").json()
    assert (body["state"], body["problem"]["reason"], body["lastRun"]["httpStatus"]) == ("config_error", "forbidden", 403)


def test_a_refused_client_shows_at_every_organization(caller: Caller) -> None:
    caller.world.age_access_token()
    caller.world.provider.next_at_token.append(Answer(401))
    caller.world.sync()
    body = caller.about("GET").json()
    assert (body["state"], body["problem"]["reason"]) == ("config_error", "invalid_client")


def test_forcing_a_sync(caller: Caller) -> None:
    caller.world.sync()
    assert caller.about("POST", "sync").status_code == 202
    assert caller.world.sync() is not None
    OAuthGrant.objects.update(state=GrantState.REAUTHORIZATION_REQUIRED, next_sync_at=None)
    refused = caller.about("POST", "sync")
    assert (refused.status_code, refused.json()["code"]) == (409, "OAUTH_STATE")


def test_ending_a_grant(caller: Caller) -> None:
    assert caller.about("DELETE").status_code == 204
    assert caller.about("DELETE").status_code == 204
    body = caller.about("GET").json()
    assert (body["state"], body["token"], body["nextSyncAt"]) == ("disconnected", None, None)
    assert caller.about("POST", "sync").status_code == 409
    assert caller.about("PUT", body=TOKENS).json()["state"] == "pending"


@pytest.mark.parametrize(("method", "what"), [("GET", "oauth"), ("DELETE", "oauth"), ("POST", "sync")])
def test_what_is_not_there_is_not_found(caller: Caller, provider: Provider, method: str, what: str) -> None:
    assert caller.about(method, what, external_id="nobody").json()["code"] == "ORGANIZATION_NOT_FOUND"
    bare = make_organization(caller.world.partner)
    assert caller.about(method, what, external_id=bare.external_id).json()["code"] == "OAUTH_NOT_CONNECTED"
    stranger = make_world(provider)
    answer = caller.about(method, what, external_id=stranger.organization.external_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "ORGANIZATION_NOT_FOUND")


@pytest.mark.parametrize(("method", "what"), [("GET", "oauth"), ("PUT", "oauth"), ("DELETE", "oauth"), ("POST", "sync")])
def test_a_live_key_does_not_see_test_grants(world: World, method: str, what: str) -> None:
    caller = Caller(world, environment=Environment.LIVE)
    assert caller.about(method, what, TOKENS).status_code == 404


def test_each_call_needs_its_scope(world: World) -> None:
    reader, writer = Caller(world, scopes=[Scope.ORGANIZATION_READ]), Caller(world, scopes=[Scope.ORGANIZATION_WRITE])
    assert reader.about("GET").status_code == 200
    assert writer.about("GET").status_code == 403
    for method, what in (("PUT", "oauth"), ("DELETE", "oauth"), ("POST", "sync"), ("POST", "oauth/connect")):
        assert reader.about(method, what, TOKENS).status_code == 403, what
    assert reader.call("POST", "/v1/organizations/oauth/exchange", {}).status_code == 403


def test_ids_with_slashes_are_found(caller: Caller) -> None:
    make_organization(caller.world.partner, external_id="group/north/oauth")
    answer = caller.about("PUT", body=TOKENS, external_id="group%2Fnorth%2Foauth")
    assert answer.json()["internalOrgId"] == "group/north/oauth"


BAD: list[dict[str, Any]] = [
    {},
    {"accessToken": ""},
    {"accessToken": None},
    {"accessToken": 7},
    {"accessToken": "a b"},
    {"accessToken": "a\r\nHost: b"},
    {"accessToken": "ä"},
    {"accessToken": "x" * 8193},
    {**TOKENS, "refreshToken": "a\tb"},
    {**TOKENS, "accessTokenExpiresIn": "3600"},
    {**TOKENS, "accessTokenExpiresIn": -1},
    {**TOKENS, "expires_at": "2030-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("body", BAD)
def test_bad_tokens_are_refused_and_change_nothing(caller: Caller, body: dict[str, Any]) -> None:
    before = caller.world.grant.version
    answer = caller.about("PUT", body=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert caller.world.grant.version == before


# -- Tokens in setup calls


def test_tokens_of_a_setup_call_are_kept_until_a_provider_is_configured(db: None, provider: Provider) -> None:
    backend = make_backend()
    assert backend.setup(setup_body(**TOKENS)).status_code == 201
    grant = OAuthGrant.objects.get()
    assert (grant.state, grant.partner_id) == (GrantState.PENDING, backend.partner.pk)
    configure(provider, backend.partner)
    provider.organizations["org-1"] = {"organizationName": "From the provider"}
    provider.access_tokens.add("at-given")
    world = World(provider, backend.partner, grant.organization)
    assert world.sync() is not None
    assert world.grant.state == GrantState.ACTIVE


def test_tokens_of_the_older_form_are_kept(db: None) -> None:
    backend = make_backend()
    assert backend.partner_setup(partner_body(access_token="at-older")).status_code == 201
    grant = OAuthGrant.objects.get()
    assert unseal(grant.access_sealed or b"", place=access_place(grant)) == "at-older"


def test_a_refresh_token_alone_gets_its_access_token_first(db: None, provider: Provider) -> None:
    backend = make_backend()
    configure(provider, backend.partner)
    provider.refresh_tokens.add("rt-only")
    provider.organizations["org-1"] = {}
    backend.setup(setup_body(refreshToken="rt-only"))
    world = World(provider, backend.partner, OAuthGrant.objects.get().organization)
    assert world.sync() is not None
    assert [each.path for each in provider.asked] == ["/token", "/organizations/org-1"]
    assert world.grant.state == GrantState.ACTIVE


def test_setup_of_a_user_who_exists_hands_nothing_over(db: None) -> None:
    backend = make_backend()
    backend.setup()
    assert backend.setup(setup_body(**TOKENS)).status_code == 409
    assert not OAuthGrant.objects.exists()


# -- Exchanging a code


def exchange(caller: Caller, **changes: Any) -> Any:
    verifier = make_verifier()
    caller.world.provider.codes["code-1"] = {"redirect_uri": "https://shop.example/back", "code_verifier": verifier}
    body = {
        "internalOrgId": caller.world.organization.external_id,
        "code": "code-1",
        "redirect_uri": "https://shop.example/back",
        "code_verifier": verifier,
        **changes,
    }
    return caller.call("POST", "/v1/organizations/oauth/exchange", {k: v for k, v in body.items() if v is not None})


def test_a_code_becomes_a_grant(caller: Caller) -> None:
    before = caller.world.grant.version
    answer = exchange(caller)
    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    assert caller.world.grant.version > before
    assert caller.world.sync() is not None
    assert exchange(caller).status_code == 200


REFUSED: dict[str, tuple[dict[str, Any], Answer | None, int, str]] = {
    "used": ({"code": "used-up"}, None, 409, "OAUTH_CODE_REJECTED"),
    "other verifier": ({"code_verifier": "x" * 43}, None, 409, "OAUTH_CODE_REJECTED"),
    "other redirect": ({"redirect_uri": "https://evil.example/"}, None, 409, "OAUTH_CODE_REJECTED"),
    "short verifier": ({"code_verifier": "x" * 42}, None, 400, "INVALID_REQUEST"),
    "no verifier": ({"code_verifier": None}, None, 400, "INVALID_REQUEST"),
    "no code": ({"code": None}, None, 400, "INVALID_REQUEST"),
    "unknown": ({"internalOrgId": "nobody"}, None, 404, "ORGANIZATION_NOT_FOUND"),
    "fault": ({}, Answer(500), 502, "OAUTH_PROVIDER_UNAVAILABLE"),
    "client": ({}, Answer(401, {"error": "invalid_client"}), 502, "OAUTH_PROVIDER_UNAVAILABLE"),
    "page": ({}, Answer(200, b"<html>"), 502, "OAUTH_PROVIDER_UNAVAILABLE"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_code_that_is_not_accepted_stores_nothing(caller: Caller, case: str) -> None:
    changes, scripted, status, code = REFUSED[case]
    if scripted:
        caller.world.provider.next_at_token.append(scripted)
    before = caller.world.grant.version
    answer = exchange(caller, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert caller.world.grant.version == before


def test_a_code_of_another_issuer_is_not_taken_anywhere(db: None, provider: Provider) -> None:
    caller = Caller(make_world(provider, issuer="https://id.example", sends_issuer=True))
    for issuer in ("https://evil.example", "https://id.example/", None):
        assert exchange(caller, iss=issuer).status_code == 400
    assert provider.asked_at("/token") == []
    assert exchange(caller, iss="https://id.example").status_code == 200


def test_without_a_provider_there_is_nothing_to_exchange_with(db: None, settings: Settings, provider: Provider) -> None:
    world = make_world(provider)
    bare = make_organization(world.partner, environment=Environment.LIVE)
    caller = Caller(World(provider, world.partner, bare), environment=Environment.LIVE)
    assert exchange(caller).json()["code"] == "OAUTH_NOT_CONFIGURED"
    assert caller.about("PUT", body=TOKENS).status_code == 200
    assert caller.about("POST", "sync").json()["code"] == "OAUTH_NOT_CONFIGURED"


def test_the_challenge_is_the_one_of_the_standard() -> None:
    # RFC 7636, appendix B
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
