"""A receiver on loopback that keeps what it gets: a thread with an event loop of its own, quick enough for thousands."""

import asyncio
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

import uvloop

_PATIENCE_SECONDS: Final = 60.0
_REASONS: Final = {200: b"OK", 410: b"Gone", 429: b"Too Many", 500: b"Broken", 503: b"Busy"}


@dataclass(frozen=True, slots=True)
class Received:
    """One request. `at` is the monotonic clock's, which all processes of a machine share."""

    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)
    at: float

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


class Sink:
    """Answers by path: `/ok/...` at once, `/late/0.3/...` after so many seconds, `/status/500/...`, `/busy/2/...` with
    429 and `Retry-After: 2`, `/never/...` not at all. `watch` is called with each request before it is answered.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.watch: Callable[[Received], None] = lambda _request: None
        self._scheme = "https" if tls else "http"
        self._changed = threading.Condition()
        self._is_up = threading.Event()
        self._tls = tls
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._is_up.wait(_PATIENCE_SECONDS)

    def url(self, path: str = "/ok") -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}{path}"

    def got(self, path: str) -> list[Received]:
        """What came to a path, in the order it came."""
        return [each for each in list(self.received) if each.path == path]

    def counts(self) -> Counter[str]:
        """How often each message came."""
        return Counter(each.message_id for each in list(self.received))

    def await_messages(self, count: int, *, under: str = "/", seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait until so many different messages have come to paths that begin so."""

        def is_there() -> bool:
            return len({each.message_id for each in self.received if each.path.startswith(under)}) >= count

        with self._changed:
            assert self._changed.wait_for(is_there, seconds), f"{len(self.counts())} of {count} messages came"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def note(self, request: Received) -> None:
        self.watch(request)
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()

    def _run(self) -> None:
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Talk(self), "127.0.0.1", 0, ssl=self._tls, backlog=1000)
        )
        self.port: int = cast("asyncio.Server", server).sockets[0].getsockname()[1]
        self._is_up.set()
        self._loop.run_forever()
        server.close()


@contextmanager
def running_sink(*, tls: ssl.SSLContext | None = None) -> Iterator[Sink]:
    """Receive for the time of a block."""
    sink = Sink(tls=tls)
    try:
        yield sink
    finally:
        sink.close()


class _Talk(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._pending = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head, found, rest = self._pending.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._pending = rest[length:]
        request = Received(first.split(" ")[1], headers, rest[:length], time.monotonic())
        self._sink.note(request)
        self._answer(request.path.split("/")[1:])

    def _answer(self, parts: list[str]) -> None:
        if parts[0] == "never":
            return
        status = int(parts[1]) if parts[0] == "status" else 429 if parts[0] == "busy" else 200
        extra = f"Retry-After: {parts[1]}\r\n".encode() if parts[0] == "busy" else b""
        text = b"HTTP/1.1 %d %s\r\n%sContent-Length: 2\r\n\r\nhi" % (status, _REASONS.get(status, b"So"), extra)
        asyncio.get_running_loop().call_later(float(parts[1]) if parts[0] == "late" else 0, self._say, text)

    def _say(self, text: bytes) -> None:
        if self._transport is not None:
            self._transport.write(text)
