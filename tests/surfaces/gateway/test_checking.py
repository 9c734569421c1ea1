"""One check, decided on a real database: who gets in, what is told, what it costs, and what edits do."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from joserfc import jwt
from joserfc.jwk import KeySet

from core import batching
from core.errors import ServiceUnavailableError
from core.principals import Environment
from partners.scopes import Scope
from partners.services.keys import revoke_key
from surfaces import rulebook
from surfaces.gateway.answers import _header_text
from surfaces.gateway.assertion import key_set, path_digest
from surfaces.gateway.checking import turn_away
from surfaces.gateway.configurations import IDENTITY_HEADERS
from surfaces.names import Dialect, SurfaceName
from tests.surfaces.gateway.questions import ask, check_of, header
from tests.surfaces.tenants import PRODUCTS_LIST, Tenant, make_tenant
from tests.surfaces.tokens.parties import make_customer, make_reseller

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:EdDSA is deprecated")]


@pytest.fixture(autouse=True)
def _no_rules_of_other_tests() -> None:
    rulebook._held.snapshot = None


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(SurfaceName.SUPPLIER)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_proven_client_is_told_in_full(tenant: Tenant, dialect: Dialect) -> None:
    answer = ask(dialect, "POST", f"{PRODUCTS_LIST}?page=2", ("ApiKey", tenant.key))

    assert (answer.status, answer.body) == (200, b"")
    assert header(answer, "cache-control") == "no-store"
    assert header(answer, "x-auth-partner") == str(tenant.partner.pk)
    assert header(answer, "x-auth-subject") == header(answer, "x-auth-key-id") == tenant.issued.key.kid
    assert header(answer, "x-auth-surface") == "supplier"
    assert header(answer, "x-auth-environment") == "test"
    assert header(answer, "x-auth-session") == "-"
    assert set(str(header(answer, "x-auth-scopes")).split()) == set(Scope)
    assert {name.lower() for name in IDENTITY_HEADERS} <= {name for name, _ in answer.headers}


def test_the_assertion_says_the_same_and_holds_for_this_request_alone(tenant: Tenant) -> None:
    answer = ask(Dialect.CADDY, "POST", f"{PRODUCTS_LIST}?page=2", ("ApiKey", tenant.key))
    keys = KeySet.import_key_set(key_set())  # type: ignore[arg-type]
    claims = jwt.decode(str(header(answer, "x-auth-assertion")), keys, algorithms=["EdDSA"]).claims

    assert claims["aud"] == claims["policy"] == "caddy"
    assert claims["sub"] == claims["key_id"] == tenant.issued.key.kid
    assert claims["tenant"] == str(tenant.partner.pk)
    assert (claims["surface"], claims["env"], claims["method"]) == ("supplier", "test", "POST")
    assert claims["path_sha256"] == path_digest(PRODUCTS_LIST)


def test_a_resellers_token_is_told_as_its_account() -> None:
    reseller = make_reseller()
    answer = ask(Dialect.NGINX, "POST", "/Orders/Create", ("Authorization", f"Bearer {reseller.token()}"))

    assert answer.status == 200
    assert header(answer, "x-auth-subject") == str(reseller.account.pk)
    assert header(answer, "x-auth-surface") == "reseller"
    assert header(answer, "x-auth-scopes") == "orders:create orders:read"
    assert header(answer, "x-auth-key-id") == header(answer, "x-auth-session") == "-"


def test_a_customers_token_is_told_with_its_session() -> None:
    customer = make_customer()
    token = customer.signed_in()["Token"]
    answer = ask(Dialect.ENVOY, "GET", "/Storefront/Account", ("Authorization", f"Bearer {token}"))
    keys = KeySet.import_key_set(key_set())  # type: ignore[arg-type]
    claims = jwt.decode(str(header(answer, "x-auth-assertion")), keys, algorithms=["EdDSA"]).claims

    assert answer.status == 200
    assert header(answer, "x-auth-subject") == str(customer.account.profile_id)
    assert header(answer, "x-auth-session") == claims["sid"]
    assert "key_id" not in claims


def test_a_token_of_another_surface_lets_nobody_in() -> None:
    token = make_reseller().token()
    answer = ask(Dialect.CADDY, "GET", "/Storefront/Account", ("Authorization", f"Bearer {token}"))

    assert answer.status == 401
    assert header(answer, "www-authenticate") == 'Bearer realm="sticker", error="invalid_token"'


@pytest.mark.parametrize("value", ["{}", "bearer{}", "Basic {}", "Bearer {} x", "Bearer  ", "Bearer {},{}"])
def test_a_token_without_its_scheme_lets_nobody_in(value: str) -> None:
    token = make_reseller().token()

    assert ask(Dialect.CADDY, "POST", "/Orders/Create", ("Authorization", value.format(token, token))).status == 401


@pytest.mark.parametrize("dialect", Dialect)
def test_a_check_with_a_token_costs_one_query_and_no_write(dialect: Dialect) -> None:
    lines = ("Authorization", f"Bearer {make_reseller().token()}")
    assert ask(dialect, "POST", "/Orders/Create", lines).status == 200

    with CaptureQueriesContext(connection) as queries:
        assert ask(dialect, "POST", "/Orders/Create", lines).status == 200

    assert len(queries) == 1
    assert queries[0]["sql"].lstrip().startswith("SELECT")


def test_a_subject_that_no_header_can_carry_is_encoded() -> None:
    assert _header_text("Ada Byron\r\nX-Auth-Partner: evil\u00e9%") == "Ada%20Byron%0D%0AX-Auth-Partner:%20evil%C3%A9%25"
    assert (_header_text("-"), _header_text("")) == ("%2D", "-")


def test_a_key_without_any_scope_is_told_with_a_sign_for_none() -> None:
    tenant = make_tenant(SurfaceName.PAYMENT, scopes=[Scope.INTROSPECT])

    assert header(ask(Dialect.NGINX, "GET", "/Payment/Account", ("ApiKey", tenant.key)), "x-auth-scopes") == "introspect"


@pytest.mark.parametrize("dialect", Dialect)
def test_refusals_in_the_statuses_of_the_contract(tenant: Tenant, dialect: Dialect) -> None:
    stranger = make_tenant()
    revoked = make_tenant(SurfaceName.SUPPLIER)
    _revoke(revoked)
    cases = [
        ((), 401, -23),
        ((("ApiKey", "ak_test_nonsense"),), 401, -23),
        ((("ApiKey", revoked.key),), 401, -23),
        ((("ApiKey", tenant.key), ("ApiKey", tenant.key)), 401, -23),
        ((("ApiKey", tenant.key), ("X-Api-Key", tenant.key)), 401, -23),
        ((("ApiKey", tenant.key), ("X-Tenant", stranger.partner.slug)), 401, -23),
        ((("ApiKey", "\xfc" * 20),), 401, -23),
        ((("ApiKey", stranger.key),), 403, -31),
    ]
    for lines, status, code in cases:
        answer = ask(dialect, "POST", PRODUCTS_LIST, *lines)
        body = json.loads(answer.body)

        assert (answer.status, body["code"]) == (status, code), lines
        assert body["success"] is False
        assert header(answer, "x-error-status") == str(status)
        assert header(answer, "x-auth-partner") is None
        assert header(answer, "cache-control") == "no-store"
        if status == 401:
            assert str(header(answer, "www-authenticate")).startswith("ApiKey ")


@pytest.mark.parametrize("dialect", Dialect)
def test_two_credentials_are_401_on_a_token_surface_too(dialect: Dialect) -> None:
    answer = ask(dialect, "POST", "/Orders/Create", ("Authorization", "Bearer a.b.c"), ("ApiKey", "x"))

    assert answer.status == 401
    assert header(answer, "x-error-code") == "-12"
    assert "invalid_request" in str(header(answer, "www-authenticate"))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "target",
    [
        "/Nothing/Here",
        "/Supplier/Products/List/",
        "/supplier/products/list",
        "/Supplier//Products/List",
        "/Supplier/./Products/List",
        "/Supplier/x/../Products/List",
        "/Supplier/%2e%2e/Products/List",
        "/Supplier/Products%2fList",
        "/Supplier%2FProducts/List",
        "/Supplier%5cProducts/List",
        "/Supplier\\Products\\List",
        "/Supplier/Products/List;a=b",
        "/Supplier/Products/List%00",
        "/Supplier/Products/List%ff",
        "/Supplier/Products/List%252e",
    ],
)
def test_what_no_rule_covers_or_two_servers_could_read_differently_is_denied(
    tenant: Tenant, dialect: Dialect, target: str
) -> None:
    answer = ask(dialect, "POST", target, ("ApiKey", tenant.key))

    if target.endswith("List/"):
        assert answer.status == 200  # the same rule guards both spellings of the path
    else:
        assert answer.status == 403


def test_a_key_in_the_query_is_refused_and_named_in_the_ledger(tenant: Tenant) -> None:
    answer = ask(Dialect.NGINX, "POST", f"{PRODUCTS_LIST}?apikey={tenant.key}", ("ApiKey", tenant.key))
    batching.flush_all()

    assert answer.status == 403
    assert header(answer, "x-error-code") == "-13"
    assert _ledger(type="secret.exposed") == [("secret_in_query", tenant.issued.key.kid, "gateway:nginx")]


def test_a_refusal_is_counted_with_its_reason_key_and_policy(tenant: Tenant) -> None:
    _revoke(tenant)
    for _ in range(3):
        ask(Dialect.CADDY, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key))
    ask(Dialect.CADDY, "POST", PRODUCTS_LIST, ("X_Api_Key", tenant.key))
    batching.flush_all()

    assert sorted(_ledger(type="refusal.counted")) == [
        ("gateway_header_spelling", "", "gateway:caddy"),
        ("revoked", tenant.issued.key.kid, "gateway:caddy"),
    ]


def test_the_use_of_a_key_is_counted_by_rule_and_network(tenant: Tenant) -> None:
    ask(Dialect.TRAEFIK, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key))
    batching.flush_all()

    [use] = tenant.issued.key.usage.all()
    assert (use.outcome, use.endpoint, use.network) == ("accepted", "POST /Supplier/Products/List", "192.0.2.0/24")


@pytest.mark.parametrize("dialect", Dialect)
def test_a_key_bound_to_networks_holds_for_the_clients_address(dialect: Dialect) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER, networks=["192.0.2.0/24"])

    assert ask(dialect, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key)).status == 200
    assert ask(dialect, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key), address="198.51.100.1").status == 401
    assert ask(dialect, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key), address="").status == 401
    assert ask(dialect, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key), address="unix:").status == 401


def test_a_live_key_is_told_as_live() -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER, environment=Environment.LIVE)

    assert header(ask(Dialect.NGINX, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key)), "x-auth-environment") == "live"


@pytest.mark.parametrize("dialect", Dialect)
def test_a_check_costs_one_query_and_no_write(tenant: Tenant, dialect: Dialect) -> None:
    ask(dialect, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = ask(dialect, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key))

    assert answer.status == 200
    assert len(queries) == 1
    assert queries[0]["sql"].lstrip().startswith("SELECT")


@pytest.mark.parametrize(("lines", "most"), [((), 0), ((("ApiKey", "ak_test_" + "a" * 50),), 0), ((("X_Api_Key", "a"),), 1)])
def test_junk_costs_no_more(tenant: Tenant, lines: Any, most: int) -> None:
    ask(Dialect.NGINX, "POST", PRODUCTS_LIST)

    with CaptureQueriesContext(connection) as queries:
        assert ask(Dialect.NGINX, "POST", PRODUCTS_LIST, *lines).status in (401, 403)

    assert len(queries) <= most


def test_a_route_with_an_allowance_is_429_when_it_is_used_up(tenant: Tenant) -> None:
    _limit_route("/Supplier/Products/List", 2)
    lines = ("ApiKey", tenant.key)
    statuses = [ask(Dialect.CADDY, "POST", PRODUCTS_LIST, lines).status for _ in range(3)]
    told = ask(Dialect.NGINX, "POST", PRODUCTS_LIST, lines)

    assert statuses == [200, 200, 429]
    assert (told.status, header(told, "x-error-status"), header(told, "x-error-code")) == (403, "429", "-50")
    assert int(str(header(told, "retry-after"))) >= 1


def test_an_unknown_policy_lets_nobody_in(tenant: Tenant) -> None:
    answer = ask(Dialect.NGINX, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key), policy="nothing")

    assert answer.status == 403


def test_an_edit_of_the_policy_holds_on_the_next_check(tenant: Tenant) -> None:
    lines = ("ApiKey", tenant.key)
    assert ask(Dialect.NGINX, "POST", PRODUCTS_LIST, lines).status == 200

    _edit_policy("nginx", is_enabled=False)
    assert ask(Dialect.NGINX, "POST", PRODUCTS_LIST, lines).status == 403
    _edit_policy("nginx", is_enabled=True, surfaces=[SurfaceName.PAYMENT.number])
    assert ask(Dialect.NGINX, "POST", PRODUCTS_LIST, lines).status == 403
    _edit_policy("nginx", surfaces=[SurfaceName.SUPPLIER.number])
    assert ask(Dialect.NGINX, "POST", PRODUCTS_LIST, lines).status == 200
    _edit_policy("nginx", dialect="caddy")
    assert ask(Dialect.NGINX, "POST", PRODUCTS_LIST, lines).status == 403
    assert ask(Dialect.CADDY, "POST", PRODUCTS_LIST, lines, policy="nginx").status == 200


def test_the_audience_of_a_policy_is_the_assertions(tenant: Tenant) -> None:
    _edit_policy("caddy", audience="https://orders.example")
    answer = ask(Dialect.CADDY, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key))
    keys = KeySet.import_key_set(key_set())  # type: ignore[arg-type]

    assert (
        jwt.decode(str(header(answer, "x-auth-assertion")), keys, algorithms=["EdDSA"]).claims["aud"]
        == "https://orders.example"
    )


@pytest.mark.parametrize(("dialect", "status"), [(Dialect.NGINX, 403), (Dialect.CADDY, 503), (Dialect.ENVOY, 503)])
def test_a_check_that_nobody_has_time_for_is_refused(dialect: Dialect, status: int) -> None:
    rulebook.current()

    with CaptureQueriesContext(connection) as queries:
        answer = turn_away(check_of(dialect, "GET", "/Payment/Account"), policy_name=dialect.value, reason="overload")

    assert (answer.status, len(queries)) == (status, 0)
    assert header(answer, "x-error-status") == "503"
    assert header(answer, "retry-after") == ServiceUnavailableError().headers["Retry-After"]


def test_nothing_secret_is_printed(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(Dialect.NGINX, "POST", f"{PRODUCTS_LIST}?k={tenant.key}", ("ApiKey", tenant.key))
    ask(Dialect.NGINX, "POST", f"/{tenant.key}", ("ApiKey", tenant.key), ("X-Request-Id", tenant.key))

    assert tenant.key not in repr(answer) + str(answer.headers) + answer.body.decode()
    assert tenant.key not in caplog.text


def _revoke(tenant: Tenant) -> None:
    from partners.models import RevokeReason
    from tests.factories import ALICE

    revoke_key(tenant.issued.key.pk, reason=RevokeReason.CESSATION, comment="", actor=ALICE)


def _ledger(**question: str) -> list[tuple[str, str, str]]:
    from audit.models import Event

    return [(row.reason, row.subject_id, row.data["place"]) for row in Event.objects.filter(**question)]


def _limit_route(pattern: str, calls: int) -> None:
    from surfaces.models import Route
    from surfaces.services.rulebook import change_rules

    Route.objects.filter(pattern=pattern).update(calls_per_minute=calls)
    change_rules()


def _edit_policy(name: str, **fields: Any) -> None:
    from surfaces.models import GatewayPolicy
    from surfaces.services.rulebook import change_rules

    GatewayPolicy.objects.filter(name=name).update(**fields)
    change_rules()
