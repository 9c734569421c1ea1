"""Payment and Supplier over HTTP: what opens them, one answer for whatever is wrong with a key, and what else is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Event
from core.batching import flush_all
from core.credentials import KeyKind, mint_key
from core.principals import Environment
from partners.models import ApiKey, KeyUsage, RevokeReason
from partners.scopes import Scope
from partners.services.keys import pause_key, revoke_key, rotate_key
from partners.services.partners import suspend_partner
from surfaces.names import SurfaceName
from tests.factories import ALICE, make_key
from tests.surfaces.tenants import (
    KEY_ENDPOINTS,
    PAYMENT_ACCOUNT,
    PRODUCTS_LIST,
    SUPPLIER_ACCOUNT,
    Tenant,
    call,
    make_product,
    make_tenant,
    refusal,
)

pytestmark = pytest.mark.django_db
BAD_KEY = (401, -23, "INVALID_API_KEY")


def products(key: str, **headers: str) -> Any:
    return call("POST", PRODUCTS_LIST, ApiKey=key, **headers)


@pytest.mark.parametrize("header", ["ApiKey", "apikey", "APIKEY", "aPiKeY", "X-Api-Key", "x-stash-api-key"])
def test_a_key_opens_supplier_in_any_spelling_of_its_header(header: str) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    answer = call("POST", PRODUCTS_LIST, **{header: tenant.key})
    assert (answer.status_code, answer.json()["success"], answer.json()["message"]) == (200, True, "OK")


@pytest.mark.parametrize("scheme", ["Bearer", "ApiKey", "apikey"])
def test_a_key_opens_supplier_behind_a_scheme(scheme: str) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    assert call("POST", PRODUCTS_LIST, Authorization=f"{scheme} {tenant.key}").status_code == 200


def test_supplier_lists_the_tenants_products_of_its_environment() -> None:
    tenant, other = make_tenant(SurfaceName.SUPPLIER), make_tenant(SurfaceName.SUPPLIER)
    make_product(tenant.partner, "B-2", is_listed=False)
    make_product(tenant.partner, "A-1", stock=3)
    make_product(tenant.partner, "L-1", environment=Environment.LIVE)
    make_product(other.partner, "O-1")
    data = products(tenant.key).json()["data"]
    assert [(each["sku"], each["stock"], each["is_listed"]) for each in data["products"]] == [
        ("A-1", 3, True),
        ("B-2", 7, False),
    ]
    assert data["next"] is None


def test_products_come_in_pages() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    for sku in ("A", "B", "C"):
        make_product(tenant.partner, sku)
    first = call("POST", PRODUCTS_LIST, body={"limit": 2}, ApiKey=tenant.key).json()["data"]
    rest = call("POST", PRODUCTS_LIST, body={"limit": 2, "after": first["next"]}, ApiKey=tenant.key).json()["data"]
    assert [each["sku"] for page in (first, rest) for each in page["products"]] == ["A", "B", "C"]
    assert (first["next"], rest["next"]) == ("B", None)


def test_whoami_tells_tenant_key_and_scopes() -> None:
    tenant = make_tenant(SurfaceName.PAYMENT, scopes=[Scope.PAYMENTS_WRITE])
    data = call("GET", PAYMENT_ACCOUNT, ApiKey=tenant.key).json()["data"]
    assert data["tenant"] == {"id": str(tenant.partner.pk), "slug": tenant.partner.slug}
    assert (data["environment"], data["credential"], data["subject"]) == ("test", "api_key", tenant.issued.key.kid)
    assert data["scopes"] == ["payments:write"]


def test_a_payment_is_recorded_once_per_reference_with_its_ledger_row() -> None:
    tenant = make_tenant(SurfaceName.PAYMENT)
    wish = {"amount_minor": 900, "currency": "USD", "reference": "PAY-1"}
    made = call("POST", "/Payment/Payments/Create", body=wish, ApiKey=tenant.key)
    again = call("POST", "/Payment/Payments/Create", body=wish, ApiKey=tenant.key)
    assert made.status_code == 200
    assert refusal(again) == (409, -26, "REFERENCE_TAKEN")
    assert again.json()["id"] == made.json()["data"]["id"]
    (event,) = Event.objects.filter(type="tenant_payment.created", partner_id=tenant.partner.pk)
    assert (event.actor_kind, event.actor_id, event.subject_id) == ("key", tenant.issued.key.kid, made.json()["data"]["id"])


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"currency": "USD"}, "amount_minor"),
        ({"amount_minor": 0, "currency": "USD"}, "amount_minor"),
        ({"amount_minor": "9", "currency": "USD"}, "amount_minor"),
        ({"amount_minor": True, "currency": "USD"}, "amount_minor"),
        ({"amount_minor": 9.5, "currency": "USD"}, "amount_minor"),
        ({"amount_minor": 10**13, "currency": "USD"}, "amount_minor"),
        ({"amount_minor": 9, "currency": "usd"}, "currency"),
        ({"amount_minor": 9, "currency": "USD", "reference": "x" * 129}, "reference"),
        ({"amount_minor": 9, "currency": "USD", "reference": "a\u0000b"}, None),
        ({"amount_minor": 9, "currency": "USD", "order_id": "x"}, "order_id"),
        ({"amount_minor": 9, "currency": "USD", "order_id": 5}, "order_id"),
        ({"amount_minor": 9, "currency": "USD", "order_id": False}, "order_id"),
        ({"amount_minor": 9, "currency": "USD", "order_id": "0c5b9a57-3f0d-4a0e-8f0e-6b1d1f8f6a21"}, "order_id"),
    ],
)
def test_a_wrong_payment_is_refused_naming_its_field(wish: object, field: str | None) -> None:
    tenant = make_tenant(SurfaceName.PAYMENT)
    answer = call("POST", "/Payment/Payments/Create", body=wish, ApiKey=tenant.key)
    assert refusal(answer) == (400, -10, "INVALID_REQUEST")
    assert [each["field"] for each in answer.json().get("details", [])] == ([field] if field else [])


def unknown(_tenant: Tenant) -> str:
    return mint_key(KeyKind.SURFACE, Environment.TEST).plaintext


def mistyped(tenant: Tenant) -> str:
    return tenant.key[:-1] + ("a" if tenant.key[-1] != "a" else "b")


def expired(tenant: Tenant) -> str:
    ApiKey.objects.filter(pk=tenant.issued.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return tenant.key


def revoked(tenant: Tenant) -> str:
    revoke_key(tenant.issued.key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE)
    return tenant.key


def paused(tenant: Tenant) -> str:
    pause_key(tenant.issued.key.pk, reason="", actor=ALICE)
    return tenant.key


def from_elsewhere(tenant: Tenant) -> str:
    ApiKey.objects.filter(pk=tenant.issued.key.pk).update(networks=["203.0.113.0/24"])
    return tenant.key


def partner_key(tenant: Tenant) -> str:
    return make_key(tenant.partner).plaintext


def a_token(_tenant: Tenant) -> str:
    return "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"


def nothing(_tenant: Tenant) -> str:
    return ""


def long(_tenant: Tenant) -> str:
    return "ak_test_" + "a" * 600


def spaced(tenant: Tenant) -> str:
    return f"{tenant.key} {tenant.key}"


def joined(tenant: Tenant) -> str:
    return f"{tenant.key},{tenant.key}"


def not_ascii(_tenant: Tenant) -> str:
    return "ak_test_é"


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        (nothing, "no_credential"),
        (unknown, "unknown"),
        (mistyped, "malformed"),
        (expired, "expired"),
        (revoked, "revoked"),
        (paused, "paused"),
        (from_elsewhere, "network"),
        (partner_key, "not_a_surface_key"),
        (a_token, "malformed"),
        (long, "malformed"),
        (spaced, "several_credentials"),
        (joined, "several_credentials"),
        (not_ascii, "malformed"),
    ],
)
def test_every_bad_key_gets_one_answer_and_the_ledger_the_reason(present: Callable[[Tenant], str], reason: str) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    answer = products(present(tenant), X_Request_ID="a" * 16)
    assert answer.json() == products("", X_Request_ID="a" * 16).json()
    assert refusal(answer) == BAD_KEY
    assert answer.json()["data"] is None
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="sticker"'
    flush_all()
    assert reason in set(Event.objects.filter(type="refusal.counted").values_list("reason", flat=True))


def test_two_credentials_are_one_bad_key() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    both = products(tenant.key, X_Api_Key=tenant.key)
    bearer_beside = products(tenant.key, Authorization=f"Bearer {tenant.key}")
    assert refusal(both) == refusal(bearer_beside) == BAD_KEY


@pytest.mark.parametrize("place", ["query", "form"])
def test_a_key_in_the_address_or_a_form_is_refused_as_leaked(place: str) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    if place == "query":
        answer = call("POST", f"{PRODUCTS_LIST}?key={tenant.key}", ApiKey=tenant.key)
        assert refusal(answer) == (400, -13, "SECRET_IN_URL")
        flush_all()
        assert Event.objects.get(type="secret.exposed").subject_id == tenant.issued.key.kid
    else:
        answer = Client(HTTP_HOST="127.0.0.1:8000").post(PRODUCTS_LIST, {"key": tenant.key}, headers={"ApiKey": tenant.key})
        assert refusal(answer) == (400, -13, "SECRET_IN_URL")


@pytest.mark.parametrize(("method", "path"), KEY_ENDPOINTS)
def test_a_tenant_without_the_surface_is_refused_everywhere_on_it(method: str, path: str) -> None:
    tenant = make_tenant(SurfaceName.RESELLER, SurfaceName.STOREFRONT)
    answer = call(method, path, ApiKey=tenant.key)
    assert refusal(answer) == (403, -31, "NOT_ENTITLED")
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="sticker", error="insufficient_scope"'


def test_an_entitlement_holds_in_its_environment_alone() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER, environment=Environment.LIVE)
    test_key = make_key(tenant.partner, kind=KeyKind.SURFACE).plaintext
    assert products(tenant.key).status_code == 200
    assert refusal(products(test_key)) == (403, -31, "NOT_ENTITLED")


def test_a_key_without_the_scope_is_told_which() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER, scopes=[Scope.PAYMENTS_WRITE])
    answer = products(tenant.key)
    assert refusal(answer) == (403, -30, "FORBIDDEN")
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="sticker", error="insufficient_scope", scope="products:read"'
    assert call("GET", SUPPLIER_ACCOUNT, ApiKey=tenant.key).status_code == 200


def test_a_suspended_partner_is_told_so() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    suspend_partner(tenant.partner.pk, reason="", actor=ALICE)
    assert refusal(products(tenant.key)) == (403, -33, "PARTNER_SUSPENDED")


def test_the_tenant_asked_for_must_be_the_keys_own() -> None:
    tenant, other = make_tenant(SurfaceName.SUPPLIER), make_tenant(SurfaceName.SUPPLIER)
    for own in (tenant.partner.slug, str(tenant.partner.pk), str(tenant.partner.pk).upper(), ""):
        assert products(tenant.key, X_Tenant=own).status_code == 200, own
    for foreign in (other.partner.slug, str(other.partner.pk), "nobody", f"{tenant.partner.slug},{other.partner.slug}"):
        assert refusal(products(tenant.key, X_Tenant=foreign)) == BAD_KEY, foreign


def test_a_good_check_costs_one_query_and_writes_nothing() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    call("GET", SUPPLIER_ACCOUNT, ApiKey=tenant.key)
    with CaptureQueriesContext(connection) as made:
        assert call("GET", SUPPLIER_ACCOUNT, ApiKey=tenant.key).status_code == 200
    assert len(made) == 1
    assert made[0]["sql"].lstrip().upper().startswith("SELECT")


def test_a_key_that_cannot_be_one_costs_no_query() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    call("GET", SUPPLIER_ACCOUNT, ApiKey=tenant.key)
    for junk in ("", "junk", tenant.key[:-1] + "!", "ak_test_" + "0" * 50):
        with CaptureQueriesContext(connection) as made:
            assert call("GET", SUPPLIER_ACCOUNT, ApiKey=junk).status_code == 401
        assert len(made) == 0, junk


def test_uses_are_counted_by_route_and_move_last_used() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    products(tenant.key)
    products(tenant.key)
    flush_all()
    usage = KeyUsage.objects.get(key=tenant.issued.key)
    assert (usage.endpoint, usage.outcome, usage.count) == (f"POST {PRODUCTS_LIST}", "accepted", 2)
    assert ApiKey.objects.get(pk=tenant.issued.key.pk).last_used_at is not None


def test_a_key_in_grace_is_told_of_its_end() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    rotate_key(tenant.issued.key.pk, overlap=timedelta(hours=1), reason="", actor=ALICE)
    headers = products(tenant.key).headers
    assert {"Deprecation", "Sunset", "Link"} <= set(headers)


def test_a_wrong_method_and_an_unknown_path_are_numbered_refusals() -> None:
    wrong, nowhere = call("GET", PRODUCTS_LIST), call("GET", "/Supplier/Nowhere")
    assert refusal(wrong) == (405, -71, "METHOD_NOT_ALLOWED")
    assert wrong.headers["Allow"] == "POST"
    assert refusal(nowhere) == (404, -70, "NOT_FOUND")


@pytest.mark.parametrize("body", [[1], "text", {"limit": 0}, {"limit": 201}, {"limit": "5"}, {"scopes": ["x"]}])
def test_a_wrong_body_is_a_400_in_numbers(body: object) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    assert refusal(call("POST", PRODUCTS_LIST, body=body, ApiKey=tenant.key)) == (400, -10, "INVALID_REQUEST")


def test_problem_json_is_answered_to_whoever_accepts_it() -> None:
    answer = products("junk", Accept="application/problem+json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["code"]) == (401, "INVALID_API_KEY")
