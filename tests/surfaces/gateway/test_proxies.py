"""nginx and Caddy from Debian, with exactly the configuration that is printed, between raw sockets and an upstream."""

import json

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from surfaces.gateway.assertion import key_set, path_digest
from surfaces.gateway.configurations import IDENTITY_HEADERS
from tests.surfaces.gateway.conftest import World
from tests.surfaces.gateway.parts import http, seen, send
from tests.surfaces.tenants import PAYMENT_ACCOUNT, PRODUCTS_LIST

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
LIES = [f"{name}: evil" for name in IDENTITY_HEADERS]


def test_a_proven_request_reaches_the_upstream_whole_and_with_its_identity(world: World, proxy: int) -> None:
    body = b'{"page": 1}'
    request = http("POST", f"{PRODUCTS_LIST}?a=%20b&a=c", f"ApiKey: {world.supplier.key}", "X-Mine: kept", body=body)
    reached = seen(send(proxy, request))

    assert (reached.method, reached.target, reached.body) == ("POST", f"{PRODUCTS_LIST}?a=%20b&a=c", body.decode())
    assert reached.values("x-mine") == ["kept"]
    assert reached.values("x-auth-partner") == [str(world.supplier.partner.pk)]
    assert reached.values("x-auth-key-id") == [world.supplier.issued.key.kid]
    assert reached.values("x-auth-session") == ["-"]


def test_what_a_client_says_of_itself_never_reaches_the_upstream(world: World, proxy: int) -> None:
    reached = seen(send(proxy, http("POST", PRODUCTS_LIST, f"ApiKey: {world.supplier.key}", *LIES, *LIES)))

    for name in IDENTITY_HEADERS:
        assert len(reached.values(name.lower())) == 1
        assert reached.values(name.lower()) != ["evil"]
    assert "evil" not in json.dumps(reached.headers)


def test_the_upstream_can_verify_the_assertion_with_the_published_keys(world: World, proxy: int) -> None:
    reached = seen(send(proxy, http("POST", PRODUCTS_LIST, f"ApiKey: {world.supplier.key}", "X-Auth-Assertion: a.b.c")))
    [assertion] = reached.values("x-auth-assertion")
    claims = jwt.decode(assertion, KeySet.import_key_set(key_set()), algorithms=["EdDSA"]).claims  # type: ignore[arg-type]

    assert claims["tenant"] == str(world.supplier.partner.pk)
    assert (claims["method"], claims["path_sha256"]) == ("POST", path_digest(PRODUCTS_LIST))


@pytest.mark.parametrize(
    "line",
    [
        "X-Forwarded-Uri: /Payment/Account",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Host: other.example",
        "X-Original-URI: /Payment/Account",
        "X-Original-Method: GET",
        "X-Original-Host: other.example",
        "X-Sticker-Client-Address: 203.0.113.9",
        "Forwarded: for=203.0.113.9;host=other.example;proto=https",
    ],
)
def test_a_client_cannot_speak_for_the_proxy(world: World, proxy: int, line: str) -> None:
    lines = (line, line, f"ApiKey: {world.stranger.key}")
    mine = (line, line, f"ApiKey: {world.supplier.key}")

    assert send(proxy, http("POST", PRODUCTS_LIST, *lines)).status == 403
    assert send(proxy, http("POST", "/admin", *mine)).status == 403
    assert seen(send(proxy, http("POST", PRODUCTS_LIST, *mine))).target == PRODUCTS_LIST


@pytest.mark.parametrize(
    "line",
    ["X_Forwarded_Uri: /Payment/Account", "X_Original_URI: /Payment/Account", "X_Api_Key: x", "X_Auth_Partner: evil"],
)
def test_another_spelling_is_denied_or_gone(world: World, behind_nginx: int, behind_caddy: int, line: str) -> None:
    request = http("POST", PRODUCTS_LIST, f"ApiKey: {world.supplier.key}", line)
    name = line.partition(":")[0].lower()

    assert send(behind_caddy, request).status == 403
    reached = seen(send(behind_nginx, request))
    assert not reached.values(name)


@pytest.mark.parametrize(
    "lines",
    [
        ("ApiKey: {mine}", "ApiKey: {other}"),
        ("ApiKey: {mine}", "apikey: {mine}"),
        ("ApiKey: {mine}", "X-Api-Key: {mine}"),
        ("ApiKey: {mine}", "X-Stash-Api-Key: {other}"),
        ("ApiKey: {mine}", "Authorization: Bearer {other}"),
        ("ApiKey: {mine}, {other}",),
        ("ApiKey: {mine} {other}",),
    ],
)
def test_two_credentials_let_nobody_in(world: World, proxy: int, lines: tuple[str, ...]) -> None:
    said = [line.format(mine=world.supplier.key, other=world.other.key) for line in lines]
    answer = send(proxy, http("POST", PRODUCTS_LIST, *said))

    assert answer.status == 401
    assert answer.json["code"] == -23


@pytest.mark.parametrize(
    "target",
    [
        "/Supplier/x/../Products/List",
        "/Supplier/%2e%2e/Supplier/Products/List",
        "/Supplier/Products%2fList",
        "/public/..%2fSupplier/Products/List",
        "//Supplier/Products/List",
        "/Supplier/Products/List;a=b",
        "/Supplier\\Products\\List",
        "/Supplier/Products/List%00",
        "/Supplier/Products/List%c0%af",
        "/supplier/products/list",
        "/admin",
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(world: World, proxy: int, target: str) -> None:
    assert send(proxy, http("POST", target, f"ApiKey: {world.supplier.key}")).status in (400, 403)


def test_the_client_sees_why_it_is_not_known(world: World, proxy: int) -> None:
    for lines in [(), ("ApiKey: ak_test_wrong",), (f"ApiKey: {world.supplier.key[:-1]}x",)]:
        answer = send(proxy, http("POST", PRODUCTS_LIST, *lines))

        assert (answer.status, answer.json["code"], answer.json["success"]) == (401, -23, False)
        assert answer.headers["www-authenticate"] == 'ApiKey realm="sticker"'
        assert answer.json["request_id"]
        assert "set-cookie" not in answer.headers


def test_the_client_of_a_token_surface_is_challenged_for_a_bearer(proxy: int) -> None:
    answer = send(proxy, http("POST", "/Orders/Create", body=b"{}"))

    assert (answer.status, answer.json["code"]) == (401, -20)
    assert answer.headers["www-authenticate"] == 'Bearer realm="sticker"'


def test_the_client_sees_that_its_tenant_has_no_access(world: World, proxy: int) -> None:
    answer = send(proxy, http("POST", PRODUCTS_LIST, f"ApiKey: {world.stranger.key}"))

    assert (answer.status, answer.json["code"], answer.json["name"]) == (403, -31, "NOT_ENTITLED")
    assert answer.headers["www-authenticate"].startswith('ApiKey realm="sticker"')


def test_the_client_sees_429_and_how_long_to_wait(world: World, proxy: int) -> None:
    request = http("POST", "/Payment/Payments/Create", f"ApiKey: {world.limited.key}", body=b"{}")
    answers = [send(proxy, request) for _ in range(3)]
    last = answers[-1]

    assert (last.status, last.json["code"]) == (429, -50)
    assert int(last.headers["retry-after"]) >= 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_rule_covers_head(world: World, proxy: int, method: str) -> None:
    answer = send(proxy, http(method, PAYMENT_ACCOUNT, f"ApiKey: {world.supplier.key}"))

    assert answer.status == 200


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND"])
def test_a_method_without_rule_is_denied(world: World, proxy: int, method: str) -> None:
    assert send(proxy, http(method, PAYMENT_ACCOUNT, f"ApiKey: {world.supplier.key}")).status == 403


@pytest.mark.parametrize("line", ["X-HTTP-Method-Override: DELETE", "X-Original-URL: /admin", "X-Rewrite-URL: /admin"])
def test_a_header_that_could_overrule_the_check_is_denied(world: World, proxy: int, line: str) -> None:
    answer = send(proxy, http("GET", PAYMENT_ACCOUNT, f"ApiKey: {world.supplier.key}", line))

    assert (answer.status, answer.json["code"]) == (403, -39)


@pytest.mark.parametrize("name", ["X-Auth-Partner", "x-auth-assertion", "ApiKey", "X-Original-URI", "X-Forwarded-Uri"])
def test_a_hop_by_hop_trick_drops_nothing_that_was_proven(world: World, proxy: int, name: str) -> None:
    """`Connection` names headers that a proxy drops on its way to the upstream; those of the check must not be among them."""
    honest = http("POST", PRODUCTS_LIST, f"ApiKey: {world.supplier.key}", *LIES)
    answer = send(proxy, honest.replace(b"Connection: close", f"Connection: close, {name}".encode()))

    if answer.status == 200:
        reached = seen(answer)
        assert all(len(reached.values(each.lower())) == 1 for each in IDENTITY_HEADERS)
        assert "evil" not in json.dumps(reached.headers)
    else:
        assert answer.status in (400, 401)
