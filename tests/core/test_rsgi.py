"""The bridge from the server to Django: what a request becomes, and what happens when its body does not come."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from core.http import STRAY_CREDENTIAL
from sticker_auth import rsgi
from sticker_auth.rsgi import bridge, environ_of
from sticker_auth.threads import Threads

T = TypeVar("T")


class Headers:
    """Header lines as granian hands them over: values that are not ASCII have a name and no line."""

    def __init__(self, lines: list[tuple[str, str]], unreadable: tuple[str, ...] = ()) -> None:
        self._lines, self._unreadable = lines, unreadable

    def items(self) -> list[tuple[str, str]]:
        return self._lines

    def __contains__(self, name: str) -> bool:
        return name in self._unreadable or name in dict(self._lines)


@dataclass
class Scope:
    """The head of a request."""

    headers: Headers = field(default_factory=lambda: Headers([("host", "127.0.0.1")]))
    method: str = "GET"
    path: str = "/v1/whoami"
    query_string: str = ""
    http_version: str = "1.1"
    scheme: str = "http"
    client: str = "203.0.113.9:4711"
    server: str = "127.0.0.1:8000"
    authority: str | None = None


class Wire:
    """The other end of a connection: hands out a body in chunks and keeps what is answered."""

    def __init__(self, *chunks: bytes, is_stuck: bool = False) -> None:
        self._chunks, self._is_stuck = chunks, is_stuck
        self.status = 0
        self.body = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._is_stuck:
            await asyncio.Event().wait()

    def response_empty(self, status: int, _headers: object) -> None:
        self.status = status

    def response_bytes(self, status: int, _headers: object, body: bytes) -> None:
        self.status, self.body = status, body

    def response_stream(self, status: int, _headers: object) -> "Wire":
        self.status = status
        return self

    async def send_bytes(self, chunk: bytes) -> None:
        self.body += chunk + b"|"


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer with the body."""
    start_response("201 Created", [])
    return [environ["CONTENT_LENGTH"].encode(), b":", environ["wsgi.input"].read()]


def run(task: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread of its own: the browser tests keep a loop running in the main one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(task())).result()


def serve(scope: Scope, wire: Wire, app: Any = echo) -> Wire:
    async def task() -> Wire:
        await bridge(app, threads=Threads(1))(scope, wire)
        return wire

    return run(task)


def post(*lines: tuple[str, str]) -> Scope:
    return Scope(headers=Headers([("host", "127.0.0.1"), *lines]), method="POST")


def test_a_body_in_parts_arrives_whole() -> None:
    assert serve(post(("content-length", "6")), Wire(b"abc", b"def")).body == b"6:abcdef"


def test_a_body_in_chunks_gets_its_length() -> None:
    assert serve(post(("transfer-encoding", "chunked")), Wire(b"abc", b"d")).body == b"4:abcd"


def test_without_a_declared_body_none_is_awaited() -> None:
    assert serve(post(), Wire(is_stuck=True)).body == b"0:"


def test_a_body_that_is_declared_too_large_is_not_taken_in() -> None:
    declared = str(rsgi.MAX_BODY_BYTES + 1)
    assert serve(post(("content-length", declared)), Wire(is_stuck=True)).body == f"{declared}:".encode()


def test_a_body_that_turns_out_too_large_is_read_only_so_far() -> None:
    endless = [b"x" * 600_000] * 100
    answer = serve(post(("transfer-encoding", "chunked")), Wire(*endless, is_stuck=True))
    assert len(answer.body) < 1_300_000


def test_a_body_that_does_not_come_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsgi, "BODY_SECONDS", 0.01)
    assert serve(post(("content-length", "6")), Wire(b"abc", is_stuck=True)).status == 408


def test_a_body_that_breaks_off_is_never_acted_on() -> None:
    called: list[object] = []
    assert serve(post(("content-length", "6")), Wire(b"{}"), lambda *args: called.append(args)).status == 400
    assert called == []


def test_a_chunked_body_of_which_nothing_came_is_not_taken_for_an_empty_one() -> None:
    assert serve(post(("transfer-encoding", "chunked")), Wire()).status == 400


def test_a_length_that_stands_twice_counts_once() -> None:
    assert serve(post(("content-length", "2"), ("content-length", "2")), Wire(b"{}")).body == b"2:{}"


def test_the_application_runs_where_no_loop_is_seen() -> None:
    def app(_environ: object, start_response: Callable[..., Any]) -> list[bytes]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        start_response("200 OK", [])
        return [b"ok"]

    assert serve(Scope(), Wire(), app).body == b"ok"


def test_a_fault_of_the_application_reaches_the_server_and_the_thread_goes_on() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/fault":
            raise LookupError
        return echo(environ, start_response)

    async def task() -> bytes:
        served, wire = bridge(app, threads=Threads(1)), Wire()
        with pytest.raises(LookupError):
            await served(Scope(path="/fault"), Wire())
        await served(Scope(), wire)
        return wire.body

    assert run(task) == b"0:"


def test_one_request_runs_while_another_waits() -> None:
    other_came = threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/other":
            other_came.set()
        assert other_came.wait(10)
        return echo(environ, start_response)

    async def task() -> list[int]:
        served, wires = bridge(app, threads=Threads(2)), [Wire(), Wire()]
        await asyncio.gather(*(served(Scope(path=path), wire) for path, wire in zip(("/one", "/other"), wires, strict=True)))
        return [wire.status for wire in wires]

    assert run(task) == [201, 201]


def test_whoever_has_gone_does_not_stop_a_thread() -> None:
    may_end, threads = threading.Event(), Threads(1)

    async def task() -> str:
        abandoned = threads.run(may_end.wait, 10)
        abandoned.cancel()
        may_end.set()
        return str(await threads.run(str, "next"))

    assert run(task) == "next"


class Streamed:
    """An answer in parts, which wants to be closed."""

    streaming = True
    is_closed = False

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[bytes]:
        for part in (b"one", b"two"):
            self.threads.add(threading.get_ident())
            yield part

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.is_closed = True


def test_a_streamed_answer_is_sent_part_by_part_and_closed() -> None:
    answer = Streamed()

    def app(_environ: object, start_response: Callable[..., Any]) -> Streamed:
        start_response("200 OK", [])
        return answer

    assert serve(Scope(), Wire(), app).body == b"one|two|"
    assert answer.is_closed
    assert len(answer.threads) == 1


def test_equal_header_lines_are_joined_and_cookies_in_their_own_way() -> None:
    lines = [("x-api-key", "a"), ("x-api-key", "b"), ("cookie", "c=1"), ("cookie", "d=2")]
    environ = environ_of(Scope(headers=Headers(lines)))
    assert (environ["HTTP_X_API_KEY"], environ["HTTP_COOKIE"]) == ("a,b", "c=1; d=2")


def test_names_with_an_underscore_are_dropped() -> None:
    environ = environ_of(Scope(headers=Headers([("x_forwarded_for", "198.51.100.7"), ("x_custom", "1")])))
    assert not [name for name in environ if name.startswith("HTTP_X")]
    assert not environ[STRAY_CREDENTIAL]


def test_a_credential_in_another_spelling_is_remembered() -> None:
    environ = environ_of(Scope(headers=Headers([("x_api_key", "a"), ("x_custom", "1")])))
    assert environ[STRAY_CREDENTIAL]
    assert "HTTP_X_API_KEY" not in environ


def test_a_credential_that_is_not_ascii_does_not_vanish() -> None:
    environ = environ_of(Scope(headers=Headers([], unreadable=("x-api-key", "x-other"))))
    assert environ["HTTP_X_API_KEY"] == "\ufffd"
    assert "HTTP_X_OTHER" not in environ


@pytest.mark.parametrize(
    ("peer", "address"),
    [("203.0.113.9:4711", "203.0.113.9"), ("[2001:db8::1]:4711", "2001:db8::1"), ("2001:db8::1:4711", "2001:db8::1")],
)
def test_the_peer_is_known_by_its_address(peer: str, address: str) -> None:
    assert environ_of(Scope(client=peer))["REMOTE_ADDR"] == address


def test_paths_and_queries_reach_django_as_it_reads_them() -> None:
    environ = environ_of(Scope(path="/v1/é€", query_string="x=€"))
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/v1/é€"
    assert environ["QUERY_STRING"].encode("latin-1").decode() == "x=€"


def test_the_authority_of_the_address_stands_in_for_a_missing_host() -> None:
    assert environ_of(Scope(headers=Headers([]), authority="auth.example.com"))["HTTP_HOST"] == "auth.example.com"
