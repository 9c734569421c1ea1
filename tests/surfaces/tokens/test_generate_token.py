"""Generate Token in its published form: what goes in, what comes out, and one answer for whatever is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from audit.models import Event
from audit.refusals import _batch as refusals
from core.principals import Environment
from partners.services.partners import suspend_partner
from surfaces.models import ResellerAccount, TenantHost
from surfaces.names import SurfaceName
from surfaces.services import accounts, resellers
from surfaces.token_errors import EmailTakenError
from tests.factories import ALICE, make_partner
from tests.surfaces.tokens.parties import (
    GENERATE_TOKEN,
    RESELLER_ACCOUNT,
    RESELLER_SCOPES,
    Reseller,
    get,
    make_entitled,
    make_reseller,
    post_json,
)

pytestmark = pytest.mark.django_db
FAILED = {
    "success": False,
    "code": -46,
    "message": "The e-mail address or the password is wrong, or this account may not sign in here.",
    "data": None,
    "name": "LOGIN_FAILED",
}


@pytest.fixture
def reseller() -> Reseller:
    return make_reseller()


def refusal(answer: Any) -> dict[str, Any]:
    body = dict(answer.json())
    assert body.pop("request_id")
    return body


def reasons() -> set[str]:
    """Why requests were refused, as the ledger will have it."""
    return {key.reason for key in refusals._pending}


def test_the_answer_has_the_published_form(reseller: Reseller) -> None:
    answer = reseller.login(callbackData={"cart": [1, "two", None]})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["message"], set(body["data"])) == (True, "OK", {"Token", "Expiration", "callbackData"})
    assert body["data"]["callbackData"] == {"cart": [1, "two", None]}
    expires_at = parse_datetime(body["data"]["Expiration"])
    assert expires_at is not None
    assert body["data"]["Expiration"].endswith("Z")
    assert timedelta(minutes=59) < expires_at - datetime.now(UTC) < timedelta(minutes=61)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_token_opens_the_reseller_surface(reseller: Reseller) -> None:
    answer = get(RESELLER_ACCOUNT, reseller.token())
    assert answer.status_code == 200
    assert answer.json()["data"]["subject"] == str(reseller.account.pk)


def test_callback_data_that_was_not_sent_is_null(reseller: Reseller) -> None:
    assert reseller.login().json()["data"]["callbackData"] is None


@pytest.mark.parametrize("email", ["AGENT@reseller.example", "  agent@reseller.example "])
def test_an_email_is_found_in_any_case_and_trimmed(reseller: Reseller, email: str) -> None:
    assert reseller.login(Email=email).status_code == 200


def test_an_account_is_one_in_the_whole_service(reseller: Reseller) -> None:
    with pytest.raises(EmailTakenError):
        make_reseller(email="Agent@Reseller.example")
    assert ResellerAccount.objects.count() == 1


def test_each_login_is_an_act_in_the_ledger(reseller: Reseller) -> None:
    reseller.token()
    event = Event.objects.filter(type="token.issued").get()
    assert (event.subject_type, event.subject_id) == ("reseller", str(reseller.account.pk))
    assert event.data == {"region": "TR"}
    assert reseller.account.email not in str(event.__dict__)


@pytest.mark.parametrize(("header", "region"), [("", "TR"), ("de", "DE"), ("tr-TR", "TR-TR")])
def test_the_region_is_read_from_its_header(reseller: Reseller, header: str, region: str) -> None:
    body = {"Email": reseller.account.email, "Password": reseller.password}
    assert post_json(GENERATE_TOKEN, body, headers={"h-region-code": header}).status_code == 200
    assert Event.objects.get(type="token.issued").data["region"] == region


@pytest.mark.parametrize("header", ["Türkiye", "1", "T", "TR;DE", "x" * 300])
def test_a_region_that_is_none_is_refused(reseller: Reseller, header: str) -> None:
    body = {"Email": reseller.account.email, "Password": reseller.password}
    answer = post_json(GENERATE_TOKEN, body, headers={"h-region-code": header})
    assert (answer.status_code, answer.json()["name"]) == (400, "INVALID_REQUEST")


def disabled(reseller: Reseller) -> None:
    accounts.disable_account(reseller.account, reason="", actor=ALICE)


def not_for_the_api(reseller: Reseller) -> None:
    resellers.update_reseller(reseller.account, name="", scopes=RESELLER_SCOPES, is_api_enabled=False, reason="", actor=ALICE)


def suspended(reseller: Reseller) -> None:
    suspend_partner(reseller.account.partner_id, reason="", actor=ALICE)


def not_entitled(reseller: Reseller) -> None:
    reseller.account.partner.entitlements.all().delete()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (disabled, "login:account_disabled"),
        (not_for_the_api, "login:not_enabled_for_api"),
        (suspended, "login:partner_suspended"),
        (not_entitled, "login:not_entitled"),
    ],
)
def test_an_account_that_may_not_is_refused_like_a_wrong_password(reseller: Reseller, spoil: Any, reason: str) -> None:
    spoil(reseller)
    answer = reseller.login()
    assert (answer.status_code, refusal(answer)) == (400, FAILED)
    assert reasons() == {reason}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Password": "not the password"}, "login:wrong_password"),
        ({"Email": "nobody@reseller.example"}, "login:unknown_account"),
        ({"Email": "no e-mail address at all"}, "login:unknown_account"),
        ({"Email": "' OR 1=1 --"}, "login:unknown_account"),
    ],
)
def test_an_unknown_account_and_a_wrong_password_are_told_alike(
    reseller: Reseller, changes: dict[str, str], reason: str
) -> None:
    answer = reseller.login(**changes)
    assert (answer.status_code, refusal(answer)) == (400, FAILED)
    assert reasons() == {reason}
    assert "WWW-Authenticate" not in answer.headers


def test_an_account_without_a_password_has_none_that_is_right() -> None:
    spec = resellers.ResellerSpec(Environment.TEST, "new@reseller.example")
    resellers.create_reseller(make_entitled(SurfaceName.RESELLER), spec=spec, actor=ALICE)
    answer = post_json(GENERATE_TOKEN, {"Email": "new@reseller.example", "Password": "anything"})
    assert (answer.status_code, refusal(answer)) == (400, FAILED)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["Email", "Password"]),
        ({"Email": "a@b.example"}, ["Password"]),
        ({"Email": 1, "Password": "x"}, ["Email"]),
        ({"Email": "a@b.example", "Password": ["x"]}, ["Password"]),
        ({"Email": "a@b.example", "Password": ""}, ["Password"]),
        ({"Email": "a" * 255, "Password": "x" * 257}, ["Email", "Password"]),
        ({"email": "a@b.example", "password": "x"}, ["Email", "Password"]),
    ],
)
def test_a_body_of_another_form_is_refused_naming_its_fields(body: object, fields: list[str]) -> None:
    answer = post_json(GENERATE_TOKEN, body)
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (400, -10, None)
    assert [each["field"] for each in answer.json()["details"]] == fields


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"Email": "a", "Email": "b"}', b"\xff", b'{"Password": "\\ud800"}'])
def test_a_body_that_is_no_strict_json_object_is_refused(body: bytes) -> None:
    answer = post_json(GENERATE_TOKEN, body)
    assert answer.status_code == 400
    assert answer.json()["success"] is False


def test_a_password_never_comes_back(reseller: Reseller) -> None:
    for answer in (reseller.login(Password="hunter2-hunter2"), reseller.login(Email=5, Password="hunter2-hunter2")):
        assert b"hunter2" not in answer.content


def test_the_hosts_tenant_must_be_the_accounts(reseller: Reseller) -> None:
    body = {"Email": reseller.account.email, "Password": reseller.password}
    TenantHost.objects.create(host="127.0.0.1", partner=make_partner(), environment=Environment.TEST)
    assert refusal(post_json(GENERATE_TOKEN, body)) == FAILED
    TenantHost.objects.filter(host="127.0.0.1").update(partner=reseller.account.partner)
    assert post_json(GENERATE_TOKEN, body).status_code == 200
    TenantHost.objects.filter(host="127.0.0.1").update(environment=Environment.LIVE)
    assert refusal(post_json(GENERATE_TOKEN, body)) == FAILED


def test_a_tenant_that_is_named_must_be_the_accounts(reseller: Reseller) -> None:
    body = {"Email": reseller.account.email, "Password": reseller.password}
    for name in (reseller.account.partner.slug, str(reseller.account.partner_id), reseller.account.partner.slug.upper()):
        assert post_json(GENERATE_TOKEN, body, headers={"X-Tenant": name}).status_code == 200
    assert refusal(post_json(GENERATE_TOKEN, body, headers={"X-Tenant": make_partner().slug})) == FAILED
    assert post_json(GENERATE_TOKEN, body, headers={"X-Tenant": "../etc"}).json()["name"] == "INVALID_REQUEST"


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_another_method_is_refused_in_this_family(client: Any, method: str) -> None:
    answer = getattr(client, method)(GENERATE_TOKEN, headers={"Host": "127.0.0.1:8000"})
    assert (answer.status_code, answer.json()["code"], answer.headers["Allow"]) == (405, -71, "POST")
