"""The gateway's own listener: `/auth/verify/{policy}` for reverse proxies, beside the main web process.

It stands on granian's ASGI form because a check must see what the client wrote. Of the three forms that granian has, WSGI
decodes the path and merges `X_Forwarded_Uri` with `X-Forwarded-Uri`; RSGI keeps names apart but decodes the path and leaves out
a value that is not ASCII; only ASGI hands over the raw path and every header line. A check's body is never read. Checks are
decided in a few threads, so that a slow database holds up neither the health page nor the refusal of what nobody has time for.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sticker_auth.local.environment import load

load()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")

import django  # noqa: E402  # settings need the environment first

django.setup()

from django.conf import settings  # noqa: E402
from django.db import Error as DatabaseError  # noqa: E402
from django.db import close_old_connections  # noqa: E402

from sticker_auth.threads import Threads  # noqa: E402
from surfaces import rulebook  # noqa: E402
from surfaces.gateway.answers import Answer  # noqa: E402
from surfaces.gateway.checking import answer_check, turn_away  # noqa: E402
from surfaces.gateway.dialects import Check  # noqa: E402

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIX: Final = b"/auth/verify/"
# Longer than a healthy database ever takes, shorter than the proxies wait (docs/gateway.md).
CHECK_SECONDS: Final = 6.0
# Checks that wait for a thread; past that, waiting would only make the next ones late too.
MAX_WAITING: Final = 256
_NO_STORE: Final = (("cache-control", "no-store"),)
_ALIVE: Final = Answer(200, (("content-type", "application/json"), *_NO_STORE), b'{"status":"ok"}')
_READY: Final = Answer(200, (("content-type", "application/json"), *_NO_STORE), b'{"status":"ready"}')
_NOT_READY: Final = Answer(
    503, (("content-type", "application/json"), ("retry-after", "2"), *_NO_STORE), b'{"status":"unavailable"}'
)
_NOTHING_HERE: Final = Answer(404, _NO_STORE)


class Gateway:
    """The ASGI application of one worker."""

    def __init__(self, *, threads: int) -> None:
        self._threads = Threads(threads)
        self._waiting = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        answer = await self._answer(scope)
        headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Mapping[str, Any]) -> Answer:
        path: bytes = scope["raw_path"]
        if path.startswith(PREFIX):
            return await self._check(scope, path[len(PREFIX) :])
        if path == b"/healthz":
            return _ALIVE
        if path == b"/readyz":
            ready: Answer = await self._threads.run(_readiness)
            return ready
        return _NOTHING_HERE

    async def _check(self, scope: Mapping[str, Any], after: bytes) -> Answer:
        check, policy_name = read_scope(scope, after)
        if self._waiting >= MAX_WAITING:
            return turn_away(check, policy_name=policy_name, reason="gateway_overloaded")
        self._waiting += 1
        decided = self._threads.run(_answer_check, check, policy_name)
        decided.add_done_callback(self._count_down)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                # Shielded: what a thread is at, or still will be, goes on counting.
                answer: Answer = await asyncio.shield(decided)
                return answer
        except TimeoutError:
            return turn_away(check, policy_name=policy_name, reason="gateway_timeout")

    def _count_down(self, _decided: "asyncio.Future[Answer]") -> None:
        self._waiting -= 1


def read_scope(scope: Mapping[str, Any], after: bytes) -> tuple[Check, str]:
    """Take a check and its policy's name out of an ASGI scope; `after` is the raw path behind the prefix."""
    name, slash, rest = after.partition(b"/")
    query: bytes = scope["query_string"]
    target = slash + rest + (b"?" + query if query and slash else b"")
    headers = tuple((key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"])
    return Check(scope["method"], target.decode("latin-1"), headers), name.decode("latin-1")


def _answer_check(check: Check, policy_name: str) -> Answer:
    return answer_check(check, policy_name=policy_name)


def _readiness() -> Answer:
    try:
        rulebook.read_version()
        rulebook.current()
    except DatabaseError:
        close_old_connections()
        return _NOT_READY
    return _READY


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application: Final = Gateway(threads=settings.GATEWAY_THREADS)
