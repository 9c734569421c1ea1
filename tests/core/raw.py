"""Requests written byte by byte, as no client library would send them."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.servers import LiveService


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The bytes of one answer, taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def exchange(service: LiveService, request: bytes) -> RawAnswer:
    """Send bytes and read one answer up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as wire:
        wire.sendall(request)
        return read_answer(wire)


def read_answer(wire: socket.socket) -> RawAnswer:
    """Read until the server closes."""
    received = b""
    while chunk := wire.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return RawAnswer(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)


def request_bytes(path: str | bytes, *headers: bytes, method: str = "GET", body: bytes = b"") -> bytes:
    """Write a request that closes its connection; `headers` are whole lines without their end."""
    target = path if isinstance(path, bytes) else path.encode()
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
