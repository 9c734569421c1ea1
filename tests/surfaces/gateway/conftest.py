"""A gateway, an upstream and both proxies, started once for the tests of this folder, on a database with three tenants."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from surfaces.names import SurfaceName
from tests.surfaces.gateway import parts
from tests.surfaces.tenants import Tenant, make_tenant

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from tests.databases import Databases


@dataclass(frozen=True, slots=True)
class World:
    """Who is there, and where everything listens."""

    database_url: str
    folder: Path
    gateway: parts.Gateway
    upstream_port: int
    supplier: Tenant
    other: Tenant
    stranger: Tenant
    limited: Tenant


@pytest.fixture(scope="session")
def world(
    databases: "Databases",
    django_db_setup: None,
    django_db_blocker: "DjangoDbBlocker",
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Everything but a proxy. Its database is a clone of its own, so that other tests may roll back theirs."""
    from tests.databases import django_at

    folder, name = tmp_path_factory.mktemp("gateway"), databases.clone()
    url = databases.url(name)
    with django_db_blocker.unblock(), django_at(url):
        tenants = {
            "supplier": make_tenant(SurfaceName.SUPPLIER, SurfaceName.PAYMENT),
            "other": make_tenant(SurfaceName.SUPPLIER),
            "stranger": make_tenant(),
            "limited": make_tenant(SurfaceName.PAYMENT),
        }
        _allow_two_payments_a_minute()
    with parts.gateway_on(url, folder) as gateway, parts.upstream(folder) as port:
        yield World(url, folder, gateway, port, **tenants)
    with django_db_blocker.unblock():
        databases.drop(name)


@pytest.fixture(scope="session")
def behind_nginx(world: World, nginx: str) -> Iterator[int]:
    """The port of nginx in front of the upstream."""
    with parts.nginx_between(
        nginx, gateway_url=world.gateway.url, upstream_port=world.upstream_port, folder=world.folder
    ) as port:
        yield port


@pytest.fixture(scope="session")
def behind_caddy(world: World, caddy: str) -> Iterator[int]:
    """The port of Caddy in front of the upstream."""
    with parts.caddy_between(
        caddy, gateway_url=world.gateway.url, upstream_port=world.upstream_port, folder=world.folder
    ) as port:
        yield port


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest) -> int:
    """The port of either proxy."""
    port: int = request.getfixturevalue(f"behind_{request.param}")
    return port


def _allow_two_payments_a_minute() -> None:
    from surfaces.models import Route
    from surfaces.services.rulebook import change_rules

    Route.objects.filter(pattern="/Payment/Payments/Create").update(calls_per_minute=2)
    change_rules()
