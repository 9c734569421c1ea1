"""The asynchronous way out: one POST to a URL someone else chose, with a bound on everything the other side decides.

Nothing of a browser: no redirects, proxies, cookies, decompression, netrc, and no header that the caller did not set.
"""

import asyncio
import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientOSError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
)
from yarl import URL

from core.egress.connector import TracedResponse, make_connector
from core.egress.failures import EgressFailedError, OwnFaultError
from core.egress.policy import EgressReason
from core.egress.resolver import CheckedResolver
from core.egress.trace import Phase, Trace, current_trace

USER_AGENT: Final = "Sticker-Auth/1.0"
MAX_BODY_BYTES: Final = 16 * 1024
_MAX_HEADERS: Final = 64
_MAX_LINE_BYTES: Final = 8190
# Added by us, whatever the caller sends; the client must add nothing else.
_FIXED: Final = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
_SKIPPED: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_OWN_FAULTS: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.ENETUNREACH}
)


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """Seconds: until status and headers are there, for connecting with TLS, between two signs of life, for the body after."""

    total_seconds: float = 15.0
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    body_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of any status; the body is what came of it in time, cut at 16 KiB. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Door:
    """The calls of one event loop. As a context manager it closes every connection at the end."""

    def __init__(self, *, is_kept: bool = True, limits: DoorLimits | None = None, nameservers: Sequence[str] = ()) -> None:
        self._limits = limits or DoorLimits()
        self._resolver = CheckedResolver(nameservers)
        self._session = ClientSession(
            connector=make_connector(self._resolver, is_kept=is_kept),
            response_class=TracedResponse,
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=_SKIPPED,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=MAX_BODY_BYTES,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
            timeout=ClientTimeout(
                total=None, sock_connect=self._limits.connect_seconds, sock_read=self._limits.read_seconds, ceil_threshold=60
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._resolver.close()

    async def post(self, trace: Trace, *, headers: Mapping[str, str], body: bytes) -> Answered:
        """Make one call and fill its trace in.

        Raises: EgressRefusedError when an address is not allowed; EgressFailedError when no answer came, `trace.phase` saying
        how far it got; OwnFaultError when the failure lies on our side.
        """
        current_trace.set(trace)
        try:
            async with asyncio.timeout(self._limits.total_seconds):
                response = await self._ask(trace, {**_FIXED, **headers}, body)
        except (OSError, ClientError, TimeoutError) as error:
            raise _failure(trace, error) from error
        try:
            return Answered(response.status, _first_of_each(response), await self._body(response))
        finally:
            response.close()

    async def _ask(self, trace: Trace, headers: Mapping[str, str], body: bytes) -> ClientResponse:
        url = URL(trace.target.url, encoded=True)
        while True:
            try:
                return await self._session.post(url, headers=headers, data=body, allow_redirects=False)
            except (ServerDisconnectedError, ClientOSError):
                # A kept connection that the other side was just closing: the next one, at last a new one, decides.
                if not (trace.is_reused and trace.phase is Phase.ANSWER):
                    raise
                trace.restart()

    async def _body(self, response: ClientResponse) -> bytes:
        """Read what comes in time: whatever the body does, the status has been said."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while size < MAX_BODY_BYTES and (part := await response.content.read(MAX_BODY_BYTES - size)):
                    parts.append(part)
                    size += len(part)
        except (TimeoutError, ClientPayloadError, ClientConnectionError):
            pass
        return b"".join(parts)


def _first_of_each(response: ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        found.setdefault(name.lower(), value)
    return found


def _failure(trace: Trace, error: Exception) -> Exception:
    return trace.refusal or _own_fault(error) or EgressFailedError(_reason(trace, error))


def _reason(trace: Trace, error: Exception) -> EgressReason:
    if isinstance(error, TimeoutError):
        return EgressReason.TIMEOUT
    if trace.phase is Phase.RESOLVE:
        return EgressReason.DNS
    if trace.phase is Phase.TLS or isinstance(error, ClientSSLError):
        return EgressReason.TLS
    return EgressReason.CONNECT if isinstance(error, ClientConnectionError) else EgressReason.PROTOCOL


def _own_fault(error: BaseException) -> OwnFaultError | None:
    """Find in an error's causes what only our own machine can be blamed for."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OwnFaultError):
            return cause
        if isinstance(cause, OSError) and cause.errno in _OWN_FAULTS:
            return OwnFaultError(errno.errorcode[cause.errno])
        cause = cause.__cause__
    return None
