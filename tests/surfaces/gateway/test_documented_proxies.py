"""Traefik's and Envoy's checks, reproduced byte for byte from how they are documented, since neither program is here.

Traefik (3.x, `ForwardAuth` with `trustForwardHeader: false`): a GET of the address as it is configured; Go writes Host and
User-Agent first, then the other headers sorted by name in their canonical spelling, then Accept-Encoding; the listed headers of
the client are copied, hop-by-hop ones are not, and X-Forwarded-For, -Host, -Method, -Proto and -Uri are set over whatever came.

Envoy (1.30 and later, `ext_authz` with `http_service`): the client's own method and path, the path behind `path_prefix`; names
in lower case; host, authorization and the headers allowed by name are copied; content-length is 0 and there is no body; the
headers of `headers_to_add` overwrite; the router adds x-envoy-expected-rq-timeout-ms, the internal client x-envoy-internal
and, behind whatever x-forwarded-for was copied, Envoy's own address.
"""

import pytest

from tests.surfaces.gateway.conftest import World
from tests.surfaces.gateway.parts import send
from tests.surfaces.tenants import PAYMENT_ACCOUNT, PRODUCTS_LIST

TRAEFIK = (
    "GET /auth/verify/traefik HTTP/1.1\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "User-Agent: curl/8.5.0\r\n"
    "{before}"
    "X-Forwarded-For: 192.0.2.7\r\n"
    "X-Forwarded-Host: shop.example\r\n"
    "X-Forwarded-Method: {method}\r\n"
    "X-Forwarded-Proto: https\r\n"
    "X-Forwarded-Uri: {uri}\r\n"
    "{after}"
    "Accept-Encoding: gzip\r\n"
    "\r\n"
)
ENVOY = (
    "{method} /auth/verify/envoy{uri} HTTP/1.1\r\n"
    "host: shop.example\r\n"
    "content-length: 0\r\n"
    "{before}"
    "x-request-id: 5cb450b8-3f56-42f3-90dc-02f10faf20d2\r\n"
    "x-sticker-client-address: 192.0.2.7\r\n"
    "x-envoy-internal: true\r\n"
    "x-forwarded-for: 10.0.0.5\r\n"
    "x-envoy-expected-rq-timeout-ms: 8000\r\n"
    "{after}"
    "\r\n"
)
WORDS = {"traefik": TRAEFIK, "envoy": ENVOY}


def ask(world: World, proxy: str, uri: str, *, method: str = "POST", before: str = "", after: str = "") -> int:
    """Send the check with lines of the client's at their sorted place; gives the status."""
    words = WORDS[proxy].format(port=world.gateway.port, uri=uri, method=method, before=before, after=after)
    # The proxies keep the connection; the test reads to its end.
    closing = words.removesuffix("\r\n") + "Connection: close\r\n\r\n"
    return send(world.gateway.port, closing.encode("latin-1")).status


@pytest.fixture(params=["traefik", "envoy"])
def proxy(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def key_line(proxy: str, key: str) -> str:
    return f"Apikey: {key}\r\n" if proxy == "traefik" else f"apikey: {key}\r\n"


@pytest.mark.parametrize(
    ("method", "uri"), [("POST", PRODUCTS_LIST), ("POST", f"{PRODUCTS_LIST}?a=1&b=%2F"), ("GET", PAYMENT_ACCOUNT)]
)
def test_a_proven_request_passes(world: World, proxy: str, method: str, uri: str) -> None:
    assert ask(world, proxy, uri, method=method, before=key_line(proxy, world.supplier.key)) == 200


def test_the_refusals(world: World, proxy: str) -> None:
    mine = key_line(proxy, world.supplier.key)

    assert ask(world, proxy, PRODUCTS_LIST) == 401
    assert ask(world, proxy, PRODUCTS_LIST, before=key_line(proxy, "ak_test_wrong")) == 401
    assert ask(world, proxy, PRODUCTS_LIST, before=mine + key_line(proxy, world.other.key)) == 401
    assert ask(world, proxy, PRODUCTS_LIST, before=key_line(proxy, world.stranger.key)) == 403
    assert ask(world, proxy, "/admin", before=mine) == 403
    assert ask(world, proxy, PRODUCTS_LIST, method="DELETE", before=mine) == 403


@pytest.mark.parametrize(
    "uri",
    ["/Supplier/Products%2FList", "/Supplier/x/../Products/List", "/Supplier//Products/List", "/Supplier/Products/List;a"],
)
def test_an_ambiguous_path_is_denied(world: World, proxy: str, uri: str) -> None:
    assert ask(world, proxy, uri, before=key_line(proxy, world.supplier.key)) == 403


@pytest.mark.parametrize(
    "line",
    [
        "X_forwarded_uri: /Payment/Account\r\n",
        "X_api_key: x\r\n",
        "X_auth_partner: evil\r\n",
        "X-Http-Method-Override: GET\r\n",
    ],
)
def test_what_a_listed_spelling_brings_along_is_denied(world: World, proxy: str, line: str) -> None:
    said = line if proxy == "traefik" else line.lower()

    assert ask(world, proxy, PRODUCTS_LIST, before=key_line(proxy, world.supplier.key), after=said) == 403


def test_a_clients_own_identity_says_nothing(world: World, proxy: str) -> None:
    lies = "X-Auth-Assertion: a.b.c\r\nX-Auth-Partner: evil\r\n"

    assert ask(world, proxy, PRODUCTS_LIST, before=lies) == 401
    assert ask(world, proxy, PRODUCTS_LIST, before=key_line(proxy, world.supplier.key) + lies) == 200


def test_a_client_cannot_speak_for_envoy(world: World) -> None:
    mine = key_line("envoy", world.supplier.key)

    assert ask(world, "envoy", "/admin", before=mine, after="x-forwarded-uri: /Supplier/Products/List\r\n") == 403
    assert ask(world, "envoy", PRODUCTS_LIST, before=mine, after="x-sticker-client-address: 203.0.113.9\r\n") == 403
