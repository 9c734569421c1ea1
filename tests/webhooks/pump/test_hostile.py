"""Receivers that mean harm: what the log says of them, what it does not say, and that nobody else feels them."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.core.egress.hosts import OK, Answer, Authority, Host, host, say
from tests.core.egress.names import name_server
from tests.databases import FreshDatabase
from tests.webhooks.pump.sink import Sink
from tests.webhooks.pump.world import await_truth, endpoint_row, open_endpoint, publish, pump, states
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.pump.send import MAX_TEXT_BYTES

NEVER = threading.Event()


def flood(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connected.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def drip_body(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not NEVER.wait(0.1):
        connected.sendall(b"x")


def drip_head(connected: socket.socket, _head: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\n")
    while not NEVER.wait(0.1):
        connected.sendall(b"X-A: b\r\n")


def silence(connected: socket.socket, _head: bytes) -> None:
    connected.recv(1)


def bomb() -> Answer:
    packed = gzip.compress(b"\0" * 50_000_000)
    return say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)


@contextmanager
def hosts(**answers: Answer) -> Iterator[dict[str, Host]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(host(answer)) for name, answer in answers.items()}


def log_of(endpoint: Endpoint) -> Attempt:
    """The first attempt at an endpoint, once it is there."""
    await_truth(lambda: Attempt.objects.filter(endpoint=endpoint).exists())
    return Attempt.objects.filter(endpoint=endpoint).order_by("number")[0]


def test_every_trick_is_named_and_the_others_are_served_meanwhile(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    inside = say(OK)
    with hosts(
        inside=inside,
        flood=flood,
        bomb=bomb(),
        drip_body=drip_body,
        drip_head=drip_head,
        silence=silence,
        hang_up=say(b""),
        garbage=say(b"SSH-2.0-OpenSSH_9.2\r\n"),
        headers=say(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n"),
        script=say(b"HTTP/1.1 500 x\r\nContent-Length: 30\r\n\r\n<script>alert(1)</script>\0\xff\xfe\xfd\xfc"),
    ) as there:
        redirect = say(b"HTTP/1.1 307 x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % there["inside"].url("/in").encode())
        with host(redirect) as redirecting:
            targets = {name: each.url() for name, each in there.items() if name != "inside"} | {"redirect": redirecting.url()}
            hostile = {name: open_endpoint(url) for name, url in targets.items()}
            honest = open_endpoint(sink.url(), max_concurrency=20)
            with pump(fresh_database, tmp_path):
                for endpoint in hostile.values():
                    publish(endpoint, 10)
                ids = publish(honest, 100)
                began = time.monotonic()
                sink.await_messages(100)
                assert max(each.at for each in sink.received) - began < 5
                reasons = {name: log_of(endpoint).reason for name, endpoint in hostile.items()}
        assert there["inside"].connections == 0
    assert set(sink.counts()) == set(ids)
    assert reasons == {
        "flood": "delivered",
        "bomb": "delivered",
        "drip_body": "delivered",
        "drip_head": "read_timeout",
        "silence": "read_timeout",
        "hang_up": "connection_lost",
        "garbage": "bad_response",
        "headers": "bad_response",
        "script": "server_error",
        "redirect": "redirect_refused",
    }
    assert len(log_of(hostile["flood"]).response_text) == MAX_TEXT_BYTES
    assert "encoded" in log_of(hostile["bomb"]).response_text
    assert log_of(hostile["script"]).response_text == "<script>alert(1)</script>\ufffd\ufffd\ufffd\ufffd\ufffd"
    assert Delivery.objects.filter(endpoint=hostile["redirect"], state="delivered").count() == 0


def test_https_is_verified_and_its_steps_are_timed(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    contexts = {
        "good": authority.server("127.0.0.1"),
        "expired": authority.server("127.0.0.1", is_expired=True),
        "stranger": Authority(tmp_path / "other").server("127.0.0.1"),
        "misnamed": authority.server("hooks.example"),
    }
    with ExitStack() as stack:
        there = {name: stack.enter_context(host(say(OK), tls=tls)) for name, tls in contexts.items()}
        endpoints = {name: open_endpoint(each.url(scheme="https")) for name, each in there.items()}
        with pump(fresh_database, tmp_path, env={"SSL_CERT_FILE": str(authority.file)}):
            for endpoint in endpoints.values():
                publish(endpoint, 1)
            found = {name: log_of(endpoint) for name, endpoint in endpoints.items()}
    assert {name: each.reason for name, each in found.items()} == {
        "good": "delivered",
        "expired": "tls_failed",
        "stranger": "tls_failed",
        "misnamed": "tls_failed",
    }
    assert None not in (found["good"].connect_ms, found["good"].tls_ms, found["good"].first_byte_ms)
    assert found["good"].address == "127.0.0.1"


def test_name_that_flips_inside_is_refused_without_a_word_about_the_inside(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    once = say(OK.replace(b"X-Tone: a", b"Connection: close"))
    with host(once) as there, name_server(flip=[["127.0.0.1"], ["127.0.0.2"]], mixed=[["127.0.0.1", "10.0.0.1"]]) as names:
        env = {"EGRESS_NAMESERVERS": names.address, "EGRESS_ALLOWED_NETWORKS": "127.0.0.1/32"}
        flip, mixed = (open_endpoint(there.url(name=f"{name}.example")) for name in ("flip", "mixed"))
        with pump(fresh_database, tmp_path, env=env):
            publish(mixed, 1)
            publish(flip, 1)
            assert log_of(flip).reason == "delivered"
            [second] = publish(flip)
            of_second = Attempt.objects.filter(delivery__message__message_id=second).order_by("number")
            await_truth(of_second.exists)
            refused = [of_second.all()[0], log_of(mixed)]
        assert there.connections == 1
    for attempt in refused:
        assert (attempt.reason, attempt.address, attempt.response_text) == ("address_refused", None, "")
    assert endpoint_row(flip.pk).consecutive_failures == 0
    assert states(flip)["delivered"] == 1


def test_network_that_is_no_longer_listed_is_refused_from_then_on(
    fresh_database: FreshDatabase, sink: Sink, tmp_path: Path
) -> None:
    endpoint = open_endpoint(sink.url())
    publish(endpoint, 1)
    with pump(fresh_database, tmp_path, env={"EGRESS_ALLOWED_NETWORKS": ""}):
        assert log_of(endpoint).reason == "url_refused"
    assert sink.received == []


def test_name_server_that_never_answers_holds_up_nobody_else(fresh_database: FreshDatabase, sink: Sink, tmp_path: Path) -> None:
    with name_server(tarpit=[None], quick=[["127.0.0.1"]]) as names:
        stuck = [open_endpoint(f"http://tarpit.example:{port}/", max_concurrency=20) for port in range(9000, 9010)]
        quick = open_endpoint(sink.url().replace("127.0.0.1", "quick.example"), max_concurrency=20)
        with pump(
            fresh_database,
            tmp_path,
            env={"EGRESS_NAMESERVERS": names.address, "WEBHOOK_ATTEMPT_SECONDS": "4", "WEBHOOK_LEASE_SECONDS": "10"},
        ):
            for endpoint in stuck:
                publish(endpoint, 20)
            began = time.monotonic()
            publish(quick, 50)
            sink.await_messages(50)
            assert sink.received[-1].at - began < 3
            assert log_of(stuck[0]).reason == "dns_timeout"
