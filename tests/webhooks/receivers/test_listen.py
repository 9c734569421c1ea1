"""Events of a sandbox, forwarded to a receiver on this machine by the command, against the real service."""

import json
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.principals import Environment
from partners.scopes import Scope
from tests.databases import django_at
from tests.factories import make_key
from tests.journeys.parties import Backend
from tests.servers import LiveService, Process, StartService, bare_environment, unused_port
from tests.webhooks.receivers.test_sink import SinkProcess
from webhooks.formats import SignatureFormat
from webhooks.signing import mint_secret

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

SECRET = mint_secret()
Listen = Callable[..., Process]


@pytest.fixture(scope="module")
def service(shared_service: StartService) -> LiveService:
    return shared_service()


@pytest.fixture
def backend(service: LiveService, django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Backend:
    """A partner of the test's own."""
    with django_db_blocker.unblock(), django_at(service.database_url):
        issued = make_key(scopes=(Scope.EVENTS_READ, Scope.EVENTS_WRITE))
    return Backend(service.base_url, str(issued.key.partner_id), issued.key.kid, issued.plaintext)


def publish(backend: Backend, order: str) -> str:
    """Publish an event and return its id."""
    answer = backend.call("POST", "/v1/events", {"type": "order.shipped", "data": {"order": order, "note": "café 😀"}})
    assert answer.status == 202, answer.raw
    return str(answer.body["id"])


@pytest.fixture
def listen(backend: Backend, tmp_path: Path) -> Iterator[Listen]:
    """Start the command; its files stand in the test's folder."""
    started: list[Process] = []
    (tmp_path / "key").write_text(f"{backend.key}\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    def start(url: str, *arguments: str, base_url: str = backend.base_url) -> Process:
        command = [sys.executable, "manage.py", "webhook_listen", "--forward-to", url, "--base-url", base_url]
        files = ["--api-key-file", str(tmp_path / "key"), "--secret-file", str(tmp_path / "secret")]
        env = {
            **bare_environment(),
            "VAR_DIR": str(tmp_path / "var"),
            "http_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1",
        }
        started.append(Process([*command, *files, *arguments], env=env, log=tmp_path / f"listen-{len(started)}.log"))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SinkProcess]:
    (tmp_path / "sink").mkdir()
    (tmp_path / "sink" / "secret").write_text(SECRET)
    running = SinkProcess(tmp_path / "sink", "--json", "--secret-file", str(tmp_path / "sink" / "secret"))
    yield running
    running.line.close()
    running.process.kill()


def orders(sink: SinkProcess) -> list[str]:
    return [json.loads(each["body"])["data"]["order"] for each in sink.printed()]


def stop(process: Process) -> None:
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 0


def test_events_arrive_in_order_verified_and_once(backend: Backend, listen: Listen, sink: SinkProcess) -> None:
    ids = [publish(backend, str(number)) for number in range(3)]
    listen(sink.url, "--from-start")
    sink.process.await_line('"verified":true', count=3)
    printed = sink.printed()
    assert [each["id"] for each in printed] == ids
    assert [each["seq"] for each in printed] == ["1", "2", "3"]
    assert orders(sink) == ["0", "1", "2"]
    assert [each["notes"] for each in printed] == [[], [], []]


def test_it_goes_on_where_it_stopped(backend: Backend, listen: Listen, sink: SinkProcess, tmp_path: Path) -> None:
    publish(backend, "before")
    first = listen(sink.url)
    cursor = tmp_path / "key.cursor"
    first.await_line("Forwarding to")
    await_file(cursor)
    publish(backend, "1")
    sink.process.await_line('"verified":true')
    stop(first)
    publish(backend, "2")
    listen(sink.url)
    publish(backend, "3")
    sink.process.await_line('"verified":true', count=3)
    assert orders(sink) == ["1", "2", "3"]
    assert [each["seq"] for each in sink.printed()] == ["1", "2", "3"]


def await_file(path: Path) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)


def test_an_event_whose_receiver_was_away_comes_again(backend: Backend, listen: Listen, sink: SinkProcess) -> None:
    publish(backend, "1")
    away = listen(f"http://127.0.0.1:{unused_port()}/", "--from-start", "--attempts", "20")
    away.await_line("not reached")
    stop(away)
    listen(sink.url, "--from-start")
    sink.process.await_line('"verified":true')
    assert orders(sink) == ["1"]


def test_after_its_attempts_an_event_is_left_behind(
    backend: Backend, listen: Listen, sink: SinkProcess, tmp_path: Path
) -> None:
    publish(backend, "1")
    (tmp_path / "secret").write_text(mint_secret())
    running = listen(sink.url, "--from-start", "--attempts", "2")
    running.await_line("-> 401", count=2)
    publish(backend, "2")
    running.await_line("-> 401", count=4)
    assert [each["attempt"] for each in sink.printed()] == ["1", "2", "1", "2"]


@pytest.mark.parametrize("signature_format", [SignatureFormat.STASH, SignatureFormat.STICKER])
def test_the_other_formats_are_signed_too(
    backend: Backend, listen: Listen, tmp_path: Path, signature_format: SignatureFormat
) -> None:
    (tmp_path / "sink").mkdir()
    sink = SinkProcess(tmp_path / "sink", "--json", "--format", signature_format, "--secret-file", str(tmp_path / "secret"))
    try:
        publish(backend, "1")
        listen(sink.url, "--from-start", "--format", signature_format, "--types", "order.*")
        sink.process.await_line('"verified":true')
    finally:
        sink.line.close()
        sink.process.kill()


def test_a_secret_is_made_where_there_is_none_and_only_its_owner_can_read_it(
    backend: Backend, listen: Listen, tmp_path: Path
) -> None:
    (tmp_path / "secret").unlink()
    listen("http://127.0.0.1:9/").await_line("Forwarding to")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert (tmp_path / "secret").read_text().startswith("whsec_")


def test_a_key_without_the_scope_is_told_so(
    backend: Backend, listen: Listen, tmp_path: Path, service: LiveService, django_db_blocker: "DjangoDbBlocker"
) -> None:
    with django_db_blocker.unblock(), django_at(service.database_url):
        other = make_key(scopes=(Scope.EVENTS_WRITE,))
    (tmp_path / "key").write_text(other.plaintext)
    running = listen("http://127.0.0.1:9/")
    assert running.wait() == 1
    assert "FORBIDDEN" in running.log.read_text()


def test_a_live_key_is_refused_before_anything_is_read(
    backend: Backend, listen: Listen, tmp_path: Path, service: LiveService, django_db_blocker: "DjangoDbBlocker"
) -> None:
    with django_db_blocker.unblock(), django_at(service.database_url):
        live = make_key(environment=Environment.LIVE)
    (tmp_path / "key").write_text(live.plaintext)
    running = listen("http://127.0.0.1:9/")
    assert running.wait() == 2
    said = running.log.read_text()
    assert "live key" in said
    assert live.plaintext not in said


BAD: list[dict[str, Any]] = [
    {"base_url": "http://auth.example.com"},
    {"base_url": "ftp://127.0.0.1"},
    {"url": "file:///etc/passwd"},
    {"url": "http://user:pass@127.0.0.1/"},
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: next(iter(wrong.values())))
def test_addresses_that_would_carry_a_key_or_a_password_astray_are_refused(listen: Listen, wrong: dict[str, str]) -> None:
    running = listen(wrong.get("url", "http://127.0.0.1:9/"), base_url=wrong.get("base_url", "http://127.0.0.1:9"))
    assert running.wait() == 2


def test_a_service_that_is_away_is_waited_for(listen: Listen) -> None:
    running = listen("http://127.0.0.1:9/", base_url=f"http://127.0.0.1:{unused_port()}")
    running.await_line("trying again")
    stop(running)
    assert "Traceback" not in running.log.read_text()


@pytest.fixture
def web_page() -> Iterator[str]:
    """A site that answers every address with the same page."""
    with HTTPServer(("127.0.0.1", 0), WebPage) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class WebPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_something_that_is_no_feed_is_named(listen: Listen, web_page: str) -> None:
    running = listen("http://127.0.0.1:9/", base_url=web_page)
    assert running.wait() == 1
    assert "base URL" in running.log.read_text()
