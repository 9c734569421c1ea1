"""The server as the network meets it: spellings, doubled lines, odd bytes, bodies that never end."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from tests.core.raw import RawAnswer, exchange, read_answer, request_bytes
from tests.databases import django_at
from tests.factories import make_key
from tests.servers import LiveService, StartService

WHOAMI = "/v1/whoami"
ROTATE = "/v1/keys/self/rotate"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys these tests call with; `office` is accepted from one network only."""

    first: bytes
    second: bytes
    office: bytes


@pytest.fixture(scope="module")
def service(shared_service: StartService) -> LiveService:
    return shared_service(env={"TRUSTED_PROXY_HOPS": "1"})


@pytest.fixture(scope="module")
def keys(service: LiveService, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Keys:
    with django_db_blocker.unblock(), django_at(service.database_url):
        made = [make_key(), make_key(), make_key(networks=["198.51.100.0/24"])]
    return Keys(*(each.plaintext.encode() for each in made))


@pytest.fixture
def key(keys: Keys) -> bytes:
    return keys.first


@pytest.fixture
def other_key(keys: Keys) -> bytes:
    return keys.second


@pytest.fixture
def office_key(keys: Keys) -> bytes:
    return keys.office


@pytest.fixture
def rows(service: LiveService) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(service.database_url, autocommit=True) as connection:
        yield connection


def whoami(service: LiveService, *headers: bytes) -> RawAnswer:
    return exchange(service, request_bytes(WHOAMI, *headers))


@pytest.mark.parametrize(
    "form",
    [
        b"Authorization: Bearer %s",
        b"authorization: ApiKey %s",
        b"X-API-Key: %s",
        b"x-api-key: %s",
        b"X-STASH-API-KEY: %s",
        b"ApiKey: %s",
    ],
)
def test_every_header_form_opens_the_door_in_any_case(service: LiveService, key: bytes, form: bytes) -> None:
    assert whoami(service, form % key).status == 200


@pytest.mark.parametrize(
    "doubled",
    [
        (b"X-API-Key: %(a)s", b"X-API-Key: %(b)s"),
        (b"X-API-Key: %(a)s", b"x-api-key: %(a)s"),
        (b"X-API-Key: %(a)s", b"X-API-Key: "),
        (b"Authorization: Bearer %(a)s", b"Authorization: Bearer %(b)s"),
        (b"Authorization: Bearer %(a)s", b"ApiKey: %(b)s"),
        (b"X-API-Key: %(a)s", b"X-Stash-Api-Key: %(b)s"),
        (b"X-API-Key: %(a)s", b"X_Api_Key: %(b)s"),
        (b"X_Api_Key: %(a)s", b"X-API-Key: %(b)s"),
        (b"Authorization: Bearer %(a)s", b"X_Stash_Api_Key: %(b)s"),
        (b"ApiKey: %(a)s", b"X-Api_Key: %(b)s"),
        (b"ApiKey: %(a)s", b"X-API-Key: caf\xe9"),
    ],
    ids=lambda pair: b" + ".join(pair).decode("latin-1"),
)
def test_two_credentials_are_refused_in_whatever_spelling(
    service: LiveService, key: bytes, other_key: bytes, doubled: tuple[bytes, bytes]
) -> None:
    answer = whoami(service, *(line % {b"a": key, b"b": other_key} for line in doubled))
    assert (answer.status, answer.json["code"]) == (400, "MULTIPLE_CREDENTIALS")


def test_a_header_spelt_with_underscores_alone_is_no_credential(service: LiveService, key: bytes) -> None:
    answer = whoami(service, b"X_Api_Key: " + key)
    assert (answer.status, answer.json["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("value", [b"caf\xe9", b"caf\xc3\xa9", b"\xff", b"a" * 513, b"a" * 20_000])
def test_a_credential_of_odd_bytes_or_length_is_an_invalid_key(service: LiveService, value: bytes) -> None:
    answer = whoami(service, b"X-API-Key: " + value)
    assert (answer.status, answer.json["code"]) == (401, "INVALID_API_KEY")


@pytest.mark.parametrize(
    "forged",
    [(b"X_Forwarded_For: 198.51.100.7",), (b"X-Forwarded_For: 198.51.100.7",), (b"X_FORWARDED-FOR: 198.51.100.7",)],
)
def test_an_underscore_does_not_let_a_caller_choose_its_address(
    service: LiveService, office_key: bytes, forged: tuple[bytes, ...]
) -> None:
    honest = b"X-Forwarded-For: 203.0.113.9"
    first, last = (
        whoami(service, b"X-API-Key: " + office_key, *forged, honest),
        whoami(service, b"X-API-Key: " + office_key, honest, *forged),
    )
    assert (first.status, last.status) == (401, 401)


def test_the_address_a_trusted_proxy_saw_opens_the_office_key(service: LiveService, office_key: bytes) -> None:
    answer = whoami(service, b"X-API-Key: " + office_key, b"X-Forwarded-For: 198.51.100.7")
    assert (answer.status, answer.json["address"]) == (200, "198.51.100.7")


def test_a_link_local_address_with_a_zone_is_an_address(service: LiveService, key: bytes) -> None:
    answer = exchange(service, request_bytes(ROTATE, b"X-API-Key: " + key, b"X-Forwarded-For: fe80::1%eth0", method="POST"))
    assert answer.status == 201


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/whoami?x=\xe2\x82\xac",
        b"/v1/whoami?x=%FF%00",
        b"/v1/whoami?" + b"a=1&" * 3000,
        b"/v1/%00",
        b"/v1/users/%00/sessions",
        b"/v1/\xff\xfe",
        b"/v1/%2e%2e/admin",
        b"//v1/whoami",
        b"/v1/whoami;x=1",
        b"/v1/whoami/",
        b"/" + b"a" * 8000,
        b"*",
    ],
    ids=lambda target: repr(target)[:40],
)
def test_an_odd_address_is_answered_and_never_a_fault(service: LiveService, key: bytes, target: bytes) -> None:
    assert exchange(service, request_bytes(target, b"X-API-Key: " + key)).status < 500


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Type: application/json; charset=hex",
        b"Content-Type: application/json; charset=utf-16",
        b"Content-Type: application/json;" + b" a=b;" * 3000,
        b"Content-Type: \xff",
        b"Host: evil.example",
        b"Accept: " + b"*/*," * 2000,
        b"Cookie: \xff=\xfe; a",
        b"X-Request-ID: \xff",
        b"User-Agent: \xff" + b"x" * 5000,
        b"Idempotency-Key: \xff",
        b"X-Forwarded-For: \xff, ,,,;",
    ],
    ids=lambda line: repr(line)[:40],
)
def test_an_odd_header_is_answered_and_never_a_fault(service: LiveService, key: bytes, line: bytes) -> None:
    body = b'{"overlap": "never"}'
    answer = exchange(
        service, request_bytes(ROTATE, b"X-API-Key: " + key, line, b"Content-Length: %d" % len(body), method="POST", body=body)
    )
    assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    "framing",
    [
        (b"Content-Length: 2", b"Content-Length: 2"),
        (b"Content-Length: 2", b"Content-Length: 3"),
        (b"Content-Length: 2, 2",),
        (b"Content-Length: +2",),
        (b"Content-Length: -1",),
        (b"Content-Length: 0x2",),
        (b"Content-Length: 99999999999999999999999",),
        (b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: gzip",),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Content-Length: 2", b"Content-Type: text/plain", b"Content-Type: application/json"),
    ],
    ids=lambda framing: b" + ".join(framing).decode(),
)
def test_odd_framing_of_a_body_is_answered_and_never_a_fault(
    service: LiveService, key: bytes, framing: tuple[bytes, ...]
) -> None:
    head = request_bytes(ROTATE, b"X-API-Key: " + key, *framing, method="POST")
    assert 400 <= exchange(service, head + b"[]").status < 500


@pytest.mark.parametrize("charset", [b"utf-16", b"hex", b"idna", b"punycode", b"utf-7", b"nonsense"])
def test_the_charset_a_caller_names_hides_no_key_and_breaks_nothing(service: LiveService, key: bytes, charset: bytes) -> None:
    answer = exchange(service, request_bytes(b"/v1/whoami?key=" + key, b"Content-Type: application/json; charset=" + charset))
    assert (answer.status, answer.json["code"]) == (400, "SECRET_IN_URL")


def test_bodies_that_never_end_keep_nobody_waiting(service: LiveService, key: bytes) -> None:
    head = request_bytes(ROTATE, b"X-API-Key: " + key, b"Content-Type: application/json", b"Content-Length: 10", method="POST")
    with ExitStack() as stack:
        for _ in range(10):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            wire.sendall(head + b"{")
        assert whoami(service, b"X-API-Key: " + key).status == 200


def test_a_body_that_breaks_off_is_never_acted_on(
    service: LiveService, other_key: bytes, rows: psycopg.Connection[tuple[object, ...]]
) -> None:
    head = request_bytes(
        ROTATE, b"X-API-Key: " + other_key, b"Content-Type: application/json", b"Content-Length: 30", method="POST"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as wire:
        wire.sendall(head + b"{}")
        wire.shutdown(socket.SHUT_WR)
        assert read_answer(wire).status in (0, 400)
    found = rows.execute("SELECT rotated_at FROM partners_apikey WHERE kid = %s", [other_key[8:20].decode()]).fetchone()
    assert found == (None,)


def test_a_body_sent_in_chunks_is_read(service: LiveService, key: bytes) -> None:
    head = request_bytes(
        ROTATE, b"X-API-Key: " + key, b"Content-Type: application/json", b"Transfer-Encoding: chunked", method="POST"
    )
    answer = exchange(service, head + b'11\r\n{"overlap":"soon"\r\n1\r\n}\r\n0\r\n\r\n')
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "overlap")


@pytest.mark.parametrize("declared", [b"Content-Length: 2097152", b"Transfer-Encoding: chunked"])
def test_a_huge_body_is_refused_before_it_is_taken_in(service: LiveService, key: bytes, declared: bytes) -> None:
    head = request_bytes(ROTATE, b"X-API-Key: " + key, b"Content-Type: application/json", declared, method="POST")
    chunk = b"200000\r\n" if b"chunked" in declared else b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as wire:
        wire.sendall(head + chunk + b" " * 1_100_000)
        status = wire.recv(1000).split()[1]
    assert status == b"413"


def test_a_head_request_has_no_body(service: LiveService, key: bytes) -> None:
    answer = exchange(service, request_bytes(WHOAMI, b"X-API-Key: " + key, method="HEAD"))
    assert (answer.status, answer.body) == (200, b"")


def test_static_files_are_streamed(service: LiveService) -> None:
    answer = exchange(service, request_bytes("/static/embed/v1/sticker.js"))
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"])


def test_answers_carry_the_headers_that_hold_for_all(service: LiveService) -> None:
    headers = whoami(service, b"X-Request-ID: from-the-caller").headers
    assert headers["x-request-id"] == "from-the-caller"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
