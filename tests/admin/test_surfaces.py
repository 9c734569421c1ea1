"""Staff edit the surfaces' rules in the console, and try requests against them without leaving anything behind."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Event
from core.batching import flush_all
from core.credentials import KeyKind
from core.errors import ErrorFamily
from core.principals import Environment
from partners.models import ApiKey, KeyUsage
from sticker_auth.roles import Role
from surfaces.models import Entitlement, GatewayPolicy, Route, Rulebook, Surface, TenantHost
from surfaces.names import SurfaceName
from tests.admin.staff import World, signed_in
from tests.factories import make_key, make_partner
from tests.surfaces.tenants import PRODUCTS_LIST, call, make_tenant
from tests.surfaces.tokens.parties import make_reseller

TRY = "admin:surfaces_route_try"
RULE = {"surface": "supplier", "method": "GET", "pattern": "/Supplier/{sku}", "scope": "products:read"}


def created(name: str) -> str:
    return reverse(f"admin:surfaces_{name}_create")


def test_a_rule_is_made_edited_and_switched(world: World) -> None:
    client = signed_in(Role.ISSUER)
    assert client.post(created("route"), {**RULE, "calls_per_minute": "60", "reason": "New supplier page"}).status_code == 302
    route = Route.objects.get(pattern="/Supplier/{sku}")
    assert (route.surface.name, route.scope, route.calls_per_minute) == ("supplier", "products:read", 60)
    page = reverse("admin:surfaces_route_change", args=[route.pk])
    client.post(page.replace("change", "edit"), {**RULE, "scope": ""})
    client.post(page.replace("change", "disable"), {"reason": "Incident 7"})
    assert b"Switched off" in client.get(page).content
    client.post(page.replace("change", "enable"), {"reason": "Over"})
    route.refresh_from_db()
    assert (route.scope, route.is_enabled) == ("", True)
    reasons = list(Event.objects.about("route", str(route.pk)).order_by("id").values_list("type", "reason"))
    assert reasons == [
        ("route.created", "New supplier page"),
        ("route.updated", ""),
        ("route.updated", "Incident 7"),
        ("route.updated", "Over"),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"pattern": "Supplier"}, "pattern"), ({"pattern": "/a//b"}, "pattern"), ({"calls_per_minute": "0"}, "calls_per_minute")],
)
def test_a_wrong_rule_is_named_where_it_is_wrong(world: World, change: dict[str, str], field: str) -> None:
    answer = signed_in(Role.ISSUER).post(created("route"), {**RULE, **change})
    assert answer.context["form"].errors[field]


def test_a_rule_that_exists_is_said_to(world: World) -> None:
    answer = signed_in(Role.ISSUER).post(created("route"), {**RULE, "method": "POST", "pattern": "/orders/CREATE"})
    assert b"Another route decides this" in answer.content


def test_a_surface_is_edited(world: World) -> None:
    client = signed_in(Role.ISSUER)
    fields = {"mechanism": "api_key", "error_family": "partner", "is_enabled": "on", "description": "Now by key"}
    assert client.post(world.surface_url("surface", "edit"), fields).status_code == 302
    surface = Surface.objects.get(pk=SurfaceName.RESELLER.number)
    assert (surface.mechanism, surface.error_family) == ("api_key", ErrorFamily.PARTNER)
    answer = client.post(world.surface_url("surface", "edit"), {**fields, "takes_player_tokens": "on"})
    assert answer.context["form"].errors["takes_player_tokens"]


def test_tenants_are_entitled_and_lose_it_again(world: World) -> None:
    partner, issuer = make_partner(), signed_in(Role.ISSUER)
    route = Route.objects.get(method="GET", pattern="/Payment/Account")
    grant = {"partner": partner.slug, "environment": "live", "reason": "Contract 9"}
    for what in ("payment:", f"payment:{route.pk}"):
        assert issuer.post(reverse("admin:surfaces_entitlement_grant"), {**grant, "what": what}).status_code == 302
    whole = Entitlement.objects.get(partner=partner, route=None)
    assert (whole.environment, whole.surface.name) == ("live", "payment")
    withdraw = reverse("admin:surfaces_entitlement_withdraw", args=[whole.pk])
    assert signed_in(Role.RESPONDER).post(withdraw, {"reason": "SEC-3"}).status_code == 302
    assert [each.route_id for each in Entitlement.objects.filter(partner=partner)] == [route.pk]
    assert Event.objects.get(type="entitlement.withdrawn", partner_id=partner.pk).reason == "SEC-3"


def test_hosts_and_policies_are_kept_by_staff(world: World) -> None:
    client, partner = signed_in(Role.ISSUER), make_partner()
    host = {"host": "shop.example.com", "partner": partner.slug, "environment": "test"}
    client.post(created("tenanthost"), host)
    row = TenantHost.objects.get(host="shop.example.com")
    assert client.post(created("tenanthost"), {**host, "partner": world.partner.slug}).status_code == 200
    client.post(reverse("admin:surfaces_tenanthost_remove", args=[row.pk]), {"reason": "Moved"})
    assert not TenantHost.objects.filter(pk=row.pk).exists()
    policy = {"name": "edge", "dialect": "caddy", "surfaces": ["payment", "supplier"], "is_enabled": "on"}
    client.post(created("gatewaypolicy"), policy)
    made = GatewayPolicy.objects.get(name="edge")
    assert (made.dialect, made.surfaces, made.is_enabled) == ("caddy", [3, 4], True)
    assert client.post(created("gatewaypolicy"), policy).status_code == 200
    client.post(reverse("admin:surfaces_gatewaypolicy_edit", args=[made.pk]), {"dialect": "nginx", "audience": "orders"})
    made.refresh_from_db()
    assert (made.name, made.dialect, made.surfaces, made.audience, made.is_enabled) == ("edge", "nginx", [], "orders", False)


@pytest.mark.parametrize("name", ["nginx", "caddy", "traefik", "envoy"])
def test_a_policys_page_prints_its_proxys_configuration(db: None, name: str) -> None:
    row = GatewayPolicy.objects.get(name=name)
    page = signed_in(Role.VIEWER).get(reverse("admin:surfaces_gatewaypolicy_change", args=[row.pk]))
    assert f"/auth/verify/{name}" in page.context["configuration"]


def attempt(client: Client, **fields: str) -> Any:
    given = {"method": "POST", "path": PRODUCTS_LIST, **fields}
    return client.post(reverse(TRY), given)


def outcomes(answer: Any) -> dict[str, str]:
    """The state of each step by its title."""
    return {fact.label: inner(fact.value) for fact in answer.context["steps"]}


def inner(html: object) -> str:
    """The text of one small element."""
    return str(html).split(">")[1].split("<")[0]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_try_a_request(db: None, role: Role) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    answer = attempt(signed_in(role), credential=tenant.key)
    assert "Let in" in str(answer.context["verdict"])
    assert set(outcomes(answer).values()) == {"passed"}


def test_a_tried_credential_leaves_nothing_behind(db: None) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    client = signed_in(Role.VIEWER)
    events, book = Event.objects.count(), Rulebook.objects.get().version
    answer = attempt(client, credential=tenant.key)
    flush_all()
    assert tenant.key not in answer.content.decode()
    assert tenant.key[20:] not in repr(dict(client.session.items()))
    assert not KeyUsage.objects.filter(key=tenant.issued.key).exists()
    assert ApiKey.objects.get(pk=tenant.issued.key.pk).last_used_at is None
    assert (Event.objects.count(), Rulebook.objects.get().version) == (events, book)


@pytest.mark.parametrize(
    ("fields", "refused", "told"),
    [
        ({"path": "/Supplier/../Orders"}, "Path", "-38 AMBIGUOUS_PATH"),
        ({"path": "/Nowhere"}, "Rule", "-37 NO_RULE"),
        ({"path": "/supplier/products/list"}, "Rule", "-38 AMBIGUOUS_PATH"),
        ({"credential": "junk"}, "Credential proven", "-23 INVALID_API_KEY"),
        ({}, "Credential found", "-23 INVALID_API_KEY"),
        ({"path": "/Orders/Create"}, "Credential found", "-20 UNAUTHORIZED"),
        ({"path": "/Orders/Create", "credential": "a.b.c"}, "Credential proven", "-22 INVALID_TOKEN"),
    ],
)
def test_a_refusal_is_explained_at_its_step(db: None, fields: dict[str, str], refused: str, told: str) -> None:
    answer = attempt(signed_in(Role.VIEWER), **fields)
    steps = outcomes(answer)
    titles = list(steps)
    at = titles.index(refused)
    assert steps[refused] == "refused"
    assert {steps[each] for each in titles[:at]} <= {"passed"}
    assert {steps[each] for each in titles[at + 1 :]} <= {"not reached"}
    assert told in answer.content.decode()


def test_the_tester_says_what_the_endpoint_says(db: None) -> None:
    tenant, other = make_tenant(SurfaceName.SUPPLIER), make_tenant()
    sk = make_key(tenant.partner, kind=KeyKind.SECRET).plaintext
    reseller = make_reseller()
    tries = [
        ("POST", PRODUCTS_LIST, tenant.key, {}),
        ("POST", PRODUCTS_LIST, other.key, {}),
        ("POST", PRODUCTS_LIST, sk, {}),
        ("POST", PRODUCTS_LIST, tenant.key, {"X-Tenant": other.partner.slug}),
        ("GET", "/Payment/Account", tenant.key, {}),
        ("GET", "/Reseller/Account", reseller.token(), {}),
        ("GET", "/Storefront/Account", reseller.token(), {}),
    ]
    client = signed_in(Role.VIEWER)
    for method, path, text, headers in tries:
        sent = {"ApiKey": text} if text[2] == "_" else {"Authorization": f"Bearer {text}"}
        real = call(method, path, **sent, **headers)
        tried = attempt(client, method=method, path=path, credential=text, tenant=headers.get("X-Tenant", ""))
        told = tried.context.get("told")
        assert real.status_code == (int(inner(told[0].value)) if told else 200), path


def test_a_policy_narrows_what_is_tried(db: None) -> None:
    tenant = make_tenant(SurfaceName.SUPPLIER)
    GatewayPolicy.objects.filter(name="caddy").update(surfaces=[SurfaceName.RESELLER.number])
    answer = attempt(signed_in(Role.VIEWER), credential=tenant.key, policy="caddy")
    assert outcomes(answer)["Rule"] == "refused"


def test_the_form_is_filled_from_a_rules_page_and_never_with_a_credential(db: None) -> None:
    client = signed_in(Role.VIEWER)
    page = client.get(reverse(TRY), {"method": "GET", "path": "/Supplier/Account", "credential": "x"})
    form = page.context["form"]
    assert (form.initial, form["credential"].value()) == ({"method": "GET", "path": "/Supplier/Account"}, None)
    assert client.get(reverse(TRY), {"method": "<b>"}).context["form"].initial == {}


def test_an_entitlement_of_the_other_environment_is_another_row(world: World) -> None:
    client = signed_in(Role.ISSUER)
    for environment in Environment:
        fields = {"partner": world.partner.slug, "environment": environment.value, "what": "supplier:"}
        client.post(reverse("admin:surfaces_entitlement_grant"), fields)
    assert Entitlement.objects.filter(partner=world.partner, surface__name="supplier").count() == 2


def test_a_partners_page_says_what_it_may_use(world: World) -> None:
    page = signed_in(Role.VIEWER).get(world.partner_url()).content.decode()
    assert world.surface_url("entitlement") in page
    assert "POST /Orders/Create" in page
