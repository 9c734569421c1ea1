"""The event loop's way out against real hosts that are slow, endless, broken or lying, and names that are too."""

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_django import Settings

from core.egress.connector import timed_tls
from core.egress.door import MAX_BODY_BYTES, Answered, Door, DoorLimits
from core.egress.failures import EgressFailedError, OwnFaultError
from core.egress.policy import EgressReason, EgressRefusedError, Target, check_url
from core.egress.trace import Phase, Trace
from tests.core.egress.hosts import OK, Authority, host, say
from tests.core.egress.names import name_server
from tests.core.egress.test_policy import ODD_NOTATIONS
from tests.loops import finish

BRISK: Final = DoorLimits(total_seconds=0.6, connect_seconds=0.4, read_seconds=0.5, body_seconds=0.3)
PATIENT: Final = DoorLimits(total_seconds=10, connect_seconds=5, read_seconds=5, body_seconds=3)


@pytest.fixture(autouse=True)
def loopback_is_listed(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    settings.PUBLIC_BASE_URL = settings.EMBED_BASE_URL = "https://auth.sticker.example"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    timed_tls.cache_clear()
    yield made
    timed_tls.cache_clear()


def post(
    url: str | Target, *, limits: DoorLimits = PATIENT, nameservers: tuple[str, ...] = (), times: int = 1, body: bytes = b"{}"
) -> tuple[Answered, Trace]:
    """Call a host so many times through one door; what comes of the last call."""

    async def call() -> tuple[Answered, Trace]:
        async with Door(limits=limits, nameservers=nameservers) as door:
            for _ in range(times):
                trace = Trace(url if isinstance(url, Target) else check_url(url))
                answered = await door.post(trace, headers={"Content-Type": "application/json"}, body=body)
            return answered, trace

    return finish(call())


def failure(url: str | Target, **kwargs: Any) -> tuple[EgressReason, Phase]:
    """Call a host that brings no answer: why, and how far the call came."""
    trace = Trace(url if isinstance(url, Target) else check_url(url))

    async def call() -> None:
        async with Door(limits=kwargs.get("limits", BRISK), nameservers=kwargs.get("nameservers", ())) as door:
            await door.post(trace, headers={}, body=b"{}")

    with pytest.raises(EgressFailedError) as failed:
        finish(call())
    return failed.value.reason, trace.phase


def test_call_carries_what_it_is_given_and_nothing_of_a_browser() -> None:
    with host(say(OK)) as there:
        answered, trace = post(there.url("/hook?a=b%2Fc"))
    assert (answered.status, answered.body, answered.headers["x-tone"]) == (200, b"hi", "a")
    head = there.heads[0].decode()
    assert head.startswith("POST /hook?a=b%2Fc HTTP/1.1\r\n")
    sent = {line.split(": ")[0].lower() for line in head.partition("\r\n\r\n")[0].split("\r\n")[1:]}
    assert sent == {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length"}
    assert "Accept-Encoding: identity" in head
    assert trace.address == "127.0.0.1"


def test_connection_serves_a_second_call_and_the_trace_says_so() -> None:
    def twice(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(OK)
        connected.recv(4096)
        connected.sendall(OK)

    with host(twice) as there:
        _, trace = post(there.url(), times=2)
        assert there.connections == 1
    assert trace.is_reused
    assert trace.connect_ms is None
    assert trace.address == "127.0.0.1"


def test_kept_connection_that_the_host_had_closed_is_replaced_at_once() -> None:
    def hang_up_on_the_second(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(OK)
        connected.recv(4096)

    with host(hang_up_on_the_second) as there:
        answered, trace = post(there.url(), times=2)
        assert there.connections == 2
    assert answered.status == 200
    assert not trace.is_reused


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    with (
        host(say(OK)) as inside,
        host(say(b"HTTP/1.1 %d x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, inside.url().encode()))) as there,
    ):
        answered, _ = post(there.url())
        assert answered.status == status
        assert inside.connections == 0


def test_proxies_and_cookies_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with host(say(OK)) as proxy, host(say(OK.replace(b"X-Tone: a", b"Set-Cookie: a=b; Path=/"))) as there:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        post(there.url(), times=2)
        assert proxy.connections == 0
    assert not any(b"ookie" in head for head in there.heads)


def test_endless_body_is_cut_and_the_status_counts() -> None:
    def flood(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connected.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with host(flood) as there:
        answered, _ = post(there.url())
    assert answered.status == 200
    assert len(answered.body) == MAX_BODY_BYTES


def test_bomb_stays_packed() -> None:
    packed = gzip.compress(b"\0" * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with host(say(head + packed)) as there:
        answered, _ = post(there.url())
    assert answered.body == packed[:MAX_BODY_BYTES]


def test_body_that_drips_does_not_hold_the_call() -> None:
    done = threading.Event()

    def drip(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not done.wait(0.05):
            connected.sendall(b"x")

    with host(drip) as there:
        began = time.monotonic()
        answered, _ = post(there.url(), limits=BRISK)
        done.set()
    assert answered.status == 200
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("piece", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_head_that_drips_or_never_comes_ends_with_the_time(piece: bytes) -> None:
    done = threading.Event()

    def drip(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(piece)
        while not done.wait(0.05):
            if piece:
                connected.sendall(b"X-A: b\r\n")

    with host(drip) as there:
        began = time.monotonic()
        assert failure(there.url()) == (EgressReason.TIMEOUT, Phase.ANSWER)
        done.set()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(100)) + b"\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
    ids=["ssh", "long header", "many headers", "status", "tls"],
)
def test_answer_that_is_not_http_is_a_bad_one(answer: bytes) -> None:
    def speak(connected: socket.socket, _head: bytes) -> None:
        connected.sendall(answer)
        connected.recv(1)

    with host(speak) as there:
        reason, phase = failure(there.url())
    assert (reason, phase) == (EgressReason.PROTOCOL, Phase.ANSWER)


def test_host_that_hangs_up_without_a_word_is_a_lost_connection() -> None:
    with host(say(b"")) as there:
        assert failure(there.url()) == (EgressReason.CONNECT, Phase.ANSWER)


def test_endless_interim_answers_end_with_the_time() -> None:
    def go_on(connected: socket.socket, _head: bytes) -> None:
        while True:
            connected.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(0.01)

    with host(go_on) as there:
        assert failure(there.url()) == (EgressReason.TIMEOUT, Phase.ANSWER)


def test_port_where_nobody_listens() -> None:
    with host(say(OK)) as there:
        url = there.url()
    assert failure(url) == (EgressReason.CONNECT, Phase.CONNECT)


def test_name_is_sent_and_its_certificate_accepted_with_every_step_timed(authority: Authority) -> None:
    context, seen = authority.server("hooks.example"), []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    with host(say(OK), tls=context) as there, name_server(hooks=[["127.0.0.1"]]) as names:
        url = there.url(name="hooks.example", scheme="https")
        answered, trace = post(url, nameservers=(names.address,))
    assert (answered.body, seen) == (b"hi", ["hooks.example"])
    assert None not in (trace.dns_ms, trace.connect_ms, trace.tls_ms, trace.first_byte_ms)


@pytest.mark.parametrize("case", ["another name", "expired", "unknown authority", "old protocol", "no TLS"])
def test_certificate_that_proves_nothing_is_refused(authority: Authority, tmp_path: Path, case: str) -> None:
    context: Any = authority.server("hooks.example")
    if case == "another name":
        context = authority.server("hooks.other.example")
    if case == "expired":
        context = authority.server("hooks.example", is_expired=True)
    if case == "unknown authority":
        (tmp_path / "other").mkdir()
        context = Authority(tmp_path / "other").server("hooks.example")
    if case == "old protocol":
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    with host(say(OK), tls=None if case == "no TLS" else context) as there, name_server(hooks=[["127.0.0.1"]]) as names:
        reason, phase = failure(there.url(name="hooks.example", scheme="https"), nameservers=(names.address,))
        assert not any(head.startswith(b"POST") for head in there.heads)
    assert phase is Phase.TLS
    assert reason in (EgressReason.TLS, EgressReason.TIMEOUT)


def test_handshake_that_never_ends_is_given_up(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert failure(url) == (EgressReason.TIMEOUT, Phase.TLS)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", *ODD_NOTATIONS])
def test_address_that_got_past_the_url_check_is_stopped_at_the_socket(settings: Settings, address: str) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = []
    with host(say(OK)) as there:
        target = Target("http", address, there.port, "/")
        with pytest.raises((EgressRefusedError, EgressFailedError, ValueError)):
            post(target, limits=BRISK)
        assert there.connections == 0


def test_name_that_leads_inside_is_refused_whatever_else_it_leads_to(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with host(say(OK)) as there, name_server(inside=[["10.0.0.1"]], both=[["127.0.0.1", "127.0.0.2"]]) as names:
        for name in ("inside", "both"):
            with pytest.raises(EgressRefusedError) as refused:
                post(there.url(name=f"{name}.example"), nameservers=(names.address,))
            assert refused.value.reason is EgressReason.ADDRESS
        assert there.connections == 0


def test_name_that_flips_between_two_calls_is_refused_at_the_second(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    hang_up = say(OK.replace(b"X-Tone: a", b"Connection: close"))
    with host(hang_up) as there, name_server(flip=[["127.0.0.1"], ["169.254.169.254"]]) as names:
        url = there.url(name="flip.example")
        with pytest.raises(EgressRefusedError):
            post(url, nameservers=(names.address,), times=2)
        assert there.connections == 1


def test_search_domains_are_not_tried() -> None:
    with name_server(partner=[["127.0.0.1"]]) as names:
        assert failure("http://partner:8080/", nameservers=(names.address,)) == (EgressReason.DNS, Phase.RESOLVE)
        assert not [name for name in names.asked if "." in name]


def test_name_server_that_never_answers_holds_up_its_own_names_only() -> None:
    async def both(door: Door, slow: str, quick: str) -> tuple[float, float]:
        began = time.monotonic()

        async def call(url: str) -> float:
            with suppress(EgressFailedError, OwnFaultError):
                await door.post(Trace(check_url(url)), headers={}, body=b"")
            return time.monotonic() - began

        waiting = [asyncio.create_task(call(slow)) for _ in range(50)]
        await asyncio.sleep(0)
        answered = await asyncio.gather(*(call(quick) for _ in range(20)))
        return max(answered), max(await asyncio.gather(*waiting))

    async def run(slow: str, quick: str, address: str) -> tuple[float, float]:
        async with Door(limits=PATIENT, nameservers=(address,)) as door:
            return await both(door, slow, quick)

    with host(say(OK)) as there, name_server(tarpit=[None], quick=[["127.0.0.1"]]) as names:
        slow, quick = there.url(name="tarpit.example"), there.url(name="quick.example")
        answered, gave_up = finish(run(slow, quick, names.address))
        # Fifty callers asked for one name: one look-up, tried twice.
        assert names.asked["tarpit.example"] <= 2
    assert answered < 0.7 < gave_up < 4


def test_no_name_server_at_all_is_our_own_fault() -> None:
    with name_server() as names:
        gone = names.address
    with pytest.raises(OwnFaultError):
        post("http://partner.example:8080/", nameservers=(gone,))
