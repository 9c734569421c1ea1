"""The server's entry (granian's RSGI form): take the whole request in, then run Django on it in one piece.

Granian's WSGI form cannot be used. It folds `X_Forwarded_For` onto `X-Forwarded-For` and lets the later one win, so that a
client behind a proxy could choose its own address; and it reads bodies while it holds the worker, so that a few uploads
that never end stop the service. Here names with an underscore are dropped, as nginx does, and a body is awaited.
"""

import asyncio
import io
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from sticker_auth.local.environment import load

load()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402  # settings need the environment first

from core.http import KEY_HEADERS, STRAY_CREDENTIAL, without_charset  # noqa: E402

BODY_SECONDS: Final = 30.0
MAX_BODY_BYTES: Final = 1024 * 1024
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


def bridge(app: WsgiApp) -> RsgiApp:
    """Serve a WSGI application over RSGI, one request at a time in each worker, as WSGI with one thread does."""

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
        response = _without_loop(app, environ, head)
        try:
            await _answer(proto, head, response)
        finally:
            _without_loop(getattr(response, "close", _nothing))

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
        "wsgi.multithread": False,
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


async def _answer(proto: Any, head: _Head, response: Iterable[bytes]) -> None:
    if not getattr(response, "streaming", False):
        proto.response_bytes(head.status, head.headers, b"".join(response))
        return
    transport = proto.response_stream(head.status, head.headers)
    chunks = iter(response)
    while (chunk := _without_loop(next, chunks, None)) is not None:
        await transport.send_bytes(chunk)


def _without_loop(function: Callable[..., Any], *args: Any) -> Any:
    # Django refuses database calls where a loop runs. Here they are meant: the worker does one request at a time.
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return function(*args)
    finally:
        asyncio._set_running_loop(loop)


def _nothing() -> None:
    pass


application: Final = bridge(get_wsgi_application())
