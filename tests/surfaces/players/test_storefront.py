"""Player tokens over HTTP, as they are, on the surface that takes them."""

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core.batching import flush_all
from core.principals import Environment
from organizations.models import Profile
from partners.models import Partner
from partners.services.partners import suspend_partner
from surfaces.models.players import Algorithm, JtiPolicy, PlayerJti
from surfaces.names import SurfaceName
from surfaces.services.entitlements import withdraw_surface
from surfaces.services.player_issuers import disable_issuer
from tests.factories import ALICE, make_partner
from tests.surfaces.players.key_hosts import serve
from tests.surfaces.players.shops import OpenShop
from tests.surfaces.players.signers import Signer, key_set, make_issuer, player_claims, signer
from tests.surfaces.tenants import call, entitle, make_product, refusal

pytestmark = pytest.mark.django_db
ACCOUNT = "/Storefront/Account"
PRODUCTS = "/Storefront/Products/List"
INVALID = (401, -22, "INVALID_TOKEN")


@pytest.fixture
def shop() -> Partner:
    partner = make_partner()
    entitle(partner, SurfaceName.STOREFRONT)
    return partner


def ask(token: str, shop: Partner | None = None, *, path: str = ACCOUNT, method: str = "GET", **headers: str) -> Any:
    if shop is not None:
        headers["X_Shop_Handle"] = shop.slug
    return call(method, path, Authorization=f"Bearer {token}", **headers)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_player_token_opens_storefront_for_its_player(shop: Partner, algorithm: Algorithm) -> None:
    by = signer(algorithm)
    make_issuer(shop, by)
    make_product(shop, "A-1")
    answer = ask(by.token(), shop)
    assert answer.status_code == 200, answer.content
    profile = Profile.objects.get(partner=shop)
    assert str(profile.pk) in answer.content.decode()
    listed = ask(by.token(), shop, path=PRODUCTS, method="POST")
    assert [each["sku"] for each in listed.json()["data"]["products"]] == ["A-1"]


@pytest.mark.parametrize("header", ["X_Shop_Handle", "x_shop_handle", "X_Tenant"])
def test_shop_is_named_by_either_header(shop: Partner, header: str) -> None:
    by = signer(Algorithm.ES256)
    make_issuer(shop, by)
    make_issuer(make_partner(), by)
    assert refusal(ask(by.token())) == INVALID
    for name in (shop.slug, str(shop.pk), shop.slug.upper()):
        assert call("GET", ACCOUNT, **{"Authorization": f"Bearer {by.token()}", header: name}).status_code == 200


def test_call_of_a_known_player_is_one_query_without_a_write(shop: Partner) -> None:
    by = signer(Algorithm.RS256)
    make_issuer(shop, by)
    ask(by.token(), shop)
    with CaptureQueriesContext(connection) as queries:
        answer = ask(by.token(), shop)
    assert answer.status_code == 200
    assert len(queries) == 1
    assert queries[0]["sql"].lstrip().startswith("SELECT")


def test_player_token_opens_nothing_else(shop: Partner) -> None:
    by = signer(Algorithm.ES256)
    make_issuer(shop, by)
    for surface in (SurfaceName.RESELLER, SurfaceName.PAYMENT, SurfaceName.SUPPLIER):
        entitle(shop, surface)
    assert ask(by.token(), shop, path="/Reseller/Account").status_code == 401
    for path in ("/Payment/Account", "/Supplier/Account"):
        assert ask(by.token(), shop, path=path).json()["code"] == -23
        assert call("GET", path, ApiKey=by.token()).json()["code"] == -23
    assert call("GET", "/v1/whoami", Authorization=f"Bearer {by.token()}").status_code == 401


def test_whatever_is_wrong_the_caller_learns_the_same(shop: Partner) -> None:
    by = signer(Algorithm.ES256)
    issuer = make_issuer(shop, by)
    other = make_partner()
    entitle(other, SurfaceName.STOREFRONT)
    bad = [
        (by.token(player_claims(exp=int(time.time()) - 1)), shop),
        (by.token(player_claims(aud="x")), shop),
        (by.token(player_claims(iss="https://evil.example")), shop),
        (signer(Algorithm.ES256).token(), shop),
        (by.token(), other),
        (by.token()[:-8], shop),
        ("a.b.c", shop),
    ]
    answers = [ask(token, where) for token, where in bad]
    disable_issuer(issuer.pk, reason="r", actor=ALICE)
    answers.append(ask(by.token(), shop))
    bodies = {(answer.status_code, str({**answer.json(), "request_id": ""})) for answer in answers}
    assert len(bodies) == 1
    assert refusal(answers[0]) == INVALID
    assert 'error="invalid_token"' in answers[0].headers["WWW-Authenticate"]


def test_ledger_learns_which_step_refused_and_whose_token_it_was(shop: Partner) -> None:
    by = signer(Algorithm.ES256)
    make_issuer(shop, by)
    ask(by.token(player_claims(exp=int(time.time()) - 1)), shop)
    ask(signer(Algorithm.ES256).token(), shop)
    flush_all()
    rows = {event.reason: event.partner_id for event in Event.objects.filter(type="refusal.counted")}
    assert rows["player_expiry"] == shop.pk
    assert "player_signature" in rows


def test_no_entitlement_and_suspension_are_403(shop: Partner) -> None:
    by = signer(Algorithm.ES256)
    make_issuer(shop, by)
    assert ask(by.token(), shop).status_code == 200
    withdraw_surface(shop.pk, environment=Environment.TEST, surface=SurfaceName.STOREFRONT, reason="r", actor=ALICE)
    assert refusal(ask(by.token(), shop)) == (403, -31, "NOT_ENTITLED")
    entitle(shop, SurfaceName.STOREFRONT)
    suspend_partner(shop.pk, reason="r", actor=ALICE)
    assert refusal(ask(by.token(), shop))[0] == 403


def test_token_good_once_is_used_by_a_call_that_passes_and_by_no_other(shop: Partner) -> None:
    by = signer(Algorithm.ES256)
    make_issuer(shop, by, jti_policy=JtiPolicy.ALWAYS)
    token = by.token()
    withdraw_surface(shop.pk, environment=Environment.TEST, surface=SurfaceName.STOREFRONT, reason="r", actor=ALICE)
    assert ask(token, shop).status_code == 403
    assert not PlayerJti.objects.exists()
    # The rules have changed since: the call is decided twice, and uses the token once.
    entitle(shop, SurfaceName.STOREFRONT)
    assert ask(token, shop).status_code == 200
    assert refusal(ask(token, shop)) == INVALID
    assert PlayerJti.objects.count() == 1


def test_exchanged_token_works_on_and_a_second_exchange_does_not(shop: Partner) -> None:
    by = signer(Algorithm.EDDSA)
    issuer = make_issuer(shop, by, jti_policy=JtiPolicy.EXCHANGE)
    token = by.token()
    body = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }
    first = call("POST", "/v1/storefront/token", body=body, X_Shop_Handle=shop.slug)
    assert first.status_code == 200, first.content
    ours = first.json()["access_token"]
    assert ask(ours).status_code == 200
    assert call("POST", "/v1/storefront/token", body=body, X_Shop_Handle=shop.slug).status_code == 400
    assert ask(token, shop).status_code == 200, "the policy is about exchanges"
    disable_issuer(issuer.pk, reason="incident", actor=ALICE)
    assert ask(ours).status_code == 401


def test_issuer_without_keys_is_503_with_a_time_to_come_back(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    there = open_shop(serve(lambda: b"{}", status=500))
    entitle(there.partner, SurfaceName.STOREFRONT)
    answer = ask(by.token(), there.partner)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["name"] == "SERVICE_UNAVAILABLE"
    good = open_shop(serve(lambda: key_set(by)))
    entitle(good.partner, SurfaceName.STOREFRONT)
    assert ask(by.token(), good.partner).status_code == 200


def test_token_twice_is_refused_as_two_credentials(shop: Partner) -> None:
    by = signer(Algorithm.ES256)
    make_issuer(shop, by)
    answer = call("GET", ACCOUNT, Authorization=f"Bearer {by.token()}, Bearer {by.token()}", X_Shop_Handle=shop.slug)
    assert answer.status_code == 400
    assert ask(by.token(), shop, X_Api_Key="sk_test_x").status_code == 400


def test_own_name_as_issuer_is_never_a_players(shop: Partner, settings: Any) -> None:
    by = Signer(Algorithm.HS256, b"k" * 40)
    make_issuer(shop, by)
    assert refusal(ask(by.token(player_claims(iss=settings.PUBLIC_BASE_URL)), shop)) == INVALID
