"""A database that is killed under the gateway: no check is let through, and it recovers by itself."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from surfaces.names import SurfaceName
from tests.core.raw import read_answer
from tests.servers import PrivatePostgres, await_url
from tests.surfaces.gateway import parts
from tests.surfaces.gateway.conftest import World
from tests.surfaces.gateway.parts import http, send
from tests.surfaces.tenants import PRODUCTS_LIST, Tenant, make_tenant


def seeded(url: str) -> Tenant:
    """Migrate an empty database and put one tenant into it."""
    from django.core.management import call_command

    from tests.databases import django_at

    with django_at(url):
        call_command("migrate", verbosity=0, interactive=False)
        return make_tenant(SurfaceName.SUPPLIER)


def asked(dialect: str, key: str) -> bytes:
    word = "Original" if dialect == "nginx" else "Forwarded"
    uri = "URI" if dialect == "nginx" else "Uri"
    lines = (f"X-{word}-Method: POST", f"X-{word}-{uri}: {PRODUCTS_LIST}", f"ApiKey: {key}")
    return http("GET", f"/auth/verify/{dialect}", *lines)


@pytest.fixture
def tenant(postgres_server: PrivatePostgres, django_db_setup: None, django_db_blocker: object) -> Tenant:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django's
        return seeded(postgres_server.url)


def test_without_a_database_nobody_gets_in(
    postgres_server: PrivatePostgres, tenant: Tenant, nginx: str, tmp_path: Path
) -> None:
    with (
        parts.gateway_on(postgres_server.url, tmp_path) as gateway,
        parts.upstream(tmp_path) as port,
        parts.nginx_between(nginx, gateway_url=gateway.url, upstream_port=port, folder=tmp_path) as edge,
    ):
        client = http("POST", PRODUCTS_LIST, f"ApiKey: {tenant.key}")
        assert send(gateway.port, asked("caddy", tenant.key)).status == 200
        assert send(edge, client).status == 200

        postgres_server.kill()
        for _ in range(6):  # each of the gateway's threads meets it
            down = send(gateway.port, asked("caddy", tenant.key))
            told = send(gateway.port, asked("nginx", tenant.key))
            seen_by_client = send(edge, client)

            assert (down.status, down.json["code"]) == (503, -91)
            assert (told.status, told.headers["x-error-status"]) == (403, "503")
            assert int(told.headers["retry-after"]) >= 1
            assert (seen_by_client.status, seen_by_client.json["code"]) == (503, -91)
            assert int(seen_by_client.headers["retry-after"]) >= 1
        assert send(gateway.port, http("GET", "/healthz")).status == 200
        assert send(gateway.port, http("GET", "/readyz")).status == 503

        postgres_server.start()
        await_url(f"{gateway.url}/readyz")
        assert [send(gateway.port, asked("caddy", tenant.key)).status for _ in range(6)] == [200] * 6


def test_a_slow_database_holds_up_checks_and_nothing_else(world: World) -> None:
    request = asked("caddy", world.supplier.key)
    with psycopg.connect(world.database_url) as holder, ExitStack() as wires:
        holder.execute("LOCK TABLE partners_partner IN ACCESS EXCLUSIVE MODE")
        waiting = [
            wires.enter_context(socket.create_connection(("127.0.0.1", world.gateway.port), timeout=10)) for _ in range(8)
        ]
        for wire in waiting:
            wire.sendall(request)
        _await_waiting(world.database_url, count=4)  # every thread of the gateway

        assert send(world.gateway.port, http("GET", "/healthz")).status == 200
        holder.rollback()
        assert [read_answer(wire).status for wire in waiting] == [200] * 8


def test_without_a_gateway_nobody_gets_in(nginx: str, caddy: str, tmp_path: Path) -> None:
    from tests.servers import unused_port

    nowhere = f"http://127.0.0.1:{unused_port()}"
    with (
        parts.upstream(tmp_path) as port,
        parts.nginx_between(nginx, gateway_url=nowhere, upstream_port=port, folder=tmp_path) as behind_nginx,
        parts.caddy_between(caddy, gateway_url=nowhere, upstream_port=port, folder=tmp_path) as behind_caddy,
    ):
        for edge, status in (behind_nginx, 503), (behind_caddy, 502):
            assert send(edge, http("POST", PRODUCTS_LIST, "ApiKey: x")).status == status


def _await_waiting(database_url: str, *, count: int) -> None:
    question = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    end = time.monotonic() + 4
    with psycopg.connect(database_url, autocommit=True) as watcher:
        while watcher.execute(question).fetchone() != (count,):
            assert time.monotonic() < end, "the gateway's threads do not wait for the lock"
            time.sleep(0.02)
