"""The synchronous way out against real hosts that are slow, endless, broken or lying."""

import gzip
import socket
import threading
import time
from typing import Any

import pytest
from pytest_django import Settings

from core.egress.fetch import EgressFailedError, EgressRefusedError, FetchLimits, fetch
from core.egress.policy import EgressReason
from tests.core.egress.hosts import OK, Answer, host, say

BRISK = FetchLimits(total_seconds=0.4, connect_seconds=0.3)


@pytest.fixture(autouse=True)
def loopback_is_listed(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    settings.PUBLIC_BASE_URL = settings.EMBED_BASE_URL = "https://auth.sticker.example"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What the system's resolver says of each name, one answer after the other; the last one stays."""
    known: dict[str, list[list[str]]] = {}

    def resolver(name: str, _port: Any, **_kwargs: Any) -> list[tuple[Any, ...]]:
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        answers = known[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return known


def test_answer_comes_with_status_headers_and_body() -> None:
    with host(say(OK)) as there:
        fetched = fetch(there.url("/keys?a=b"), headers={"Accept": "application/json"})
    assert (fetched.status, fetched.body, fetched.headers["x-tone"]) == (200, b"hi", "a")
    head = there.heads[0].decode()
    assert head.startswith("GET /keys?a=b HTTP/1.1\r\n")
    sent = {line.split(": ")[0] for line in head.split("\r\n")[1:] if line}
    assert sent == {"Host", "User-Agent", "Accept-Encoding", "Connection", "Accept"}
    assert f"Host: 127.0.0.1:{there.port}\r\n" in head
    assert "Accept-Encoding: identity" in head


def test_body_is_sent_whole() -> None:
    taken = bytearray()

    def answer(connected: socket.socket, head: bytes) -> None:
        taken.extend(head.partition(b"\r\n\r\n")[2])
        while len(taken) < 100_000:
            taken.extend(connected.recv(65536))
        connected.sendall(OK)

    with host(answer) as there:
        assert fetch(there.url(), method="POST", body=b"x" * 100_000).status == 200
    assert len(taken) == 100_000
    assert b"Content-Length: 100000\r\n" in there.heads[0]


def test_over_ipv6() -> None:
    with host(say(OK), address="::1") as there:
        assert fetch(f"http://[::1]:{there.port}/").body == b"hi"
    assert f"Host: [::1]:{there.port}".encode() in there.heads[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    with (
        host(say(OK)) as inside,
        host(say(b"HTTP/1.1 %d x\r\nLocation: %s\r\n\r\n" % (status, inside.url().encode()))) as there,
    ):
        fetched = fetch(there.url())
    assert (fetched.status, inside.connections) == (status, 0)
    assert fetched.headers["location"] == inside.url()


def test_environment_decides_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    with host(say(OK)) as proxy, host(say(OK)) as there:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv("HOME", str(tmp_path))
        fetch(there.url())
        fetch(there.url())
    assert (proxy.connections, there.connections) == (0, 2)
    assert b"Authorization" not in there.heads[0]
    assert b"Cookie" not in there.heads[1]


def test_cookies_are_not_kept() -> None:
    with host(say(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as there:
        fetch(there.url())
        fetch(there.url())
    assert b"Cookie" not in there.heads[1]


def test_body_is_never_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with host(say(head + bomb)) as there:
        assert fetch(there.url()).body == bomb


def _drip(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        connected.sendall(b"x")
        time.sleep(0.02)  # the pace of the drip is what is tested


def _drip_head(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connected.sendall(b"x")
        time.sleep(0.02)


def _continue_forever(connected: socket.socket, _head: bytes) -> None:
    while True:
        connected.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _headers_forever(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connected.sendall(b"X-Flood: y\r\n" * 100)


def _chunks_forever(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connected.sendall(b"1\r\nx\r\n" * 1000)


def _chunk_extension_forever(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connected.sendall(b"1;" + b"e" * 60_000 + b"\r\nx\r\n")


def _silence(connected: socket.socket, _head: bytes) -> None:
    connected.recv(1)


BAD_ANSWERS: dict[str, tuple[Answer, set[EgressReason]]] = {
    "silence": (_silence, {EgressReason.TIMEOUT}),
    "a dripping body": (_drip, {EgressReason.TIMEOUT}),
    "a dripping head": (_drip_head, {EgressReason.TIMEOUT}),
    "endless 100 Continue": (_continue_forever, {EgressReason.TOO_LARGE}),
    "endless headers": (_headers_forever, {EgressReason.TOO_LARGE, EgressReason.PROTOCOL}),
    "one endless header": (say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000), {EgressReason.TOO_LARGE}),
    "an endless status line": (say(b"HTTP/1.1 200 " + b"y" * 100_000), {EgressReason.TOO_LARGE}),
    "endless chunks": (_chunks_forever, {EgressReason.TOO_LARGE}),
    "endless chunk extensions": (_chunk_extension_forever, {EgressReason.TOO_LARGE}),
    "an endless body": (say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000), {EgressReason.TOO_LARGE}),
    "a body declared too large": (say(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n"), {EgressReason.TOO_LARGE}),
    "a body cut short": (say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"), {EgressReason.PROTOCOL}),
    "chunks cut short": (say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), {EgressReason.PROTOCOL}),
    "a broken chunk": (say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), {EgressReason.PROTOCOL}),
    "another protocol": (say(b"SSH-2.0-OpenSSH_9.2\r\n"), {EgressReason.PROTOCOL}),
    "nothing": (say(b""), {EgressReason.PROTOCOL, EgressReason.CONNECT}),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_host_that_answers_badly_costs_bounded_time_and_memory(case: str) -> None:
    answer, reasons = BAD_ANSWERS[case]
    with host(answer) as there:
        began = time.monotonic()
        with pytest.raises(EgressFailedError) as failed:
            fetch(there.url(), limits=BRISK)
        assert time.monotonic() - began < BRISK.total_seconds + 1
    assert failed.value.reason in reasons
    assert failed.value.was_sent


def test_body_of_exactly_the_limit_is_read() -> None:
    with host(say(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"x" * 65536)) as there:
        assert len(fetch(there.url()).body) == 65536


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(EgressFailedError) as failed:
        fetch(f"http://127.0.0.1:{port}/")
    assert failed.value.reason is EgressReason.CONNECT


def test_host_that_does_not_accept_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        began = time.monotonic()
        with pytest.raises(EgressFailedError) as failed:
            fetch(f"http://127.0.0.1:{full.getsockname()[1]}/", limits=BRISK)
    assert failed.value.reason is EgressReason.TIMEOUT
    assert time.monotonic() - began < 2


def test_refused_url_is_not_dialled(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = []
    with host(say(OK)) as there:
        for url in (there.url(), f"https://127.0.0.1:{there.port}/", f"https://localhost:{there.port}/"):
            with pytest.raises(EgressRefusedError):
                fetch(url)
    assert there.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::ffff:169.254.169.254"], ["127.0.0.1", "0.0.0.0"]],
)
def test_name_with_one_bad_address_is_not_dialled(names: dict[str, list[list[str]]], addresses: list[str]) -> None:
    names["partner.example"] = [addresses]
    with host(say(OK)) as there:
        with pytest.raises(EgressRefusedError) as refused:
            fetch(there.url(name="partner.example"))
        assert there.connections == 0
    assert refused.value.reason is EgressReason.ADDRESS


def test_name_that_changes_between_check_and_call_is_dialled_where_it_was_checked(names: dict[str, list[list[str]]]) -> None:
    with host(say(OK)) as there, host(say(OK), address="127.0.0.2") as elsewhere:
        names["partner.example"] = [["127.0.0.1"], ["10.0.0.1"]]
        assert fetch(there.url(name="partner.example")).status == 200
        assert names["partner.example"] == [["10.0.0.1"]]
        with pytest.raises(EgressRefusedError):
            fetch(there.url(name="partner.example"))
    assert (there.connections, elsewhere.connections) == (1, 0)
    assert f"Host: partner.example:{there.port}".encode() in there.heads[0]


def test_second_address_is_tried_when_the_first_is_dead(names: dict[str, list[list[str]]]) -> None:
    with host(say(OK)) as there:
        names["partner.example"] = [["::1", "127.0.0.1"]]
        assert fetch(there.url(name="partner.example")).status == 200


def test_unknown_name(names: dict[str, list[list[str]]]) -> None:
    with pytest.raises(EgressFailedError) as failed:
        fetch("https://nobody.example/")
    assert failed.value.reason is EgressReason.DNS


def test_resolver_that_hangs_costs_one_thread_and_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released, calls = threading.Event(), []

    def hanging(name: str, *_args: Any, **_kwargs: Any) -> list[Any]:
        calls.append(name)
        released.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(EgressFailedError) as failed:
            fetch("https://tarpit.example/", limits=FetchLimits(total_seconds=0.1))
        assert failed.value.reason is EgressReason.TIMEOUT
    assert time.monotonic() - began < 2
    released.set()
    assert calls == ["tarpit.example"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "x"),
        ("content-length", "1"),
        ("Accept-Encoding", "gzip"),
        ("X-A", "secret\r\nX-B: c"),
        ("X A", "secret"),
        ("X-A", "sécret"),
    ],
)
def test_header_that_is_not_the_callers_is_refused_without_repeating_it(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent") as refused:
        fetch("http://127.0.0.1:9/", headers={name: value})
    assert "cret" not in str(refused.value)


def test_what_came_back_is_not_in_its_repr() -> None:
    with host(say(OK)) as there:
        assert "hi" not in repr(fetch(there.url()))
