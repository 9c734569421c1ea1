"""The listener itself, by raw sockets: what it sees, what it answers to whom, and that it never waits for a body."""

import json
import socket

import pytest

from tests.core.raw import RawAnswer
from tests.surfaces.gateway.conftest import World
from tests.surfaces.gateway.parts import http, send
from tests.surfaces.tenants import PRODUCTS_LIST

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
CADDY = "/auth/verify/caddy"
ENVOY = "/auth/verify/envoy"


def forwarded(*lines: str, method: str = "POST", uri: str = PRODUCTS_LIST) -> tuple[str, ...]:
    return (f"X-Forwarded-Method: {method}", f"X-Forwarded-Uri: {uri}", "X-Forwarded-For: 192.0.2.7", *lines)


def ask(world: World, *lines: str, method: str = "GET", target: str = CADDY, body: bytes = b"") -> RawAnswer:
    return send(world.gateway.port, http(method, target, *lines, body=body))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_answered_alike_without_redirect_or_cookie(world: World, method: str) -> None:
    good = ask(world, *forwarded(f"ApiKey: {world.supplier.key}"), method=method)
    bad = ask(world, *forwarded(), method=method)

    assert (good.status, good.body) == (200, b"")
    assert bad.status == 401
    for answer in good, bad:
        assert answer.headers["cache-control"] == "no-store"
        assert not {"location", "set-cookie"} & set(answer.headers)


def test_a_query_that_a_proxy_adds_to_the_check_says_nothing(world: World) -> None:
    answer = ask(world, *forwarded(f"ApiKey: {world.supplier.key}"), target=f"{CADDY}?uri=/admin&policy=nginx")

    assert answer.status == 200


@pytest.mark.parametrize(
    "target", ["/auth/verify", "/auth/verify/", "/auth/verifyx/caddy", "/auth/verify/none", "/", "/v1/whoami"]
)
def test_there_is_nothing_else_here(world: World, target: str) -> None:
    assert ask(world, *forwarded(f"ApiKey: {world.supplier.key}"), target=target).status in (403, 404)


@pytest.mark.parametrize(
    "target",
    [f"{CADDY}/", f"{CADDY}/x", f"{CADDY}//", "/auth/verify/caddy%2f", "/auth//verify/caddy", "/x/../auth/verify/caddy"],
)
def test_the_checks_own_address_is_taken_as_it_stands(world: World, target: str) -> None:
    assert ask(world, *forwarded(f"ApiKey: {world.supplier.key}"), target=target).status in (403, 404)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Supplier/Products/List", 200),
        ("/Supplier/Products/List?x=%2F..", 200),
        ("/Supplier/Products%2FList", 403),
        ("/Supplier%2FProducts%2FList", 403),
        ("/Supplier/%2E%2E/Supplier/Products/List", 403),
        ("/Supplier/%50roducts/List", 200),
        ("/../caddy", 403),
        ("/..%2fcaddy", 403),
        ("//Supplier/Products/List", 403),
        ("/Supplier\\Products\\List", 403),
        ("/Supplier/Products/List;v=1", 403),
        ("/Supplier/Products/List%00", 403),
        ("/Supplier/Products/List\u00e9", 403),
        ("", 403),
    ],
)
def test_in_envoys_dialect_the_raw_path_decides(world: World, path: str, status: int) -> None:
    target = (ENVOY + path).encode("utf-8")
    answer = send(
        world.gateway.port, http("POST", target, f"ApiKey: {world.supplier.key}", "X-Sticker-Client-Address: 192.0.2.7")
    )

    assert answer.status == status


def test_header_names_are_seen_unmerged(world: World) -> None:
    key = f"ApiKey: {world.supplier.key}"
    for line in ("X_Forwarded_Uri: /admin", "X-Forwarded_Uri: /admin", "X_Api_Key: a", "X_Auth_Partner: a", "X_Tenant: a"):
        answer = ask(world, *forwarded(key, line))

        assert (answer.status, answer.json["code"]) == (403, -39)


def test_a_line_that_is_not_ascii_is_seen(world: World) -> None:
    """Granian's RSGI form leaves such a value out: a second credential would go unnoticed."""
    key = f"ApiKey: {world.supplier.key}"

    assert ask(world, *forwarded(key, "X-Api-Key: \xff\xfe")).status == 401
    assert ask(world, *forwarded(key, "X-Forwarded-Uri: /\xff")).status == 403
    assert ask(world, *forwarded(key, "X-Tenant: \xff")).status == 401


def test_a_doubled_line_of_the_proxy_is_denied(world: World) -> None:
    assert ask(world, *forwarded(f"ApiKey: {world.supplier.key}", f"X-Forwarded-Uri: {PRODUCTS_LIST}")).status == 403


def test_a_body_is_never_waited_for(world: World) -> None:
    request = http("POST", CADDY, *forwarded(f"ApiKey: {world.supplier.key}"), "Content-Length: 1000000")
    with socket.create_connection(("127.0.0.1", world.gateway.port), timeout=5) as wire:
        wire.sendall(request)

        assert wire.recv(12) == b"HTTP/1.1 200"


def test_one_connection_serves_many_checks(world: World) -> None:
    one = http("GET", CADDY, *forwarded(f"ApiKey: {world.supplier.key}")).replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", world.gateway.port), timeout=5) as wire:
        for _ in range(3):
            wire.sendall(one)
            received = b""
            while b"\r\n\r\n" not in received:
                received += wire.recv(65536)

            assert received.startswith(b"HTTP/1.1 200")


def test_it_tells_whether_it_lives_and_can_decide(world: World) -> None:
    assert ask(world, target="/healthz").json == {"status": "ok"}
    assert ask(world, target="/readyz").json == {"status": "ready"}


def test_no_key_stands_in_its_log(world: World) -> None:
    ask(world, *forwarded(f"ApiKey: {world.supplier.key}", f"X-Request-Id: {world.supplier.key}"))
    ask(world, *forwarded("X_Api_Key: a", uri=f"/{world.supplier.key}?{world.supplier.key}"))
    log = world.gateway.log()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"event"')]

    assert {line["event"] for line in lines} == {"gateway.check"}
    assert world.supplier.key not in log
