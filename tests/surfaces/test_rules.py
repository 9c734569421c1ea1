"""Which rule decides, in which order the steps come, and that no decision is older than the last edit."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core.errors import ErrorFamily, InvalidRequestError
from core.principals import Environment
from partners.scopes import Scope
from surfaces import rulebook
from surfaces.admission import admit
from surfaces.decisions import Decision, Question, Step, host_name
from surfaces.errors import RouteExistsError, RouteNotFoundError, TenantHostTakenError
from surfaces.models import Entitlement, Route, Rulebook
from surfaces.names import Mechanism, Method, SurfaceName
from surfaces.rules import decide
from surfaces.services.entitlements import grant_surface, withdraw_surface
from surfaces.services.hosts import add_tenant_host, remove_tenant_host
from surfaces.services.routes import RouteSpec, create_route, disable_route, enable_route, find_route, update_route
from surfaces.services.surfaces import SurfaceSpec, update_surface
from tests.factories import ALICE, make_partner
from tests.surfaces.tenants import PRODUCTS_LIST, SUPPLIER_ACCOUNT, Tenant, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(SurfaceName.SUPPLIER)


def ask(who: Tenant, path: str = PRODUCTS_LIST, method: str = "POST", **more: Any) -> Decision:
    return decide(Question(method, path, {"HTTP_APIKEY": who.key}, **more))


def outcome(decision: Decision) -> str:
    """`ok`, or the name and reason of the refusal."""
    return f"{decision.error.slug} {decision.error.reason}" if decision.error else "ok"


def add_rule(pattern: str, method: str = "ANY", scope: Scope | None = None, **more: Any) -> Route:
    return create_route(RouteSpec(SurfaceName.SUPPLIER, Method(method), pattern, scope, **more), actor=ALICE)


def rule_of(tenant: Tenant, path: str, method: str = "POST") -> str:
    rule = ask(tenant, path, method).rule
    return rule.name if rule else ""


def test_the_most_specific_rule_decides_whatever_the_order_of_their_making(tenant: Tenant) -> None:
    for pattern in ("/Files/*", "/Files/{name}", "/Files/{name}/Log", "/Files/Public/{page}", "/Files/Public/Index"):
        add_rule(pattern)
    found = {
        "/Files/Public/Index": "ANY /Files/Public/Index",
        "/Files/Public/Other": "ANY /Files/Public/{page}",
        "/Files/Public/Log": "ANY /Files/Public/{page}",
        "/Files/Own/Log": "ANY /Files/{name}/Log",
        "/Files/Own": "ANY /Files/{name}",
        "/Files/Own/Else": "ANY /Files/*",
        "/Files": "",
    }
    assert {path: rule_of(tenant, path) for path in found} == found


def test_a_methods_own_rule_comes_before_any_and_head_is_read_like_get(tenant: Tenant) -> None:
    add_rule("/Files/{name}", "GET")
    add_rule("/Files/{name}")
    add_rule("/Reports/*", "GET")
    assert rule_of(tenant, "/Files/a", "GET") == rule_of(tenant, "/Files/a", "HEAD") == "GET /Files/{name}"
    assert rule_of(tenant, "/Files/a", "DELETE") == rule_of(tenant, "/Files/a", "PROPFIND") == "ANY /Files/{name}"
    assert outcome(ask(tenant, "/Reports/a", "POST")) == "NO_RULE no_rule"


def test_a_specific_rule_of_another_method_leaves_the_wider_rule_in_charge(tenant: Tenant) -> None:
    add_rule("/Files/Index", "GET", Scope.PRODUCTS_READ)
    add_rule("/Files/*", "DELETE", Scope.PAYMENTS_WRITE)
    assert rule_of(tenant, "/Files/Index", "DELETE") == "DELETE /Files/*"


def test_another_letter_case_never_slips_under_a_wider_rule(tenant: Tenant) -> None:
    add_rule("/Files/*", "POST")
    add_rule("/Files/Delete", "POST", Scope.PAYMENTS_WRITE)
    assert outcome(ask(tenant, "/Files/delete")) == "AMBIGUOUS_PATH path:letter_case"
    assert outcome(ask(tenant, "/files/other")) == "AMBIGUOUS_PATH path:letter_case"
    assert outcome(ask(tenant, "/Files/other")) == "ok"


def test_a_disabled_rule_denies_and_keeps_wider_rules_out(tenant: Tenant) -> None:
    add_rule("/Files/*", "POST")
    inner = add_rule("/Files/Delete", "POST")
    disable_route(inner.pk, reason="Incident", actor=ALICE)
    assert outcome(ask(tenant, "/Files/Delete")) == "NO_RULE rule_disabled"
    enable_route(inner.pk, actor=ALICE)
    assert outcome(ask(tenant, "/Files/Delete")) == "ok"


def test_rules_that_would_decide_the_same_requests_cannot_stand_beside_each_other() -> None:
    add_rule("/Files/{name}", "GET")
    for pattern in ("/files/{other}", "/FILES/{name}"):
        with pytest.raises(RouteExistsError):
            add_rule(pattern, "GET")
    other = add_rule("/Files/{name}/Log", "GET")
    with pytest.raises(RouteExistsError):
        update_route(other.pk, spec=RouteSpec(SurfaceName.SUPPLIER, Method.GET, "/files/{x}"), actor=ALICE)


def test_a_rule_that_says_nonsense_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        add_rule("Files", calls_per_minute=0)
    assert [problem.field for problem in refused.value.details] == ["pattern", "calls_per_minute"]
    with pytest.raises(RouteNotFoundError):
        find_route("GET", "/Nowhere")


def test_an_edited_rule_says_in_the_ledger_what_was_before(tenant: Tenant) -> None:
    route = find_route("POST", PRODUCTS_LIST)
    spec = RouteSpec(SurfaceName.SUPPLIER, Method.POST, PRODUCTS_LIST, Scope.PAYMENTS_WRITE, description=route.description)
    update_route(route.pk, spec=spec, reason="Audit 7", actor=ALICE)
    update_route(route.pk, spec=spec, actor=ALICE)
    (event,) = Event.objects.filter(type="route.updated")
    assert event.data["scope"] == {"before": "products:read", "after": "payments:write"}
    assert (event.reason, event.subject_id) == ("Audit 7", str(route.pk))
    assert (ask(tenant).rule or route).scope == "payments:write"


def test_a_rule_moved_to_another_surface_takes_its_entitlements_along(tenant: Tenant) -> None:
    route = find_route("POST", PRODUCTS_LIST)
    grant_surface(tenant.partner.pk, environment=Environment.TEST, surface=SurfaceName.SUPPLIER, route_id=route.pk, actor=ALICE)
    spec = RouteSpec(SurfaceName.PAYMENT, Method.POST, PRODUCTS_LIST, Scope.PRODUCTS_READ)
    update_route(route.pk, spec=spec, actor=ALICE)
    withdraw_surface(tenant.partner.pk, environment=Environment.TEST, surface=SurfaceName.SUPPLIER, actor=ALICE)
    assert outcome(ask(tenant)) == "ok"
    assert Entitlement.objects.get(route=route).surface_id == SurfaceName.PAYMENT.number


def test_every_edit_gives_the_rules_a_version_and_nothing_else_does(tenant: Tenant) -> None:
    route = find_route("POST", PRODUCTS_LIST)
    partner = tenant.partner.pk
    edits: list[Callable[[], object]] = [
        lambda: disable_route(route.pk, actor=ALICE),
        lambda: enable_route(route.pk, actor=ALICE),
        lambda: grant_surface(partner, environment=Environment.LIVE, surface=SurfaceName.PAYMENT, actor=ALICE),
        lambda: withdraw_surface(partner, environment=Environment.LIVE, surface=SurfaceName.PAYMENT, actor=ALICE),
        lambda: add_tenant_host("shop.example.com", partner_id=partner, environment=Environment.TEST, actor=ALICE),
        lambda: remove_tenant_host("shop.example.com", actor=ALICE),
        lambda: update_surface(SurfaceName.PAYMENT, spec=replace(PAYMENT, is_enabled=False), actor=ALICE),
    ]
    for edit in edits:
        before, events = Rulebook.objects.get(), Event.objects.count()
        edit()
        once = Rulebook.objects.get()
        assert (once.version != before.version, once.edits) == (True, before.edits + 1)
        assert Event.objects.count() == events + 1
        edit()
        assert Rulebook.objects.get().version == once.version
        assert Event.objects.count() == events + 1


PAYMENT = SurfaceSpec(Mechanism.API_KEY, takes_player_tokens=False, error_family=ErrorFamily.PLATFORM, is_enabled=True)


def test_what_no_rule_covers_is_asked_of_the_database_before_it_is_denied(tenant: Tenant) -> None:
    ask(tenant)
    held = rulebook.current()
    route = Route.objects.create(surface_id=4, method="POST", pattern="/New", shape="/new")
    Rulebook.objects.update(version=held.version + 1)
    decision = ask(tenant, "/New")
    assert (outcome(decision), decision.rule and decision.rule.id) == ("ok", route.pk)


def test_a_surface_switched_off_denies_all_of_it(tenant: Tenant) -> None:
    spec = SurfaceSpec(Mechanism.API_KEY, takes_player_tokens=False, error_family=ErrorFamily.PLATFORM, is_enabled=False)
    update_surface(SurfaceName.SUPPLIER, spec=spec, actor=ALICE)
    assert outcome(ask(tenant)) == "NO_RULE surface_disabled"


def test_how_a_surface_is_opened_and_refuses_is_the_rows_word(tenant: Tenant) -> None:
    spec = SurfaceSpec(Mechanism.JWT, takes_player_tokens=False, error_family=ErrorFamily.PARTNER, is_enabled=True)
    assert outcome(ask(tenant)) == "ok"
    update_surface(SurfaceName.SUPPLIER, spec=spec, actor=ALICE)
    decision = ask(tenant)
    assert outcome(decision) == "UNAUTHORIZED unknown_scheme"
    assert decision.family is ErrorFamily.PARTNER
    update_surface(SurfaceName.SUPPLIER, spec=replace(spec, mechanism=Mechanism.API_KEY), actor=ALICE)
    assert outcome(ask(tenant)) == "ok"


@pytest.mark.parametrize(
    ("surface", "mechanism"), [(SurfaceName.RESELLER, Mechanism.JWT), (SurfaceName.STOREFRONT, Mechanism.API_KEY)]
)
def test_player_tokens_open_nothing_but_storefront(surface: SurfaceName, mechanism: Mechanism) -> None:
    spec = SurfaceSpec(mechanism, takes_player_tokens=True, error_family=ErrorFamily.PLATFORM, is_enabled=True)
    with pytest.raises(InvalidRequestError):
        update_surface(surface, spec=spec, actor=ALICE)


def test_a_policy_answers_by_the_rules_of_its_surfaces_alone(tenant: Tenant) -> None:
    assert outcome(ask(tenant, surfaces=frozenset({4}))) == "ok"
    assert outcome(ask(tenant, surfaces=frozenset({1, 2, 3}))) == "NO_RULE no_rule"


def test_a_right_to_one_route_is_not_one_to_its_surface() -> None:
    tenant = make_tenant()
    route = find_route("GET", SUPPLIER_ACCOUNT)
    grant_surface(tenant.partner.pk, environment=Environment.TEST, surface=SurfaceName.SUPPLIER, route_id=route.pk, actor=ALICE)
    assert outcome(ask(tenant, SUPPLIER_ACCOUNT, "GET")) == "ok"
    assert outcome(ask(tenant)) == "NOT_ENTITLED not_entitled"


def test_a_right_names_a_partner_a_route_and_its_own_surface() -> None:
    partner, route = make_partner(), find_route("GET", SUPPLIER_ACCOUNT)
    what: dict[str, Any] = {"environment": Environment.TEST, "actor": ALICE}
    with pytest.raises(InvalidRequestError):
        grant_surface(partner.pk, surface=SurfaceName.PAYMENT, route_id=route.pk, **what)
    with pytest.raises(RouteNotFoundError):
        grant_surface(partner.pk, surface=SurfaceName.PAYMENT, route_id=0, **what)


def test_a_host_asks_for_its_tenant_in_its_environment(tenant: Tenant) -> None:
    other = make_tenant(SurfaceName.SUPPLIER)
    add_tenant_host("Shop.Example.com.", partner_id=tenant.partner.pk, environment=Environment.TEST, actor=ALICE)
    for host in ("shop.example.com", "SHOP.example.com:8443", "shop.example.com.", "elsewhere.example"):
        assert outcome(ask(tenant, host=host)) == "ok", host
    assert outcome(ask(other, host="shop.example.com:80")) == "INVALID_API_KEY other_tenant"
    assert outcome(ask(tenant, host="shop.example.com", tenant=other.partner.slug)) == "INVALID_API_KEY other_tenant"
    live = make_tenant(SurfaceName.SUPPLIER, environment=Environment.LIVE)
    add_tenant_host("live.example.com", partner_id=live.partner.pk, environment=Environment.TEST, actor=ALICE)
    assert outcome(ask(live, host="live.example.com")) == "INVALID_API_KEY other_tenant"


@pytest.mark.parametrize(
    "host", ["", "a b", "https://a.example", "a.example/x", "a.example:80", "-a.example", "10.0.0.1", "é.example"]
)
def test_what_is_no_host_name_is_nobodys(tenant: Tenant, host: str) -> None:
    with pytest.raises(InvalidRequestError):
        add_tenant_host(host, partner_id=tenant.partner.pk, environment=Environment.TEST, actor=ALICE)


def test_a_host_is_one_tenants(tenant: Tenant) -> None:
    add_tenant_host("shop.example.com", partner_id=tenant.partner.pk, environment=Environment.TEST, actor=ALICE)
    with pytest.raises(TenantHostTakenError):
        add_tenant_host("shop.example.com", partner_id=make_partner().pk, environment=Environment.TEST, actor=ALICE)


def test_a_host_header_is_read_without_port_dot_and_case() -> None:
    read = {"A.example": "a.example", "a.example:80": "a.example", "[::1]:80": "::1", "[::1]": "::1", "a.example.": "a.example"}
    assert {host: host_name(host) for host in read} == read


def test_a_route_with_a_limit_of_its_own_refuses_what_is_over_it(tenant: Tenant) -> None:
    route = find_route("POST", PRODUCTS_LIST)
    spec = RouteSpec(SurfaceName.SUPPLIER, Method.POST, PRODUCTS_LIST, Scope.PRODUCTS_READ, calls_per_minute=2)
    update_route(route.pk, spec=spec, actor=ALICE)
    question = Question("POST", PRODUCTS_LIST, {"HTTP_APIKEY": tenant.key})
    first, second, third = (admit(question) for _ in range(3))
    assert (outcome(first), outcome(second)) == ("ok", "ok")
    assert (first.headers["X-RateLimit-Limit"], third.error and third.error.status) == ("2", 429)
    assert third.error is not None
    assert int(third.error.headers["Retry-After"]) > 0


def steps_of(question: Question) -> Iterator[str]:
    steps: list[str] = []
    decide(question, trace=lambda step, _found: steps.append(step.value))
    return iter(steps)


def test_the_steps_are_told_in_their_order_up_to_the_one_that_refuses(tenant: Tenant) -> None:
    ask(tenant)
    good = Question("POST", PRODUCTS_LIST, {"HTTP_APIKEY": tenant.key})
    everything = ["path", "rule", "credential", "proven", "tenant", "partner", "entitlement", "scope"]
    assert list(steps_of(good)) == everything
    assert list(steps_of(replace(good, path="/a//b"))) == []
    assert list(steps_of(replace(good, path="/Nowhere"))) == ["path"]
    assert list(steps_of(replace(good, headers={}))) == ["path", "rule"]
    assert list(steps_of(replace(good, headers={"HTTP_APIKEY": "junk"}))) == ["path", "rule", "credential"]
    assert list(steps_of(replace(good, tenant="other"))) == everything[:4]
    withdraw_surface(tenant.partner.pk, environment=Environment.TEST, surface=SurfaceName.SUPPLIER, actor=ALICE)
    assert list(steps_of(good)) == [*everything[:4], "tenant", "partner", "reloaded", *everything[:6]]
    assert Step("reloaded") is Step.RELOADED


@pytest.mark.parametrize(
    ("path", "most"),
    [(PRODUCTS_LIST, 1), ("/supplier/products/list", 1), ("/Nowhere", 1), ("/a/../b", 0)],
)
def test_a_decision_costs_at_most_one_read(tenant: Tenant, path: str, most: int) -> None:
    ask(tenant)
    with CaptureQueriesContext(connection) as made:
        ask(tenant, path)
    assert len(made) == most
    assert all(query["sql"].lstrip().upper().startswith("SELECT") for query in made)
