"""The server's entry (granian's RSGI form): take the whole request in, then run Django on it in one of a few threads.

Granian's WSGI form cannot be used. It folds `X_Forwarded_For` onto `X-Forwarded-For` and lets the later one win, so that a
client behind a proxy could choose its own address; and it reads bodies while it holds the worker, so that a few uploads
that never end stop the service. Here names with an underscore are dropped, as nginx does, and a body is awaited.
"""

import asyncio
import io
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final

from sticker_auth.local.environment import load

load()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")

import django  # noqa: E402  # settings need the environment first
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

django.setup(set_prefix=False)

from core.http import KEY_HEADERS, STRAY_CREDENTIAL, without_charset  # noqa: E402
from sticker_auth.handler import Handler  # noqa: E402
from sticker_auth.threads import Threads  # noqa: E402

BODY_SECONDS: Final = 30.0
MAX_BODY_BYTES: Final = 1024 * 1024
MAX_STREAMS: Final = 16
_UNREADABLE: Final = "\ufffd"

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
RsgiApp = Callable[[Any, Any], Awaitable[None]]


class _Head:
    """What a WSGI application says first: status and headers."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> None:
        self.status, self.headers = int(status[:3]), headers


def bridge(app: WsgiApp, *, threads: Threads) -> RsgiApp:
    """Serve a WSGI application over RSGI, as many requests at a time in each worker as there are threads."""
    streams = asyncio.Semaphore(MAX_STREAMS)

    async def serve(scope: Any, proto: Any) -> None:
        environ = environ_of(scope)
        try:
            await _take_body(environ, proto)
        except TimeoutError:
            proto.response_empty(408, [])
            return
        except ConnectionError:
            proto.response_empty(400, [])
            return
        head = _Head()
        answer = await threads.run(_run, app, environ, head)
        if isinstance(answer, bytes):
            proto.response_bytes(head.status, head.headers, answer)
        else:
            async with streams:
                await _stream(proto, head, answer)

    return serve


def environ_of(scope: Any) -> Environ:
    """Write a request's head the way WSGI has it. Equal header lines are joined; nothing of the process is in it."""
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode("utf-8", "replace").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": _host(scope.client),
        "SERVER_NAME": _host(scope.server),
        "SERVER_PORT": scope.server.rpartition(":")[2],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope.headers)
    if "CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = without_charset(environ["CONTENT_TYPE"])
    if "HTTP_HOST" not in environ and scope.authority:
        environ["HTTP_HOST"] = scope.authority
    return environ


def _add_headers(environ: Environ, headers: Any) -> None:
    for name, value in headers.items():
        key = _environ_name(name)
        if "_" in name:
            environ[STRAY_CREDENTIAL] = environ.get(STRAY_CREDENTIAL, False) or key in KEY_HEADERS
        elif key in environ:
            if key != "CONTENT_LENGTH":  # the server lets equal ones pass
                environ[key] += ("; " if name == "cookie" else ",") + value
        else:
            environ[key] = value
    # Granian leaves out a value that is not ASCII; a credential must not vanish for that.
    for name, key in _KEY_HEADER_NAMES:
        if key not in environ and name in headers:
            environ[key] = _UNREADABLE


@lru_cache(maxsize=1024)
def _environ_name(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


_KEY_HEADER_NAMES: Final = tuple((key.removeprefix("HTTP_").replace("_", "-").lower(), key) for key in KEY_HEADERS)


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


async def _take_body(environ: Environ, proto: Any) -> None:
    """Read the body into memory; one that is declared or found too large is left unread, and its length tells Django.

    Raises: TimeoutError when it does not come in time; ConnectionError when it breaks off: a part is never acted on.
    """
    declared = int(environ.get("CONTENT_LENGTH") or 0)
    is_chunked = "HTTP_TRANSFER_ENCODING" in environ
    body = b""
    if 0 < declared <= MAX_BODY_BYTES or is_chunked:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read(proto)
        # Granian ends a broken chunked body like a complete one. A part of a JSON object is none; nothing at all might be.
        if len(body) < declared or (is_chunked and not body):
            raise ConnectionError("the body broke off")
        declared = len(body)
    environ["CONTENT_LENGTH"] = str(declared)
    environ["wsgi.input"] = io.BytesIO(body)


async def _read(proto: Any) -> bytes:
    body = bytearray()
    async for chunk in proto:
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body)


def _run(app: WsgiApp, environ: Environ, head: _Head) -> Any:
    """Run one request: all of its body as bytes, or the open response where it is streamed."""
    response: Any = app(environ, head)
    if getattr(response, "streaming", False):
        return response
    try:
        return b"".join(response)
    finally:
        _close(response)


async def _stream(proto: Any, head: _Head, response: Any) -> None:
    """Send an answer part by part, made in a thread of its own.

    It may read the database as it goes, whose connections stay with their thread, and a slow reader must not hold up others.
    """
    loop, transport = asyncio.get_running_loop(), proto.response_stream(head.status, head.headers)
    with ThreadPoolExecutor(1) as thread:
        chunks = iter(response)
        try:
            while (chunk := await loop.run_in_executor(thread, next, chunks, None)) is not None:
                await transport.send_bytes(chunk)
        finally:
            await loop.run_in_executor(thread, _end, response)


def _end(response: Any) -> None:
    _close(response)
    connections.close_all()


def _close(response: Any) -> None:
    if close := getattr(response, "close", None):
        close()


application: Final = bridge(Handler(), threads=Threads(settings.WEB_THREADS))
