"""A shop's customer: signing in, staying signed in by refresh tokens, signing out, and everything that ends it from outside."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from audit.models import Event
from core.principals import Environment
from organizations.models import Profile
from partners.services.partners import emergency_revoke, suspend_partner
from sessions_app.services.purge import purge
from surfaces.models import LoginSession, TenantHost
from surfaces.names import SurfaceName
from surfaces.services import accounts, customers, login_sessions, resellers
from tests.factories import ALICE, make_partner
from tests.surfaces.tokens.parties import (
    LOGOUT,
    STOREFRONT_ACCOUNT,
    STOREFRONT_TOKEN,
    Customer,
    get,
    make_customer,
    make_entitled,
    make_program,
    make_reseller,
    post_form,
    post_json,
)
from tests.surfaces.tokens.test_generate_token import FAILED, reasons, refusal

pytestmark = pytest.mark.django_db
REFRESH = "refresh_token"


@pytest.fixture
def customer() -> Customer:
    return make_customer()


def refresh(token: str, **parameters: str) -> Any:
    return post_form(STOREFRONT_TOKEN, {"grant_type": REFRESH, "refresh_token": token, **parameters})


def outdate_rotation() -> None:
    """Let the 10 seconds of grace be over."""
    LoginSession.objects.update(rotated_at=F("rotated_at") - timedelta(seconds=11))


def test_the_answer_has_the_published_form_and_a_refresh_token(customer: Customer) -> None:
    answer = customer.login(callbackData="back")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert set(data) == {"Token", "Expiration", "callbackData", "RefreshToken", "RefreshExpiration"}
    assert data["callbackData"] == "back"
    assert len(data["RefreshToken"]) == 96
    account = get(STOREFRONT_ACCOUNT, data["Token"]).json()["data"]
    assert account["subject"] == str(customer.account.profile_id)
    assert account["scopes"] == ["orders:create", "orders:read", "products:read"]


@pytest.mark.parametrize("header", ["X-Shop-Handle", "X-Tenant"])
def test_the_shop_is_named_by_slug_or_id_in_either_header(customer: Customer, header: str) -> None:
    for name in (customer.shop, str(customer.account.partner_id)):
        assert customer.login(headers={header: name}).status_code == 200


def test_the_shop_may_be_the_hosts(customer: Customer) -> None:
    partner = customer.account.partner
    TenantHost.objects.create(host="127.0.0.1", partner=partner, environment=Environment.TEST)
    assert customer.login(headers={}).status_code == 200
    assert refusal(customer.login(headers={"X-Tenant": make_partner().slug})) == FAILED
    TenantHost.objects.update(environment=Environment.LIVE)
    assert refusal(customer.login(headers={})) == FAILED


def test_a_login_that_names_no_shop_is_told_to(customer: Customer) -> None:
    answer = customer.login(headers={})
    assert (answer.status_code, answer.json()["name"]) == (400, "INVALID_REQUEST")
    assert answer.json()["details"][0]["field"] == "X-Tenant"


def test_two_shops_are_one_too_many(customer: Customer) -> None:
    answer = customer.login(headers={"X-Shop-Handle": customer.shop, "X-Tenant": make_partner().slug})
    assert (answer.status_code, answer.json()["name"]) == (400, "INVALID_REQUEST")


def test_the_same_email_is_another_customer_in_another_shop(customer: Customer) -> None:
    other = make_customer(email=customer.account.email)
    assert other.login().status_code == customer.login().status_code == 200
    assert refusal(customer.login(headers={"X-Shop-Handle": other.shop})) == FAILED


def test_where_both_environments_know_an_email_it_is_the_live_one(customer: Customer) -> None:
    live = make_customer(customer.account.partner, email=customer.account.email, environment=Environment.LIVE)
    assert refusal(customer.login()) == FAILED
    customers.allow_customer_passwords(live.account.partner, environment=Environment.LIVE, allowed=True, reason="", actor=ALICE)
    live.account.partner.entitlements.update(environment=Environment.LIVE)
    assert live.login().status_code == 200


def no_passwords(customer: Customer) -> None:
    partner = customer.account.partner
    customers.allow_customer_passwords(partner, environment=Environment.TEST, allowed=False, reason="", actor=ALICE)


def disabled(customer: Customer) -> None:
    accounts.disable_account(customer.account, reason="", actor=ALICE)


def suspended(customer: Customer) -> None:
    suspend_partner(customer.account.partner_id, reason="", actor=ALICE)


def removed(customer: Customer) -> None:
    Profile.objects.filter(pk=customer.account.profile_id).update(removed_at=Now())


def not_entitled(customer: Customer) -> None:
    customer.account.partner.entitlements.all().delete()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_passwords, "login:passwords_not_allowed"),
        (disabled, "login:account_disabled"),
        (suspended, "login:partner_suspended"),
        (removed, "login:user_removed"),
        (not_entitled, "login:not_entitled"),
    ],
)
def test_a_customer_who_may_not_is_refused_like_a_wrong_password(customer: Customer, spoil: Any, reason: str) -> None:
    spoil(customer)
    answer = customer.login()
    assert (answer.status_code, refusal(answer)) == (400, FAILED)
    assert reasons() == {reason}


def test_passwords_are_off_until_staff_allow_them() -> None:
    customer = make_customer(make_entitled(SurfaceName.STOREFRONT))
    customer.account.partner.login_policies.all().delete()
    assert refusal(customer.login()) == FAILED


def test_a_resellers_password_does_not_open_storefront_nor_the_other_way(customer: Customer) -> None:
    reseller = make_reseller(customer.account.partner, email=customer.account.email)
    assert refusal(customer.login(Password=reseller.password)) == FAILED
    assert refusal(reseller.login(Password=customer.password)) == FAILED


def test_a_refresh_rotates_and_gives_a_new_access_token(customer: Customer) -> None:
    data = customer.signed_in()
    answer = refresh(data["RefreshToken"])
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert body["refresh_token"] != data["RefreshToken"]
    assert get(STOREFRONT_ACCOUNT, body["access_token"]).status_code == 200
    assert get(STOREFRONT_ACCOUNT, data["Token"]).status_code == 200
    assert refresh(body["refresh_token"]).status_code == 200


def test_a_refresh_goes_as_json_too(customer: Customer) -> None:
    body = {"grant_type": REFRESH, "refresh_token": customer.signed_in()["RefreshToken"]}
    assert post_json(STOREFRONT_TOKEN, body).status_code == 200


def test_a_refresh_may_ask_for_fewer_scopes(customer: Customer) -> None:
    token = customer.signed_in()["RefreshToken"]
    assert refresh(token, scope="orders:read").json()["scope"] == "orders:read"


def test_a_lost_answer_may_be_asked_for_again_for_ten_seconds(customer: Customer) -> None:
    token = customer.signed_in()["RefreshToken"]
    first, again = refresh(token), refresh(token)
    assert first.json()["refresh_token"] == again.json()["refresh_token"]


@pytest.mark.parametrize("steps", [1, 2])
def test_an_outdated_refresh_token_ends_the_session(customer: Customer, steps: int) -> None:
    token = customer.signed_in()["RefreshToken"]
    newest = refresh(token).json()
    for _ in range(steps - 1):
        newest = refresh(newest["refresh_token"]).json()
    outdate_rotation()
    answer = refresh(token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert refresh(newest["refresh_token"]).status_code == 400
    assert get(STOREFRONT_ACCOUNT, newest["access_token"]).status_code == 401
    assert Event.objects.filter(type="login.refresh_reused").count() == 1


@pytest.mark.parametrize("token", ["", "nonsense", "a" * 96, "0" * 96, "../..", "A" * 9000])
def test_a_refresh_token_that_is_none_is_refused(token: str) -> None:
    answer = refresh(token)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


def test_an_access_token_is_no_refresh_token_nor_the_other_way(customer: Customer) -> None:
    data = customer.signed_in()
    assert refresh(data["Token"]).json()["error"] == "invalid_grant"
    assert get(STOREFRONT_ACCOUNT, data["RefreshToken"]).status_code == 401


def test_idle_and_absolute_ends_are_the_databases(customer: Customer) -> None:
    data = customer.signed_in()
    LoginSession.objects.update(idle_expires_at=Now() - timedelta(seconds=1))
    assert refresh(data["RefreshToken"]).status_code == 400
    assert get(STOREFRONT_ACCOUNT, data["Token"]).status_code == 200
    LoginSession.objects.update(expires_at=Now(), idle_expires_at=Now() - timedelta(seconds=1))
    assert get(STOREFRONT_ACCOUNT, data["Token"]).status_code == 401


def test_an_access_token_never_outlives_its_session(customer: Customer, settings: Any) -> None:
    settings.LOGIN_ABSOLUTE_LIFETIME = timedelta(seconds=100)
    token = customer.signed_in()["RefreshToken"]
    assert refresh(token).json()["expires_in"] <= 100


def by_access_token(data: dict[str, Any]) -> Any:
    return post_form(LOGOUT, b"", headers={"Authorization": f"Bearer {data['Token']}"})


def by_refresh_token(data: dict[str, Any]) -> Any:
    return post_form(LOGOUT, {"refresh_token": data["RefreshToken"]})


@pytest.mark.parametrize("sign_out", [by_access_token, by_refresh_token])
def test_signing_out_ends_the_session_at_once_and_may_be_repeated(customer: Customer, sign_out: Callable[..., Any]) -> None:
    data, other = customer.signed_in(), customer.signed_in()
    for _ in range(2):
        assert sign_out(data).status_code == 204
    assert get(STOREFRONT_ACCOUNT, data["Token"]).status_code == 401
    assert refresh(data["RefreshToken"]).status_code == 400
    assert get(STOREFRONT_ACCOUNT, other["Token"]).status_code == 200
    assert Event.objects.filter(type="login.ended").count() == 1


def test_signing_out_with_nothing_is_well(customer: Customer) -> None:
    assert post_form(LOGOUT, b"").status_code == 204
    assert post_form(LOGOUT, {"refresh_token": "nonsense"}).status_code == 204


def new_password(customer: Customer) -> None:
    resellers.set_password(customer.account, reason="asked", actor=ALICE)


def all_tokens(customer: Customer) -> None:
    accounts.revoke_tokens(customer.account, reason="asked", actor=ALICE)


def one_session(customer: Customer) -> None:
    login_sessions.revoke_login(LoginSession.objects.get(), reason="asked", actor=ALICE)


def emergency(customer: Customer) -> None:
    emergency_revoke(customer.account.partner_id, reason="leak", actor=ALICE)


def user_revoked(customer: Customer) -> None:
    Profile.objects.filter(pk=customer.account.profile_id).update(auth_epoch=F("auth_epoch") + 1)


@pytest.mark.parametrize("end", [new_password, all_tokens, one_session, disabled, suspended, emergency, removed, user_revoked])
def test_what_ends_a_customer_ends_their_tokens_with_the_next_request(customer: Customer, end: Callable[..., None]) -> None:
    data = customer.signed_in()
    end(customer)
    answer = get(STOREFRONT_ACCOUNT, data["Token"])
    assert (answer.status_code, answer.json()["name"]) == (401, "INVALID_TOKEN")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert refresh(data["RefreshToken"]).json()["error"] == "invalid_grant"


def reseller_password(made: Any) -> None:
    resellers.set_password(made.account, reason="", actor=ALICE)


def reseller_disabled(made: Any) -> None:
    accounts.disable_account(made.account, reason="", actor=ALICE)


def reseller_tokens(made: Any) -> None:
    accounts.revoke_tokens(made.account, reason="", actor=ALICE)


def reseller_suspended(made: Any) -> None:
    suspend_partner(made.account.partner_id, reason="", actor=ALICE)


def reseller_emergency(made: Any) -> None:
    emergency_revoke(made.account.partner_id, reason="", actor=ALICE)


@pytest.mark.parametrize("end", [reseller_password, reseller_disabled, reseller_tokens, reseller_suspended, reseller_emergency])
def test_what_ends_a_reseller_ends_their_tokens_with_the_next_request(end: Callable[..., None]) -> None:
    made = make_reseller()
    token = made.token()
    assert get("/Reseller/Account", token).status_code == 200
    end(made)
    assert get("/Reseller/Account", token).status_code == 401


def test_an_emergency_ends_a_partners_secrets_and_passwords_and_leaves_its_customers() -> None:
    partner = make_entitled(SurfaceName.RESELLER, SurfaceName.STOREFRONT)
    program, reseller, customer, other = make_program(partner), make_reseller(partner), make_customer(partner), make_program()
    token = program.token()
    for _ in range(2):
        emergency_revoke(partner.pk, reason="leak", actor=ALICE)
    assert get("/Reseller/Account", token).status_code == 401
    assert (program.ask().status_code, reseller.login().status_code) == (401, 400)
    assert customer.login().status_code == other.ask().status_code == 200
    first, again = Event.objects.filter(type="partner.emergency_revoked").order_by("id").values_list("data", flat=True)
    assert (first["client_secrets"], first["reseller_passwords"]) == (1, 1)
    assert (again["client_secrets"], again["reseller_passwords"]) == (0, 0)


def test_logins_that_are_over_and_pairs_that_are_old_are_purged(customer: Customer) -> None:
    customer.signed_in()
    assert {progress.target for progress in purge(now=timezone.now())} == set()
    later = timezone.now() + timedelta(days=200)
    assert {"customer logins", "known logins"} <= {progress.target for progress in purge(now=later)}
    assert not LoginSession.objects.exists()


def test_nothing_that_was_given_out_is_in_the_database(customer: Customer) -> None:
    data = customer.signed_in()
    with connection.cursor() as cursor:
        for table in ("surfaces_loginsession", "surfaces_customeraccount", "surfaces_knownlogin", "audit_event"):
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")  # noqa: S608  # our own names
            stored = cursor.fetchone()[0]
            for secret in (customer.password, data["Token"], data["RefreshToken"][32:]):
                assert secret not in stored
    assert str(timezone.now().year) in str(LoginSession.objects.get().expires_at)
