"""The receivers of a run: HTTPS on many ports of loopback, an answer after a delay, and a note of when each message came.

A program of its own: `python -m bench.webhook_sink CERTIFICATE PORTS FILE`. It prints its ports, and writes a line to FILE
for each request: the message's id and the monotonic clock, which all processes of a machine share. The path says how late the
answer is, in milliseconds: `/100`; `/never` gets none.
"""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import uvloop

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_BACKLOG: Final = 1024


class Receiver(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, notes: IO[str]) -> None:
        self._notes = notes
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head, end, rest = self._pending.partition(b"\r\n\r\n")
        lower = head.lower()
        if not end or len(rest) < int(_header(lower, b"content-length") or 0):
            return
        self._pending = b""
        self._notes.write(f"{_header(head, b'webhook-id').decode()} {time.monotonic()}\n")
        path = head.split(b" ", 2)[1].lstrip(b"/")
        if path != b"never":
            asyncio.get_running_loop().call_later(int(path) / 1000, self._answer)

    def _answer(self) -> None:
        if self._transport is not None:
            self._transport.write(_ANSWER)


def _header(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\r\n" + name + b": ")
    if at < 0:
        return b""
    begin = at + len(name) + 4
    end = head.find(b"\r\n", begin)
    return head[begin : end if end >= 0 else None]


async def serve(certificate: str, ports: int, notes: IO[str]) -> None:
    """Receive until ended."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: Receiver(notes), "127.0.0.1", 0, ssl=tls, backlog=_BACKLOG) for _ in range(ports)
    ]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    while True:
        await asyncio.sleep(0.1)
        notes.flush()


def main(arguments: Sequence[str]) -> None:
    """Read the arguments and receive."""
    certificate, ports, file = arguments
    with Path(file).open("w") as notes:
        uvloop.run(serve(certificate, int(ports), notes))


if __name__ == "__main__":
    main(sys.argv[1:])
