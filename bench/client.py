"""The load generator for a machine without wrk: one thread, one epoll loop, keep-alive connections.

As a program it plays a file of requests as fast as answers come back. `pace` sends at a fixed rate instead and counts the
latency from the instant a request was due, so that a stall is seen at its full length.
"""

import argparse
import json
import selectors
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

from bench import requests

_END_OF_HEAD: Final = b"\r\n\r\n"
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(slots=True)
class Tally:
    """What came back: the latency of each answer in seconds, and how many were not 2xx."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0

    def add(self, answer: bytes, latency: float) -> None:
        """Count one whole answer."""
        self.latencies.append(latency)
        if answer[9:10] != b"2":
            self.errors += 1

    def as_json(self) -> str:
        """The same line that the wrk script prints."""
        ordered = sorted(self.latencies) or [0.0]
        percentiles = {f"p{p}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)] * 1000, 4) for p in (50, 99)}
        return json.dumps({"requests": len(self.latencies), "seconds": self.seconds, "errors": self.errors, **percentiles})


class Connection:
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("_answer", "_sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""
        self._sent_at = 0.0

    def send(self, request: bytes) -> None:
        """Send the next request."""
        self._answer = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self, tally: Tally) -> bool:
        """Take in what has arrived; true when the answer is whole and counted."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        self._answer += part
        if not is_whole(self._answer):
            return False
        tally.add(self._answer, time.perf_counter() - self._sent_at)
        return True


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer has arrived to its end, going by its Content-Length (none: no body)."""
    head = answer.find(_END_OF_HEAD)
    if head < 0:
        return False
    name = answer[:head].lower().find(b"content-length:")
    length = int(answer[name + 15 : answer.find(b"\r", name)]) if name >= 0 else 0
    return len(answer) >= head + len(_END_OF_HEAD) + length


def saturate(port: int, source: Iterator[bytes], *, connections: int, seconds: float) -> Tally:
    """Keep every connection busy for a time."""
    tally = Tally()
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = Connection(port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(source))
        began = time.perf_counter()
        end = began + seconds
        while time.perf_counter() < end:
            _serve_ready(selector, source, tally)
        tally.seconds = time.perf_counter() - began
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return tally


def _serve_ready(selector: selectors.BaseSelector, source: Iterator[bytes], tally: Tally) -> None:
    ready = selector.select(_TIMEOUT_SECONDS)
    if not ready:
        raise TimeoutError("no answer in time")
    for key, _ in ready:
        connection: Connection = key.data
        if connection.receive(tally):
            connection.send(next(source))


@dataclass(frozen=True, slots=True)
class Sample:
    """One paced request: when it was due by the monotonic clock, the seconds until its answer, and whether that was 2xx."""

    due: float
    latency: float
    is_good: bool


def pace(port: int, source: Iterator[bytes], *, rate: float, stop: threading.Event, samples: list[Sample]) -> None:
    """Send `rate` requests a second over one connection until told to stop; a late one is sent at once."""
    connection = Connection(port)
    began = time.monotonic()
    for number, request in enumerate(source):
        due = began + number / rate
        if stop.wait(max(0.0, due - time.monotonic())):
            break
        tally = Tally()
        connection.send(request)
        while not connection.receive(tally):
            pass
        samples.append(Sample(due, time.monotonic() - due, not tally.errors))
    connection.socket.close()


def main(arguments: Sequence[str]) -> int:
    """Play a file of requests and print the tally."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args(arguments)
    source = cycle(requests.load(given.file))
    print(saturate(given.port, source, connections=given.connections, seconds=given.seconds).as_json())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
