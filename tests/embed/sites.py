"""Two https sites on this machine: a TLS front before the service, and a partner's web server with pages made by tests."""

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HEAD: Final = re.compile(rb"(?:GET|POST|DELETE|HEAD|OPTIONS) \S+ HTTP/1\.1\r\n.*?\r\n\r\n", re.DOTALL)


def tls_context(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate made for the occasion."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sites of a test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
    certificate = builder.sign(key, hashes.SHA256())
    pem = folder / "site.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


class TlsFront:
    """Ends TLS and hands the bytes on unchanged; keeps what browsers sent, so that tests can search it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.upstream_port = 0
        self.sent = bytearray()
        self.lose_next_reply_to = b""  # a path; the request arrives, its answer does not
        self._links: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        starting = asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def heads(self) -> list[str]:
        """Return the head (request line and headers) of every request so far."""
        return [head.decode("latin-1") for head in HEAD.findall(bytes(self.sent))]

    def close(self) -> None:
        """Stop listening and drop what is open."""
        asyncio.run_coroutine_threadsafe(self._drop_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _drop_all(self) -> None:
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        await asyncio.sleep(0.1)  # the loop needs a few turns to close what was aborted

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self._loop.create_task(_Link(self, reader, writer).run())
        self._links.add(link)
        link.add_done_callback(self._links.discard)


class _Link:
    """One browser connection and the one behind it."""

    def __init__(self, front: TlsFront, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.front = front
        self.reader = reader
        self.writer = writer
        self.is_losing = False

    async def run(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.front.upstream_port)
        except OSError:
            self.writer.transport.abort()
            return
        ways = [asyncio.ensure_future(way) for way in (self._up(writer), self._down(reader))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await asyncio.gather(_finish(self.writer), _finish(writer))

    async def _up(self, writer: asyncio.StreamWriter) -> None:
        while data := await self.reader.read(65536):
            self.front.sent.extend(data)
            if self.front.lose_next_reply_to and self.front.lose_next_reply_to in data:
                self.front.lose_next_reply_to = b""
                self.is_losing = True
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            if self.is_losing:
                return
            self.writer.write(data)
            await self.writer.drain()


async def _finish(writer: asyncio.StreamWriter) -> None:
    """Send what is still waiting, say goodbye, and let go even of a peer that does not answer."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


@dataclass
class PartnerWeb:
    """What the partner's web server holds: pages by path, and what `POST /session` answers."""

    pages: dict[str, str] = field(default_factory=dict)
    new_session: Callable[[], tuple[int, dict[str, Any]]] = lambda: (500, {})
    session_calls: int = 0


class PartnerServer(ThreadingHTTPServer):
    """Serves `web` on every name that leads here: the partner's own site and a stranger's alike."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _PartnerHandler)
        self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.web = PartnerWeb()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()
        self._thread.join(5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of a request is no error."""


class _PartnerHandler(BaseHTTPRequestHandler):
    server: PartnerServer

    def do_GET(self) -> None:
        page = self.server.web.pages.get(self.path.partition("?")[0])
        self._answer(200 if page else 404, "text/html; charset=utf-8", (page or "nothing here").encode())

    def do_POST(self) -> None:
        self.server.web.session_calls += 1
        status, answer = self.server.web.new_session()
        self._answer(status, "application/json", json.dumps(answer).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""
