"""Reseller and Storefront over HTTP: bearers only, their own data only, and every other credential useless on them."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core.batching import flush_all
from core.credentials import KeyKind, mint_session_token
from core.principals import Environment
from partners.models import Partner
from partners.scopes import Scope
from partners.services.partners import suspend_partner
from surfaces.models import Order
from surfaces.names import SurfaceName
from surfaces.services.entitlements import withdraw_surface
from surfaces.services.hosts import add_tenant_host
from tests.factories import ALICE, make_key, make_partner, make_profile
from tests.sessions_app.conftest import World
from tests.surfaces.tenants import KEY_ENDPOINTS, TOKEN_ENDPOINTS, call, entitle, make_product, refusal
from tests.surfaces.tokens.parties import Reseller, make_customer, make_program, make_reseller

pytestmark = pytest.mark.django_db
CREATE: Final = "/Orders/Create"
LIST: Final = "/Orders/List"


@pytest.fixture
def partner() -> Partner:
    """A tenant entitled to all four surfaces in test."""
    made = make_partner()
    for surface in SurfaceName:
        entitle(made, surface)
    return made


@pytest.fixture
def reseller(partner: Partner) -> Reseller:
    return make_reseller(partner)


def bearing(token: str, method: str, path: str, *, body: object = None, **headers: str) -> Any:
    return call(method, path, body=body, Authorization=f"Bearer {token}", **headers)


@pytest.mark.parametrize("body", [None, {}, {"items": []}, {"items": None}, {"note": "unknown fields are ignored"}])
def test_an_order_may_begin_empty(reseller: Reseller, body: object) -> None:
    answer = bearing(reseller.token(), "POST", CREATE, body=body)
    assert (answer.status_code, answer.json()["success"], answer.json()["message"]) == (200, True, "OK")
    data = answer.json()["data"]
    assert (data["status"], data["items"], data["reference"]) == ("draft", [], None)


def test_an_order_is_a_row_with_todays_prices_and_a_ledger_row(partner: Partner, reseller: Reseller) -> None:
    make_product(partner, "STK-1", price_minor=450)
    body = {"items": [{"sku": "STK-1", "quantity": 2}, {"sku": "NEW-9"}], "reference": "PO-1"}
    data = bearing(reseller.token(), "POST", CREATE, body=body).json()["data"]
    assert data["items"] == [
        {"sku": "STK-1", "quantity": 2, "price_minor": 450, "currency": "USD"},
        {"sku": "NEW-9", "quantity": 1, "price_minor": None, "currency": None},
    ]
    order = Order.objects.get(pk=data["id"])
    assert (order.partner_id, order.environment, order.status) == (partner.pk, "test", "placed")
    (event,) = Event.objects.filter(type="tenant_order.created", partner_id=partner.pk)
    assert (event.subject_id, event.environment, event.data) == (data["id"], "test", {"reference": "PO-1"})


def test_a_reference_is_used_once_by_each_caller(partner: Partner, reseller: Reseller) -> None:
    token = reseller.token()
    first = bearing(token, "POST", CREATE, body={"reference": "PO-1"}).json()["data"]["id"]
    again = bearing(token, "POST", CREATE, body={"reference": "PO-1"})
    assert (refusal(again), again.json()["id"]) == ((409, -26, "REFERENCE_TAKEN"), first)
    other = make_reseller(partner, email="other@reseller.example")
    assert bearing(other.token(), "POST", CREATE, body={"reference": "PO-1"}).status_code == 200


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ("text", "items"),
        ([{"quantity": 1}], "items[0].sku"),
        ([{"sku": "A"}, {"sku": "B", "quantity": 0}], "items[1].quantity"),
        ([{"sku": "A", "quantity": "2"}], "items[0].quantity"),
        ([{"sku": "A", "quantity": 1.5}], "items[0].quantity"),
        ([{"sku": "A", "quantity": True}], "items[0].quantity"),
        ([{"sku": "x" * 65}], "items[0].sku"),
        ([{"sku": 5}], "items[0].sku"),
        (["A"], "items[0]"),
        ([{"sku": "A"}] * 201, "items"),
    ],
)
def test_wrong_lines_are_refused_naming_their_field(reseller: Reseller, items: object, field: str) -> None:
    answer = bearing(reseller.token(), "POST", CREATE, body={"items": items})
    assert refusal(answer) == (400, -10, "INVALID_REQUEST")
    assert [each["field"] for each in answer.json()["details"]] == [field]
    assert not Order.objects.exists()


def test_orders_are_listed_to_the_one_who_made_them_newest_first(partner: Partner, reseller: Reseller) -> None:
    token = reseller.token()
    made = [bearing(token, "POST", CREATE).json()["data"]["id"] for _ in range(3)]
    bearing(make_program(partner).token(), "POST", CREATE)
    first = bearing(token, "POST", LIST, body={"limit": 2}).json()["data"]
    rest = bearing(token, "POST", LIST, body={"limit": 2, "before": first["next"]}).json()["data"]
    assert [each["id"] for page in (first, rest) for each in page["orders"]] == made[::-1]
    assert rest["next"] is None


def test_storefront_shows_what_is_listed(partner: Partner) -> None:
    make_product(partner, "A")
    make_product(partner, "HIDDEN", is_listed=False)
    token = make_customer(partner).signed_in()["Token"]
    data = bearing(token, "POST", "/Storefront/Products/List").json()["data"]
    assert data["products"] == [{"sku": "A", "name": "Product A", "price_minor": 450, "currency": "USD"}]


def test_whoami_tells_whom_a_token_stands_for(partner: Partner, reseller: Reseller) -> None:
    data = bearing(reseller.token(), "GET", "/Reseller/Account").json()["data"]
    assert data["tenant"] == {"id": str(partner.pk), "slug": partner.slug}
    assert (data["credential"], data["subject"]) == ("access_token", str(reseller.account.pk))
    assert data["scopes"] == ["orders:create", "orders:read"]


@pytest.mark.parametrize(
    ("headers", "number", "has_error"),
    [
        ({}, -20, False),
        ({"Authorization": "{token}"}, -20, False),
        ({"Authorization": "Token {token}"}, -20, False),
        ({"Authorization": "Basic {token}"}, -20, False),
        ({"Authorization": "Bearer"}, -20, False),
        ({"Authorization": "Bearer "}, -20, False),
        ({"ApiKey": "{token}"}, -20, False),
        ({"X-Api-Key": "{token}"}, -20, False),
        ({"Authorization": "Bearer junk"}, -22, True),
        ({"Authorization": "Bearer {token}x"}, -22, True),
        ({"Authorization": "Bearer a.b.c"}, -22, True),
        ({"Authorization": "Bearer {key}"}, -22, True),
        ({"Authorization": "Bearer é"}, -22, True),
    ],
)
def test_without_a_good_bearer_it_is_a_401_with_its_challenge(
    partner: Partner, reseller: Reseller, headers: dict[str, str], number: int, has_error: bool
) -> None:
    key = make_key(partner, kind=KeyKind.SURFACE).plaintext
    sent = {name: value.format(token=reseller.token(), key=key) for name, value in headers.items()}
    answer = call("GET", "/Reseller/Account", **sent)
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (401, number, None)
    error = ', error="invalid_token"' if has_error else ""
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="sticker"{error}'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(reseller: Reseller, scheme: str) -> None:
    assert call("GET", "/Reseller/Account", Authorization=f"{scheme} {reseller.token()}").status_code == 200


def test_two_credentials_are_a_bad_request(partner: Partner, reseller: Reseller) -> None:
    key, token = make_key(partner, kind=KeyKind.SURFACE).plaintext, reseller.token()
    answers = [
        bearing(token, "GET", "/Reseller/Account", ApiKey=key),
        bearing(f"{token},Bearer {token}", "GET", "/Reseller/Account"),
        bearing(f"{token} {token}", "GET", "/Reseller/Account"),
    ]
    assert {refusal(answer) for answer in answers} == {(400, -12, "MULTIPLE_CREDENTIALS")}


def test_a_tenant_may_lose_the_surface_while_its_tokens_live(partner: Partner, reseller: Reseller) -> None:
    token = reseller.token()
    withdraw_surface(partner.pk, environment=Environment.TEST, surface=SurfaceName.RESELLER, actor=ALICE)
    answer = bearing(token, "GET", "/Reseller/Account")
    assert refusal(answer) == (403, -31, "NOT_ENTITLED")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sticker", error="insufficient_scope"'


def test_a_missing_scope_is_named(partner: Partner) -> None:
    token = make_program(partner, scopes=(Scope.ORDERS_READ,)).token()
    answer = bearing(token, "POST", CREATE)
    assert refusal(answer) == (403, -30, "FORBIDDEN")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sticker", error="insufficient_scope", scope="orders:create"'


def test_suspension_ends_tokens_on_the_next_request(partner: Partner, reseller: Reseller) -> None:
    token = reseller.token()
    suspend_partner(partner.pk, reason="", actor=ALICE)
    assert bearing(token, "GET", "/Reseller/Account").status_code in (401, 403)


def test_the_tenant_asked_for_must_be_the_tokens_own(partner: Partner, reseller: Reseller) -> None:
    token, other = reseller.token(), make_partner()
    assert bearing(token, "GET", "/Reseller/Account", X_Tenant=partner.slug).status_code == 200
    foreign = bearing(token, "GET", "/Reseller/Account", X_Tenant=other.slug)
    add_tenant_host("localhost", partner_id=other.pk, environment=Environment.TEST, actor=ALICE)
    at_its_host = bearing(token, "GET", "/Reseller/Account", host="localhost:8000")
    assert refusal(foreign) == refusal(at_its_host) == (401, -22, "INVALID_TOKEN")
    flush_all()
    assert "other_tenant" in set(Event.objects.filter(type="refusal.counted").values_list("reason", flat=True))


def credentials(partner: Partner) -> dict[str, Callable[[], str]]:
    """One of each kind, all of one tenant that may use everything, each with every scope it can have."""
    world = World(make_key(partner), make_profile(partner))
    return {
        "reseller account": make_reseller(partner, email="matrix@reseller.example").token,
        "reseller client": make_program(partner).token,
        "customer": lambda: str(make_customer(partner).signed_in()["Token"]),
        "embed session": lambda: str(world.signed_in()["access_token"]),
        "surface key": lambda: make_key(partner, kind=KeyKind.SURFACE).plaintext,
        "partner key": lambda: world.issued.plaintext,
        "session token": lambda: str(world.handshake()["session_key"]),
        "made-up session token": mint_session_token,
    }


OPENS: Final = {
    "reseller account": ("/Reseller/", "/Orders/"),
    "reseller client": ("/Reseller/", "/Orders/"),
    "customer": ("/Storefront/",),
    "embed session": ("/Storefront/",),
    "surface key": ("/Payment/", "/Supplier/"),
}


@pytest.mark.parametrize("kind", [*OPENS, "partner key", "session token", "made-up session token"])
def test_a_credential_opens_its_own_surface_and_no_other(partner: Partner, kind: str) -> None:
    text = credentials(partner)[kind]()
    for method, path in (*TOKEN_ENDPOINTS, *KEY_ENDPOINTS):
        body = {"amount_minor": 5, "currency": "USD"} if path.endswith("Payments/Create") else {}
        answers = {call(method, path, body=body, Authorization=f"Bearer {text}").status_code}
        if (method, path) in KEY_ENDPOINTS:
            answers.add(call(method, path, body=body, ApiKey=text).status_code)
        assert answers == {200 if path.startswith(OPENS.get(kind, ("-",))) else 401}, (kind, path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/Reseller/Account", "reseller account"),
        ("/Reseller/Account", "reseller client"),
        ("/Storefront/Account", "customer"),
        ("/Storefront/Account", "embed session"),
    ],
)
def test_a_good_check_costs_one_read(partner: Partner, path: str, kind: str) -> None:
    text = credentials(partner)[kind]()
    client = Client(HTTP_HOST="127.0.0.1:8000")
    client.get(path, headers={"Authorization": f"Bearer {text}"})
    with CaptureQueriesContext(connection) as made:
        assert client.get(path, headers={"Authorization": f"Bearer {text}"}).status_code == 200
    assert [query["sql"].lstrip()[:6].upper() for query in made] == ["SELECT"]
