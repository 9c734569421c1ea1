"""Looking at credentials of every kind, and ending them, as a partner's backend does."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from core.credentials import KeyKind
from core.principals import Environment
from partners.models import Partner
from partners.scopes import Scope
from partners.services.partners import suspend_partner
from surfaces.models.players import Algorithm, JtiPolicy
from surfaces.names import SurfaceName
from tests.factories import ALICE, make_key, make_partner, make_profile
from tests.sessions_app.conftest import World
from tests.surfaces.players.signers import make_issuer, signer
from tests.surfaces.tokens.parties import (
    get,
    make_customer,
    make_entitled,
    make_program,
    make_reseller,
    post_form,
    post_json,
)

pytestmark = pytest.mark.django_db
INACTIVE = {"active": False}


KINDS = ("api_key", "surface_key", "reseller", "client", "customer", "refresh", "session_token", "handle", "embed")


@dataclass
class Asker:
    """A partner's backend with one key."""

    partner: Partner
    key: str = field(repr=False)

    def ask(self, token: str, **more: str) -> dict[str, Any]:
        """Introspect by form; must be 200."""
        answer = post_form("/v1/introspect", {"token": token, **more}, headers=bearer(self.key))
        assert answer.status_code == 200, answer.content
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(answer.json())

    def revoke(self, token: str, **more: str) -> Any:
        return post_form("/v1/revoke", {"token": token, **more}, headers=bearer(self.key))


class Holder(Asker):
    """A partner that has, once they are asked for, credentials of every kind in its test environment."""

    def __init__(self) -> None:
        partner = make_entitled(SurfaceName.RESELLER, SurfaceName.STOREFRONT)
        self.issued = make_key(partner)
        super().__init__(partner, self.issued.plaintext)
        self.tag = secrets.token_hex(4)

    def __getitem__(self, kind: str) -> str:
        """The credential of a kind; the same one each time."""
        makers: dict[str, Callable[[], str]] = {
            "api_key": lambda: make_key(self.partner).plaintext,
            "surface_key": lambda: make_key(self.partner, kind=KeyKind.SURFACE).plaintext,
            "reseller": lambda: make_reseller(self.partner, email=f"{self.tag}@reseller.example").token(),
            "client": lambda: make_program(self.partner).token(),
            "customer": lambda: str(self.login["Token"]),
            "refresh": lambda: str(self.login["RefreshToken"]),
            "session_token": lambda: str(self.world.handshake()["session_key"]),
            "handle": lambda: str(self.redeemed["refresh_handle"]),
            "embed": lambda: str(self.redeemed["access_token"]),
        }
        if kind not in self.made:
            self.made[kind] = makers[kind]()
        return self.made[kind]

    @cached_property
    def made(self) -> dict[str, str]:
        return {}

    @cached_property
    def world(self) -> World:
        return World(self.issued, make_profile(self.partner))

    @cached_property
    def login(self) -> dict[str, Any]:
        return make_customer(self.partner, email=f"{self.tag}@shop.example").signed_in()

    @cached_property
    def redeemed(self) -> dict[str, Any]:
        return dict(self.world.redeem(self.world.handshake()["session_key"], mode="memory").json())


@pytest.fixture
def holder() -> Holder:
    return Holder()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_as_active_and_is_not_spent(holder: Holder, kind: str) -> None:
    token = holder[kind]
    first, again = holder.ask(token), holder.ask(token, token_type_hint="whatever")

    assert first == again
    assert first["active"] is True
    assert (first["tenant"], first["env"]) == (str(holder.partner.pk), "test")
    assert first["sub"]
    assert first["exp"] > 0


def test_what_is_told_of_each_kind(holder: Holder) -> None:
    told = {kind: holder.ask(holder[kind]) for kind in KINDS}

    assert {kind: facts["credential"] for kind, facts in told.items()} == {
        "api_key": "api_key",
        "surface_key": "api_key",
        "reseller": "access_token",
        "client": "access_token",
        "customer": "access_token",
        "refresh": "refresh_token",
        "session_token": "session_token",
        "handle": "embed_session",
        "embed": "access_token",
    }
    assert (told["surface_key"]["kind"], told["surface_key"]["token_type"]) == ("ak", "ApiKey")
    assert told["reseller"]["aud"] == "sticker:reseller"
    assert told["client"]["client_id"].startswith("rc_")
    assert set(told["client"]["scope"].split()) == {"orders:create", "orders:read"}
    assert told["embed"]["sid"] == told["handle"]["sid"]
    assert told["customer"]["sid"] == told["refresh"]["sid"]
    assert told["session_token"]["exp"] - told["session_token"]["iat"] <= 300


def test_json_will_do(holder: Holder) -> None:
    answer = post_json("/v1/introspect", {"token": holder["api_key"]}, headers=bearer(holder.key))

    assert answer.json()["active"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_another_partner_learns_nothing(holder: Holder, kind: str) -> None:
    stranger = Asker(make_partner(), make_key().plaintext)

    assert stranger.ask(holder[kind]) == INACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_environment_learns_nothing(holder: Holder, kind: str) -> None:
    live = Asker(holder.partner, make_key(holder.partner, environment=Environment.LIVE).plaintext)

    assert live.ask(holder[kind]) == INACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_a_platform_service_learns_of_every_partner_in_its_environment(holder: Holder, kind: str, settings: Settings) -> None:
    platform = make_partner("Platform")
    settings.PLATFORM_PARTNERS = [platform.slug]
    service = Asker(platform, make_key(platform).plaintext)
    live = Asker(platform, make_key(platform, environment=Environment.LIVE).plaintext)

    assert service.ask(holder[kind]) == holder.ask(holder[kind])
    assert live.ask(holder[kind]) == INACTIVE


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
        "sk_test_" + "a" * 50,
        "ak_live_" + "0" * 32,
        "0" * 64,
        "0" * 96,
        "\u00fc",
        " ",
        "a" * 8000,
    ],
)
def test_what_is_no_credential_is_not_active(holder: Holder, token: str) -> None:
    assert holder.ask(token) == INACTIVE


@pytest.mark.parametrize("kind", KINDS)
def test_a_revoked_credential_is_not_active_at_once(holder: Holder, kind: str) -> None:
    answer = holder.revoke(holder[kind])

    assert (answer.status_code, answer.content) == (200, b"")
    assert holder.ask(holder[kind]) == INACTIVE
    assert holder.revoke(holder[kind]).status_code == 200


@pytest.mark.parametrize(("kind", "path"), [("reseller", "/Reseller/Account"), ("client", "/Reseller/Account")])
def test_a_revoked_token_opens_nothing_any_more(holder: Holder, kind: str, path: str) -> None:
    token = holder[kind]
    assert get(path, token).status_code == 200

    holder.revoke(token)

    assert get(path, token).status_code == 401


def test_revoking_a_login_ends_its_tokens_and_no_other_ones(holder: Holder) -> None:
    holder.revoke(holder["refresh"])

    assert holder.ask(holder["customer"]) == INACTIVE
    assert holder.ask(holder["embed"])["active"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_ends_what_belongs_to_another(holder: Holder, kind: str) -> None:
    stranger = Asker(make_partner(), make_key().plaintext)
    live = Asker(holder.partner, make_key(holder.partner, environment=Environment.LIVE).plaintext)

    assert stranger.revoke(holder[kind]).status_code == 200
    assert live.revoke(holder[kind]).status_code == 200
    assert holder.ask(holder[kind])["active"] is True


def test_a_platform_service_ends_nothing_of_others(holder: Holder, settings: Settings) -> None:
    platform = make_partner("Platform")
    settings.PLATFORM_PARTNERS = [platform.slug]
    service = Asker(platform, make_key(platform).plaintext)

    assert service.revoke(holder["api_key"]).status_code == 200
    assert holder.ask(holder["api_key"])["active"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_ending_ones_own_needs_the_scope_for_it(holder: Holder, kind: str) -> None:
    weak = Asker(holder.partner, make_key(holder.partner, scopes=[Scope.INTROSPECT]).plaintext)
    answer = weak.revoke(holder[kind])

    assert answer.status_code == 403
    assert weak.ask(holder[kind])["active"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspended_partners_credentials_are_not_active(holder: Holder, kind: str, settings: Settings) -> None:
    platform = make_partner("Platform")
    settings.PLATFORM_PARTNERS = [platform.slug]
    service, token = Asker(platform, make_key(platform).plaintext), holder[kind]
    assert service.ask(token)["active"] is True

    suspend_partner(holder.partner.pk, reason="", actor=ALICE)

    assert service.ask(token) == INACTIVE


def test_a_player_token_is_active_for_the_partner_whose_issuer_signed_it(holder: Holder) -> None:
    signing = signer(Algorithm.HS256)
    make_issuer(holder.partner, signing)
    token = signing.token()
    told = holder.ask(token)

    assert (told["active"], told["credential"], told["surface"]) == (True, "player_token", "storefront")
    assert "iss" not in told
    assert Asker(make_partner(), make_key().plaintext).ask(token) == INACTIVE
    assert holder.ask(signer(Algorithm.HS256).token()) == INACTIVE


def test_looking_at_a_token_that_is_good_once_does_not_use_it_up(holder: Holder) -> None:
    signing = signer(Algorithm.HS256)
    make_issuer(holder.partner, signing, jti_policy=JtiPolicy.ALWAYS)
    token = signing.token()

    assert [holder.ask(token)["active"] for _ in range(2)] == [True, True]
    assert get("/Storefront/Account", token, **{"X-Shop-Handle": holder.partner.slug}).status_code == 200
    assert get("/Storefront/Account", token, **{"X-Shop-Handle": holder.partner.slug}).status_code == 401


def test_a_key_bound_to_networks_is_active_from_there(holder: Holder) -> None:
    bound = make_key(holder.partner, networks=["192.0.2.0/24"]).plaintext

    assert holder.ask(bound) == INACTIVE
    assert holder.ask(bound, client_address="198.51.100.1") == INACTIVE
    assert holder.ask(bound, client_address="192.0.2.9")["active"] is True


def test_a_key_needs_the_scope_introspect(holder: Holder) -> None:
    weak = make_key(holder.partner, scopes=[Scope.SESSION_READ]).plaintext
    answer = post_form("/v1/introspect", {"token": weak}, headers=bearer(weak))

    assert answer.status_code == 403
    assert 'scope="introspect"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/v1/introspect", "/v1/revoke"])
@pytest.mark.parametrize("body", [b"", b"token=", b"hint=x", b"token=a&token=b", b"token=%ff", b"=&&&;", b"a" * 70_000])
def test_a_broken_form_is_refused(holder: Holder, path: str, body: bytes) -> None:
    assert post_form(path, body, headers=bearer(holder.key)).status_code in (400, 413)


@pytest.mark.parametrize("path", ["/v1/introspect", "/v1/revoke"])
def test_without_a_key_nothing_is_answered(path: str) -> None:
    assert post_form(path, {"token": "x"}).status_code == 401
    assert post_form(path, {"token": "x"}, headers=bearer("sk_test_x")).status_code == 401


def test_an_address_that_is_none_is_refused(holder: Holder) -> None:
    answer = post_form("/v1/introspect", {"token": "x", "client_address": "home"}, headers=bearer(holder.key))

    assert answer.status_code == 400


@pytest.mark.parametrize(("kind", "most"), [("api_key", 2), ("reseller", 2), ("embed", 2), ("session_token", 2), ("handle", 2)])
def test_looking_costs_one_read_besides_the_keys_own_and_no_write(holder: Holder, kind: str, most: int) -> None:
    holder.ask(holder[kind])

    with CaptureQueriesContext(connection) as queries:
        holder.ask(holder[kind])

    assert len(queries) <= most
    assert all(query["sql"].lstrip().startswith("SELECT") for query in queries)


def test_no_credential_is_written_to_the_log(holder: Holder, caplog: pytest.LogCaptureFixture) -> None:
    for kind in KINDS:
        holder.ask(holder[kind])
        holder.revoke(holder[kind])

    assert "/v1/introspect" in caplog.text
    assert not [kind for kind in KINDS if holder[kind] in caplog.text]
    assert holder.key not in caplog.text
