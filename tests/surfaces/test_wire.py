"""The surfaces over real sockets: doubled and misspelt headers, hostile request lines, and a database that is gone."""

import secrets
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from core.credentials import KeyKind
from surfaces.names import SurfaceName
from tests.core.raw import RawAnswer, exchange, request_bytes
from tests.databases import django_at
from tests.factories import make_key, make_partner
from tests.servers import LiveService, PrivatePostgres, StartService
from tests.surfaces.tenants import PRODUCTS_LIST, SUPPLIER_ACCOUNT, entitle


def make_entitled_key() -> bytes:
    partner = make_partner()
    entitle(partner, SurfaceName.SUPPLIER)
    return make_key(partner, kind=KeyKind.SURFACE).plaintext.encode()


@pytest.fixture(scope="module")
def service(shared_service: StartService) -> LiveService:
    return shared_service()


@pytest.fixture(scope="module")
def key(service: LiveService, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> bytes:
    with django_db_blocker.unblock(), django_at(service.database_url):
        return make_entitled_key()


def ask(service: LiveService, *headers: bytes, path: str | bytes = SUPPLIER_ACCOUNT, method: str = "GET") -> RawAnswer:
    return exchange(service, request_bytes(path, *headers, method=method))


@pytest.mark.parametrize("name", [b"ApiKey", b"apikey", b"APIKEY", b"X-Api-Key", b"X-Stash-Api-Key"])
def test_a_key_is_let_in_under_every_name_of_its_header(service: LiveService, key: bytes, name: bytes) -> None:
    assert ask(service, name + b": " + key).json["data"]["credential"] == "api_key"


@pytest.mark.parametrize(
    "lines",
    [
        (b"ApiKey: {key}", b"ApiKey: {key}"),
        (b"ApiKey: {key}", b"apikey: {key}"),
        (b"ApiKey: {key}", b"X-Api-Key: {key}"),
        (b"ApiKey: {key}", b"X_Api_Key: {key}"),
        (b"X_Api_Key: {key}",),
        (b"ApiKey: {key},{key}",),
        (b"ApiKey: {key} {key}",),
        (b"ApiKey: \xe9",),
        (b"ApiKey:",),
        (b"Cookie: ApiKey={key}",),
        (),
    ],
)
def test_anything_but_one_key_is_one_and_the_same_401(service: LiveService, key: bytes, lines: tuple[bytes, ...]) -> None:
    asked = b"X-Request-ID: " + secrets.token_hex(8).encode()
    answer = ask(service, asked, *(line.replace(b"{key}", key) for line in lines))
    plain = ask(service, asked)
    assert (answer.status, answer.body) == (401, plain.body)
    assert answer.json["code"] == -23
    assert answer.headers["www-authenticate"] == 'ApiKey realm="sticker"'


@pytest.mark.parametrize(
    "path",
    [
        b"/supplier/account",
        b"/SUPPLIER/ACCOUNT",
        b"//Supplier/Account",
        b"/Supplier//Account",
        b"/Supplier/./Account",
        b"/x/../Supplier/Account",
        b"/Supplier/Account/",
        b"/Supplier/Account;v=1",
        b"/Supplier%5CAccount",
        b"/Supplier/Account%00",
        b"/Supplier/Account%20",
        b"/Supplier/Account%3f",
        b"/Supplier/%252e%252e/Account",
        b"/Supplier/Acc%c0%afount",
        b"/Supplier/\xffAccount",
    ],
)
def test_a_path_that_is_not_the_endpoints_own_opens_nothing(service: LiveService, key: bytes, path: bytes) -> None:
    assert ask(service, b"ApiKey: " + key, path=path).status in (400, 404)


def test_the_host_and_the_tenant_header_never_widen_what_a_key_may_do(service: LiveService, key: bytes) -> None:
    assert ask(service, b"ApiKey: " + key, b"X-Tenant: someone-else").json["code"] == -23
    assert ask(service, b"ApiKey: " + key, b"X_Tenant: someone-else").status == 200


@pytest.mark.parametrize("body", [b"", b"   ", b"{}"])
def test_a_list_needs_no_body(service: LiveService, key: bytes, body: bytes) -> None:
    head = (b"ApiKey: " + key, b"Content-Type: application/json", b"Content-Length: %d" % len(body))
    assert exchange(service, request_bytes(PRODUCTS_LIST, *head, method="POST", body=body)).status == 200


@pytest.fixture(scope="module")
def lost(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[LiveService, PrivatePostgres, bytes]]:
    """A service that has decided once by its rules, on a server of its own that may be killed."""
    postgres = PrivatePostgres(tmp_path_factory.mktemp("postgres"))
    with django_db_blocker.unblock(), django_at(postgres.url):
        call_command("migrate", verbosity=0)
        key = make_entitled_key()
    service = LiveService(database_url=postgres.url, folder=tmp_path_factory.mktemp("service"), env={"REDIS_URL": ""})
    service.start()
    yield service, postgres, key
    service.stop()
    postgres.stop()


def test_without_the_database_a_surface_is_closed_and_comes_back(lost: tuple[LiveService, PrivatePostgres, bytes]) -> None:
    service, postgres, key = lost
    assert ask(service, b"ApiKey: " + key).status == 200
    postgres.kill()
    answer = ask(service, b"ApiKey: " + key)
    assert (answer.status, answer.json["code"], answer.json["data"]) == (503, -91, None)
    assert int(answer.headers["retry-after"]) > 0
    assert ask(service, b"Authorization: Bearer a.b.c", path="/Reseller/Account").status == 503
    postgres.start()
    assert ask(service, b"ApiKey: " + key).status == 200
