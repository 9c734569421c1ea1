"""An edit holds on the next request, in every process; the commands that make edits say what they did."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.core.management import CommandError

from audit.models import Event
from core.credentials import KeyKind
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.models import Entitlement, Route, TenantHost
from surfaces.names import SurfaceName
from tests.databases import django_at
from tests.factories import make_key, make_partner
from tests.partners.test_commands import refusal, run_json
from tests.servers import LiveService, StartService
from tests.surfaces.tenants import PRODUCTS_LIST, SUPPLIER_ACCOUNT

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from tests.databases import Databases


@dataclass
class Pair:
    """Two processes of the service on one database, and a tenant with a surface key."""

    services: list[LiveService]
    partner_id: str
    key: str

    def ask(self, method: str = "POST", path: str = PRODUCTS_LIST, **headers: str) -> list[int]:
        """The status each process answers with."""
        sent = {"ApiKey": self.key, **headers}
        return [requests.request(method, each.base_url + path, headers=sent, timeout=10).status_code for each in self.services]

    def edit(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run a command in a process of its own."""
        return dict(json.loads(self.services[0].manage(name, *arguments, "--json")))

    def tenant(self) -> tuple[str, ...]:
        return ("--partner", self.partner_id, "--environment", "test")


@pytest.fixture(scope="module")
def pair(
    shared_service: StartService, databases: "Databases", django_db_setup: None, django_db_blocker: "DjangoDbBlocker"
) -> Pair:
    first = shared_service()
    second = shared_service(database_url=first.database_url)
    partner_id = str(json.loads(first.manage("create_partner", "--name", "Two doors", "--json"))["id"])
    with django_db_blocker.unblock(), django_at(first.database_url):
        key = make_key(find_partner(partner_id), kind=KeyKind.SURFACE, environment=Environment.TEST).plaintext
    return Pair([first, second], partner_id, key)


def test_entitlements_hold_on_the_next_request_in_every_process(pair: Pair) -> None:
    supplier = (*pair.tenant(), "--surface", "supplier")
    assert pair.ask() == [403, 403]
    pair.edit("grant_surface", *supplier)
    assert pair.ask() == [200, 200]
    pair.edit("withdraw_surface", *supplier)
    assert pair.ask() == [403, 403]
    pair.edit("grant_surface", *supplier, "--route", f"POST {PRODUCTS_LIST}")
    assert pair.ask() == [200, 200]
    assert pair.ask("GET", SUPPLIER_ACCOUNT) == [403, 403]
    pair.edit("withdraw_surface", *supplier, "--route", f"POST {PRODUCTS_LIST}")
    assert pair.ask() == [403, 403]


def test_rules_and_hosts_hold_on_the_next_request_in_every_process(pair: Pair) -> None:
    pair.edit("grant_surface", *pair.tenant(), "--surface", "supplier")
    route = ("--method", "POST", "--path", PRODUCTS_LIST)
    assert pair.ask() == [200, 200]
    pair.edit("disable_route", *route)
    assert pair.ask() == [403, 403]
    pair.edit("enable_route", *route)
    assert pair.ask() == [200, 200]
    other = str(pair.edit("create_partner", "--name", "Other")["id"])
    pair.edit("add_tenant_host", "--host", "localhost", "--partner", other, "--environment", "test")
    assert pair.ask(Host="localhost") == [401, 401]
    pair.edit("remove_tenant_host", "--host", "localhost")
    assert pair.ask(Host="localhost") == [200, 200]


@pytest.mark.django_db
def test_commands_grant_and_withdraw_and_say_so() -> None:
    partner = make_partner()
    what = ("--partner", partner.slug, "--environment", "live", "--surface", "payment")
    said = run_json("grant_surface", *what, "--reason", "Contract 12")
    assert said == {"partner": partner.slug, "environment": "live", "surface": "payment", "route": None}
    assert run_json("grant_surface", *what) == said
    held = Entitlement.objects.get(partner=partner)
    assert (held.surface_id, held.environment) == (SurfaceName.PAYMENT.number, "live")
    (event,) = Event.objects.filter(type="entitlement.granted", partner_id=partner.pk)
    assert (event.reason, event.actor_kind, event.environment) == ("Contract 12", "command", "live")
    assert run_json("withdraw_surface", *what) == {"partner": partner.slug, "withdrawn": True}
    assert run_json("withdraw_surface", *what) == {"partner": partner.slug, "withdrawn": False}


@pytest.mark.django_db
def test_commands_make_rules_and_switch_them() -> None:
    rule = ("--method", "GET", "--path", "/Orders/{id}")
    made = run_json("create_route", "--surface", "reseller", *rule, "--scope", "orders:read", "--calls-per-minute", "60")
    assert (made["scope"], made["calls_per_minute"], made["is_enabled"]) == ("orders:read", 60, True)
    assert run_json("disable_route", *rule)["is_enabled"] is False
    assert run_json("enable_route", *rule)["is_enabled"] is True
    assert Route.objects.get(pk=made["id"]).shape == "/orders/{}"
    facts, error = refusal("create_route", "--surface", "reseller", "--method", "GET", "--path", "/orders/{nr}")
    assert (facts["error"], error.returncode) == ("ROUTE_EXISTS", 1)
    assert (
        refusal("create_route", "--surface", "reseller", "--method", "GET", "--path", "nowhere")[0]["error"]
        == "INVALID_REQUEST"
    )
    assert refusal("disable_route", "--method", "GET", "--path", "/Nowhere")[0]["error"] == "ROUTE_NOT_FOUND"


@pytest.mark.django_db
def test_commands_give_and_take_hosts() -> None:
    partner = make_partner()
    tenant = ("--partner", partner.slug, "--environment", "test")
    assert run_json("add_tenant_host", "--host", "Shop.Example.com", *tenant)["host"] == "shop.example.com"
    assert refusal("add_tenant_host", "--host", "https://x", *tenant)[0]["error"] == "INVALID_REQUEST"
    assert run_json("remove_tenant_host", "--host", "shop.example.com")["removed"] is True
    assert run_json("remove_tenant_host", "--host", "shop.example.com")["removed"] is False
    assert not TenantHost.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("surface", ["", "all", "Supplier"])
def test_a_surface_that_does_not_exist_is_a_wrong_argument(surface: str) -> None:
    with pytest.raises(CommandError):
        run_json("grant_surface", "--partner", "x", "--environment", "test", "--surface", surface)
