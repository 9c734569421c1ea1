"""What staff do with accounts in the console: secrets shown once, forms that work once, acts that take effect at once."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Event
from sticker_auth.roles import Role
from surfaces.models import ClientSecret, CustomerAccount, LoginPolicy, LoginSession, ResellerAccount, ResellerClient
from surfaces.names import SurfaceName
from tests.admin.staff import signed_in
from tests.factories import make_profile
from tests.surfaces.tokens.parties import (
    RESELLER_ACCOUNT,
    STOREFRONT_ACCOUNT,
    Program,
    get,
    make_customer,
    make_entitled,
    make_program,
    make_reseller,
    post_json,
)

pytestmark = pytest.mark.django_db
REASON = {"reason": "asked for by phone"}


def page(model: str, action: str, row: Any = None) -> str:
    return reverse(f"admin:surfaces_{model}_{action}", args=[row.pk] if row else [])


def form_id(client: Client, url: str) -> dict[str, str]:
    """The number of a form as it is rendered."""
    [found] = re.findall(r'name="form_id" value="([^"]+)"', client.get(url).content.decode())
    return {"form_id": found}


def shown(answer: Any) -> str:
    """The secret that a page shows."""
    assert answer.status_code == 200, answer.content
    assert "no-store" in answer.headers["Cache-Control"]
    [secret] = re.findall(r'readonly value="([^"]+)"', answer.content.decode())
    return str(secret)


def test_an_account_is_created_and_its_password_shown_once() -> None:
    staff, partner = signed_in(Role.ISSUER), make_entitled(SurfaceName.RESELLER)
    url = page("reselleraccount", "create")
    sent = {
        "partner": partner.slug,
        "environment": "test",
        "email": "new@reseller.example",
        "name": "Ada",
        "scopes": ["orders:create"],
        **form_id(staff, url),
    }
    password = shown(staff.post(url, sent))
    body = {"Email": "new@reseller.example", "Password": password}
    assert post_json("/Login/Customer/Api/Verify", body).status_code == 200
    again = staff.post(url, sent)
    assert again.status_code == 409
    assert password not in again.content.decode()
    assert ResellerAccount.objects.count() == 1
    assert password not in staff.get(page("reselleraccount", "change", ResellerAccount.objects.get())).content.decode()
    assert password not in str(list(Event.objects.values()))


def test_an_email_that_is_taken_is_told_beside_its_field() -> None:
    staff, reseller = signed_in(Role.ISSUER), make_reseller()
    url = page("reselleraccount", "create")
    sent = {"partner": reseller.account.partner.slug, "environment": "test", "email": reseller.account.email.upper()}
    answer = staff.post(url, {**sent, **form_id(staff, url)})
    assert b"Another account has this e-mail address" in answer.content
    assert ResellerAccount.objects.count() == 1


def test_a_new_password_ends_what_was_before() -> None:
    staff, reseller = signed_in(Role.ISSUER), make_reseller()
    token, url = reseller.token(), page("reselleraccount", "password", reseller.account)
    password = shown(staff.post(url, {**REASON, **form_id(staff, url)}))
    assert get(RESELLER_ACCOUNT, token).status_code == 401
    assert reseller.login().status_code == 400
    assert reseller.login(Password=password).status_code == 200


def test_what_an_account_may_do_is_changed() -> None:
    staff, reseller = signed_in(Role.ISSUER), make_reseller()
    token, url = reseller.token(), page("reselleraccount", "edit", reseller.account)
    assert b"orders:create" in staff.get(url).content
    staff.post(url, {**REASON, "name": "Ada", "scopes": ["orders:read"], "is_api_enabled": "on"})
    assert get(RESELLER_ACCOUNT, token).json()["data"]["scopes"] == ["orders:read"]
    staff.post(url, {**REASON, "name": "Ada", "scopes": ["orders:read"]})
    assert get(RESELLER_ACCOUNT, token).status_code == 401


@pytest.mark.parametrize("action", ["disable", "revoke-tokens"])
def test_a_responder_ends_the_tokens_of_each_kind(action: str) -> None:
    staff, partner = signed_in(Role.RESPONDER), make_entitled(SurfaceName.RESELLER, SurfaceName.STOREFRONT)
    reseller, program, customer = make_reseller(partner), make_program(partner), make_customer(partner)
    parts = (
        ("reselleraccount", reseller.account, reseller.token(), RESELLER_ACCOUNT),
        ("resellerclient", program.client, program.token(), RESELLER_ACCOUNT),
        ("customeraccount", customer.account, customer.signed_in()["Token"], STOREFRONT_ACCOUNT),
    )
    for model, row, token, path in parts:
        assert get(path, token).status_code == 200
        assert staff.post(page(model, action, row), REASON).status_code == 302
        assert get(path, token).status_code == 401
        if action == "disable":
            staff.post(page(model, "enable", row), REASON)
            row.refresh_from_db()
            assert row.is_enabled
    assert reseller.login().status_code == customer.login().status_code == program.ask().status_code == 200


def test_a_client_is_created_rotated_and_a_secret_revoked() -> None:
    staff, partner = signed_in(is_superuser=True), make_entitled(SurfaceName.RESELLER)
    url = page("resellerclient", "create")
    sent = {"partner": partner.slug, "environment": "test", "name": "Stock sync", "scopes": ["orders:read"]}
    first = shown(staff.post(url, {**sent, **form_id(staff, url)}))
    program = Program(ResellerClient.objects.get(), first)
    assert program.ask().status_code == 200
    rotate = page("resellerclient", "rotate", program.client)
    second = shown(staff.post(rotate, {**REASON, "overlap": "24h", **form_id(staff, rotate)}))
    assert program.ask().status_code == program.ask(secret=second).status_code == 200
    oldest = ClientSecret.objects.earliest("pk")
    staff.post(page("resellerclient", "revoke-secret", program.client), {**REASON, "secret": oldest.pk})
    assert [program.ask().status_code, program.ask(secret=second).status_code] == [401, 200]
    shown_page = staff.get(page("resellerclient", "change", program.client)).content.decode()
    assert first not in shown_page
    assert second not in shown_page


def test_a_secret_of_another_client_cannot_be_revoked_here() -> None:
    staff, program, other = signed_in(Role.RESPONDER), make_program(), make_program()
    theirs = ClientSecret.objects.get(client=other.client)
    answer = staff.post(page("resellerclient", "revoke-secret", program.client), {**REASON, "secret": theirs.pk})
    assert answer.status_code == 200
    assert other.ask().status_code == 200


def test_a_customer_gets_an_account_and_the_shop_allows_passwords() -> None:
    staff, partner = signed_in(Role.ISSUER), make_entitled(SurfaceName.STOREFRONT)
    url = page("customeraccount", "create")
    sent = {"profile": str(make_profile(partner).pk), "email": "ada@shop.example"}
    password = shown(staff.post(url, {**sent, **form_id(staff, url)}))
    policy = {"partner": partner.slug, "environment": "test", "is_allowed": "yes"}
    assert staff.post(page("customeraccount", "policy"), policy).status_code == 302
    assert LoginPolicy.objects.get().allows_customer_passwords
    body, shop = {"Email": "ada@shop.example", "Password": password}, {"X-Shop-Handle": partner.slug}
    assert post_json("/Login/Customer/Verify", body, headers=shop).status_code == 200
    assert b"Allowed" in staff.get(page("customeraccount", "change", CustomerAccount.objects.get())).content


def test_one_session_is_revoked() -> None:
    staff, customer = signed_in(Role.RESPONDER), make_customer()
    token, other = customer.signed_in()["Token"], customer.signed_in()["Token"]
    session = LoginSession.objects.earliest("created_at")
    assert staff.post(page("loginsession", "revoke", session), REASON).status_code == 302
    assert [get(STOREFRONT_ACCOUNT, each).status_code for each in (token, other)] == [401, 200]
    assert Event.objects.get(type="login.revoked").reason == REASON["reason"]


@pytest.mark.parametrize("query", ["reseller.example", "agent", "nobody-at-all"])
def test_accounts_are_found_by_email(query: str) -> None:
    reseller, staff = make_reseller(), signed_in(Role.VIEWER)
    found = staff.get(page("reselleraccount", "changelist"), {"q": query}).content.decode()
    assert (reseller.account.email in found) is (query in reseller.account.email)
