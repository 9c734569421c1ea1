"""The walk of a person through their provider: bound to one browser, good for one grant."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models.functions import Now
from django.test import Client

from audit.models import Event
from organizations.models import ConnectLink, GrantState
from organizations.oauth.authorization import challenge_of
from organizations.services.connect_links import NewConnectLink, callback_address, create_connect_link
from tests.factories import ALICE
from tests.organizations.oauth.provider import Answer, Provider
from tests.organizations.oauth.world import World, make_world

ISSUER = "https://id.example"


@pytest.fixture
def world(db: None, provider: Provider) -> World:
    return make_world(
        provider,
        authorization_url=provider.url("/authorize?tenant=a"),
        issuer=ISSUER,
        sends_issuer=True,
        scopes=("org.read", "offline_access"),
    )


@pytest.fixture
def link(world: World) -> NewConnectLink:
    return create_connect_link(world.organization, actor=ALICE)


def browser() -> Client:
    return Client(HTTP_HOST="127.0.0.1:8000", enforce_csrf_checks=True)


def start(client: Client, link: NewConnectLink, *, secret: str | None = None, **headers: str) -> Any:
    body = {"secret": link.url.partition("#")[2] if secret is None else secret}
    return client.post(f"/connect/{link.id}/start", json.dumps(body), content_type="application/json", headers=headers)


def authorized(world: World, address: str) -> dict[str, str]:
    """What the provider does once the person agreed: it remembers the challenge and sends the browser back."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    code = f"code-{len(world.provider.asked)}"
    redirect = {"redirect_uri": query["redirect_uri"]}

    def check(handler: Any) -> Answer:
        assert challenge_of(handler.asked.form["code_verifier"]) == query["code_challenge"]
        return handler.provider.answer(handler.asked)  # type: ignore[no-any-return]

    world.provider.codes[code] = redirect
    world.provider.next_at_token.append(check)
    return {"code": code, "state": query["state"], "iss": ISSUER}


def test_a_person_connects_an_organization(world: World, link: NewConnectLink) -> None:
    person = browser()
    page = person.get(f"/connect/{link.id}")
    assert page.status_code == 200
    assert world.organization.name in page.content.decode()
    began = start(person, link)
    address = began.json()["address"]
    query = parse_qs(urlsplit(address).query)
    assert address.startswith(world.provider.url("/authorize?tenant=a&response_type=code&"))
    assert (query["code_challenge_method"], query["scope"]) == (["S256"], ["org.read offline_access"])
    assert query["redirect_uri"] == [callback_address()]
    done = person.get("/connect/callback", authorized(world, address))
    assert done.status_code == 200
    assert "is connected" in done.content.decode()
    assert world.grant.state == GrantState.PENDING
    connected = Event.objects.filter(type="organization.connected").latest("id")
    assert (connected.actor_kind, connected.actor_id) == ("anonymous", f"connect:{link.id}")
    assert world.sync() is not None
    assert person.get(f"/connect/{link.id}").status_code == 404


def test_pages_keep_their_secrets_to_themselves(link: NewConnectLink) -> None:
    person = browser()
    for response in (person.get(f"/connect/{link.id}"), person.get("/connect/callback?state=x"), start(person, link)):
        assert "no-store" in response.headers["Cache-Control"]
        assert response.headers["Referrer-Policy"] == "no-referrer"
    page = person.get(f"/connect/{link.id}")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    cookie = person.cookies["__Host-sticker-connect"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        True,
        "Lax",
        "/",
        "",
    )
    row = ConnectLink.objects.get()
    texts = (
        link.url.partition("#")[2],
        cookie.value,
        parse_qs(urlsplit(start(person, link).json()["address"]).query)["state"][0],
    )
    columns = b"".join(bytes(each or b"") for each in (row.digest, row.state_digest, row.browser_digest, row.verifier_sealed))
    assert not [text for text in texts if text.encode() in columns]


def test_looking_at_a_link_changes_nothing(link: NewConnectLink) -> None:
    before = ConnectLink.objects.values().get()
    for method in ("get", "head"):
        assert getattr(browser(), method)(f"/connect/{link.id}").status_code == 200
        getattr(browser(), method)("/connect/callback", {"state": f"{link.id}.x", "code": "c"})
    assert ConnectLink.objects.values().get() == before


def test_another_browser_cannot_finish_the_walk(world: World, link: NewConnectLink) -> None:
    begun = start(browser(), link).json()["address"]
    brought = authorized(world, begun)
    victim = browser()
    assert victim.get("/connect/callback", brought).status_code == 404
    victim.cookies["__Host-sticker-connect"] = "made-up"
    assert victim.get("/connect/callback", brought).status_code == 404
    assert world.provider.asked_at("/token") == []


def test_a_walk_that_began_anew_ends_the_one_before(world: World, link: NewConnectLink) -> None:
    first, second = browser(), browser()
    brought = authorized(world, start(first, link).json()["address"])
    world.provider.next_at_token.clear()
    start(second, link)
    assert first.get("/connect/callback", brought).status_code == 404


WRONG_RETURNS: dict[str, dict[str, Any]] = {
    "no state": {"state": ""},
    "no id": {"state": "abc.def"},
    "state of nobody": {"state": "9f8c5b1e-52a4-4e0b-b1c3-7a2d4e6f8091.x"},
    "state twice": {"state": ["a", "b"]},
    "nul": {"code": "a\x00"},
    "long": {"code": "x" * 5000},
}


@pytest.mark.parametrize("case", WRONG_RETURNS)
def test_a_return_that_was_tampered_with_is_refused(world: World, link: NewConnectLink, case: str) -> None:
    person = browser()
    brought = {**authorized(world, start(person, link).json()["address"]), **WRONG_RETURNS[case]}
    assert person.get("/connect/callback", brought).status_code == 404
    assert world.provider.asked_at("/token") == []


@pytest.mark.parametrize("issuer", ["https://evil.example", None])
def test_a_mix_up_of_issuers_is_refused(world: World, link: NewConnectLink, issuer: str | None) -> None:
    person = browser()
    brought = authorized(world, start(person, link).json()["address"])
    del brought["iss"]
    if issuer:
        brought["iss"] = issuer
    assert person.get("/connect/callback", brought).status_code == 400
    assert world.provider.asked_at("/token") == []


def test_a_state_works_once(world: World, link: NewConnectLink) -> None:
    person = browser()
    brought = authorized(world, start(person, link).json()["address"])
    world.provider.codes.clear()
    assert person.get("/connect/callback", brought).status_code == 409
    assert person.get("/connect/callback", brought).status_code == 404
    again = authorized(world, start(person, link).json()["address"])
    assert person.get("/connect/callback", again).status_code == 200


def test_a_person_who_declines_connects_nothing(world: World, link: NewConnectLink) -> None:
    version = world.grant.version
    page = browser().get("/connect/callback", {"error": "access_denied", "state": f"{link.id}.x"})
    assert (page.status_code, "Nothing was connected" in page.content.decode()) == (200, True)
    assert world.grant.version == version


@pytest.mark.parametrize("secret", ["", "made-up"])
def test_a_link_without_its_secret_starts_nothing(link: NewConnectLink, secret: str) -> None:
    answer = start(browser(), link, secret=secret)
    assert (answer.status_code, answer.json()["code"]) == (404, "CONNECT_LINK_INVALID")


def test_a_page_elsewhere_starts_nothing(link: NewConnectLink) -> None:
    assert start(browser(), link, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_link_ends_after_an_hour(link: NewConnectLink) -> None:
    ConnectLink.objects.update(expires_at=Now())
    assert browser().get(f"/connect/{link.id}").status_code == 404
    assert start(browser(), link).status_code == 404


def test_a_suspended_partners_links_lead_nowhere(world: World, link: NewConnectLink) -> None:
    from partners.services.partners import suspend_partner

    suspend_partner(world.partner.pk, reason="dispute", actor=ALICE)
    assert start(browser(), link).status_code == 404
