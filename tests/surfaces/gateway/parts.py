"""The real parts around a check: the gateway's listener, an upstream, and the proxies from Debian between them."""

import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from surfaces.gateway.configurations import configuration
from surfaces.names import Dialect
from tests.core.raw import RawAnswer, read_answer
from tests.servers import Process, await_url, bare_environment, unused_port

_READY_SECONDS: Final = 30.0


@dataclass(slots=True)
class Gateway:
    """The gateway's own process on a database."""

    database_url: str
    folder: Path
    env: Mapping[str, str]
    port: int
    process: Process | None = None

    @property
    def url(self) -> str:
        """The base under which it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it by the documented command and wait until it can decide."""
        command = [
            *(sys.executable, "-m", "granian", "--interface", "asgi", "sticker_auth.gateway:application"),
            *("--http", "1", "--no-ws", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
        ]
        env = {**bare_environment(), "DATABASE_URL": self.database_url, "VAR_DIR": str(self.folder), **self.env}
        self.process = Process(command, env=env, log=self.folder / f"gateway-{self.port}.log")
        self.process.await_line("Started worker-1")
        await_url(f"{self.url}/readyz")

    def log(self) -> str:
        """Everything it has written so far."""
        return (self.folder / f"gateway-{self.port}.log").read_text()

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process is not None:
            self.process.stop()


@contextmanager
def gateway_on(database_url: str, folder: Path, **env: str) -> Iterator[Gateway]:
    """Run a gateway on a database."""
    gateway = Gateway(database_url, folder, {"BATCH_FLUSH_SECONDS": "0.2", **env}, unused_port())
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@contextmanager
def upstream(folder: Path) -> Iterator[int]:
    """Run an upstream and give its port."""
    port = unused_port()
    process = Process(
        [sys.executable, "-m", "tests.surfaces.gateway.upstream", str(port)],
        env=bare_environment(),
        log=folder / "upstream.log",
    )
    process.await_line("Upstream listens")
    try:
        yield port
    finally:
        process.stop()


@contextmanager
def nginx_between(program: str, *, gateway_url: str, upstream_port: int, folder: Path) -> Iterator[int]:
    """Run nginx with the printed configuration in its http block, and give its port."""
    port, home = unused_port(), folder / "nginx"
    home.mkdir()
    printed = configuration(
        Dialect.NGINX, policy="nginx", gateway_url=gateway_url, upstream=f"127.0.0.1:{upstream_port}", port=port
    )
    (home / "sticker.conf").write_text(printed)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {home}/{kind};\n" for kind in kinds)
    (home / "nginx.conf").write_text(
        f"daemon off;\npid {home}/pid;\nerror_log stderr warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {home}/sticker.conf;\n}}\n"
    )
    process = Process([program, "-c", str(home / "nginx.conf"), "-p", str(home)], env=bare_environment(), log=home / "log")
    try:
        _await_port(port)
        yield port
    finally:
        process.stop()


@contextmanager
def caddy_between(program: str, *, gateway_url: str, upstream_port: int, folder: Path) -> Iterator[int]:
    """Run Caddy with the printed configuration behind two options of the test's own, and give its port."""
    port, home = unused_port(), folder / "caddy"
    home.mkdir()
    printed = configuration(
        Dialect.CADDY, policy="caddy", gateway_url=gateway_url, upstream=f"127.0.0.1:{upstream_port}", port=port
    )
    options = f"{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {home}\n}}\n"
    (home / "Caddyfile").write_text(options + printed)
    process = Process(
        [program, "run", "--config", str(home / "Caddyfile"), "--adapter", "caddyfile"],
        env={**bare_environment(), "HOME": str(home)},
        log=home / "log",
    )
    try:
        _await_port(port)
        yield port
    finally:
        process.stop()


def send(port: int, request: bytes) -> RawAnswer:
    """Send bytes and read one answer up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
        wire.sendall(request)
        return read_answer(wire)


def http(method: str, target: str | bytes, *lines: str | bytes, body: bytes = b"", host: str = "127.0.0.1") -> bytes:
    """Write a request that closes its connection; `lines` are header lines as they stand on the wire."""
    raw = [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    path = target if isinstance(target, bytes) else target.encode("latin-1")
    length = [b"Content-Length: %d" % len(body)] if body else []
    head = [method.encode() + b" " + path + b" HTTP/1.1", b"Host: " + host.encode(), b"Connection: close", *length, *raw]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def seen(answer: RawAnswer) -> "Seen":
    """What reached the upstream, by its own words."""
    assert answer.status == 200, answer
    told: Any = json.loads(_dechunked(answer))
    return Seen(told["method"], told["target"], [(name.lower(), value) for name, value in told["headers"]], told["body"])


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the upstream got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: str

    def values(self, name: str) -> list[str]:
        """The values of every line of one header."""
        return [value for key, value in self.headers if key == name]


def _dechunked(answer: RawAnswer) -> bytes:
    if answer.headers.get("transfer-encoding") != "chunked":
        return answer.body
    body, rest = b"", answer.body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if length == 0:
            break
    return body


def _await_port(port: int) -> None:
    end = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on port {port}"
            time.sleep(0.02)
        else:
            return
