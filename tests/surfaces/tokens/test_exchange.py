"""A player token of the partner's own issuer, exchanged for a Storefront token as RFC 8693 has it."""

from typing import Any

import pytest
from pytest_django import Settings

from audit.models import Event
from partners.services.partners import suspend_partner
from surfaces.models import LoginOrigin, LoginSession
from surfaces.models.players import Algorithm, JtiPolicy
from surfaces.names import SurfaceName
from surfaces.services.player_issuers import disable_issuer
from tests.factories import ALICE
from tests.surfaces.players.signers import Signer, make_issuer, player_claims, signer
from tests.surfaces.tokens.parties import STOREFRONT_ACCOUNT, STOREFRONT_TOKEN, get, make_entitled, post_form, post_json

pytestmark = pytest.mark.django_db
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


class Shop:
    """A shop whose own issuer signs for its players."""

    def __init__(self, **policy: Any) -> None:
        self.partner = make_entitled(SurfaceName.STOREFRONT)
        self.signer: Signer = signer(Algorithm.ES256)
        self.issuer = make_issuer(self.partner, self.signer, **policy)

    def exchange(self, token: str | None = None, **changes: str) -> Any:
        """Exchange a token; a change to the empty text takes a parameter away."""
        given = {"grant_type": EXCHANGE, "subject_token": token or self.signer.token(), "subject_token_type": JWT}
        parameters = {name: value for name, value in {**given, **changes}.items() if value}
        return post_form(STOREFRONT_TOKEN, parameters, headers={"X-Shop-Handle": self.partner.slug})


@pytest.fixture
def shop() -> Shop:
    return Shop()


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_player_token_is_exchanged_as_the_standard_has_it(shop: Shop) -> None:
    answer = shop.exchange()
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "issued_token_type"}
    assert (body["issued_token_type"], body["token_type"], body["expires_in"]) == (ACCESS, "Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"
    session = LoginSession.objects.get()
    assert (session.origin, session.issuer_id, session.handle_digest) == (LoginOrigin.PLAYER_TOKEN, shop.issuer.pk, None)
    account = get(STOREFRONT_ACCOUNT, body["access_token"]).json()["data"]
    assert account["subject"] == str(session.profile_id)


def test_it_goes_as_json_and_with_the_types_spelled_out(shop: Shop) -> None:
    body = {
        "grant_type": EXCHANGE,
        "subject_token": shop.signer.token(),
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": ACCESS,
        "scope": "products:read",
    }
    answer = post_json(STOREFRONT_TOKEN, body, headers={"X-Tenant": str(shop.partner.pk)})
    assert (answer.status_code, answer.json()["scope"]) == (200, "products:read")


def test_the_tokens_own_issuer_may_say_which_shop(shop: Shop) -> None:
    parameters = {"grant_type": EXCHANGE, "subject_token": shop.signer.token(), "subject_token_type": JWT}
    assert post_form(STOREFRONT_TOKEN, parameters).status_code == 200


def test_each_exchange_is_an_act_in_the_ledger(shop: Shop) -> None:
    shop.exchange()
    event = Event.objects.get(type="token.issued")
    assert event.data["origin"] == "player"
    assert event.data["issuer_id"] == str(shop.issuer.pk)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"grant_type": ""}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, "unsupported_grant_type"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": JWT}, "invalid_request"),
        ({"scope": "session:create"}, "invalid_scope"),
        ({"subject_token": "nonsense"}, "invalid_grant"),
    ],
)
def test_a_request_of_another_form_is_refused(shop: Shop, changes: dict[str, str], name: str) -> None:
    assert error(shop.exchange(**changes)) == (400, name)


def test_a_missing_token_is_named(shop: Shop) -> None:
    parameters = {"grant_type": EXCHANGE, "subject_token_type": JWT}
    answer = post_form(STOREFRONT_TOKEN, parameters)
    assert error(answer) == (400, "invalid_request")
    assert "subject_token" in answer.json()["error_description"]


def test_a_bad_token_proves_nothing(shop: Shop) -> None:
    other = Shop()
    for token in (
        shop.signer.token(player_claims(exp=1)),
        other.signer.token(),
        signer(Algorithm.ES256).token(),
        shop.exchange().json()["access_token"],
    ):
        assert error(shop.exchange(token)) == (400, "invalid_grant")
    assert LoginSession.objects.count() == 1


def test_a_token_that_is_good_once_is_used_up_by_an_exchange() -> None:
    shop = Shop(jti_policy=JtiPolicy.EXCHANGE)
    token = shop.signer.token()
    assert [shop.exchange(token).status_code for _ in range(3)] == [200, 400, 400]
    assert LoginSession.objects.count() == 1


def test_a_shop_without_the_surface_is_told_so(shop: Shop) -> None:
    shop.partner.entitlements.all().delete()
    assert error(shop.exchange()) == (400, "unauthorized_client")


def test_a_suspended_shop_gets_nothing_and_its_tokens_end(shop: Shop) -> None:
    token = shop.exchange().json()["access_token"]
    suspend_partner(shop.partner.pk, reason="", actor=ALICE)
    assert error(shop.exchange()) == (400, "unauthorized_client")
    assert get(STOREFRONT_ACCOUNT, token).status_code == 401


def test_a_disabled_issuer_ends_what_came_of_its_tokens(shop: Shop) -> None:
    token = shop.exchange().json()["access_token"]
    disable_issuer(shop.issuer.pk, reason="", actor=ALICE)
    assert error(shop.exchange()) == (400, "invalid_grant")
    assert get(STOREFRONT_ACCOUNT, token).status_code == 401


def test_failures_are_limited_by_address_and_a_good_token_never_is(shop: Shop, settings: Settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE = 2
    assert [shop.exchange("nonsense").status_code for _ in range(4)] == [400, 400, 429, 429]
    assert shop.exchange().status_code == 200
