"""The synchronous way out: one request to one checked address, with a bound on everything the other side decides.

Built on `http.client` over a socket of our own, not on a client library: the address dialled is one that was checked (no
second look-up in between, so no rebinding), and what those libraries add (redirects, proxies from the environment, netrc,
cookies, decompression, connections kept open) is absent by construction. Every read counts against one deadline and one
budget of bytes, so that neither a drip of bytes nor a flood of headers outlasts its caller's patience.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from core.egress.failures import EgressFailedError
from core.egress.lookup import resolve
from core.egress.policy import EgressReason, EgressRefusedError, Target, check_address, check_addresses, check_url
from core.egress.wire import Wire, seconds_left

__all__ = ["EgressFailedError", "EgressRefusedError", "FetchLimits", "Fetched", "fetch", "tls_context"]

USER_AGENT: Final = "Sticker-Auth/1.0"
_MAX_DIALS: Final = 3
_CHUNK_OVERHEAD: Final = 8
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[\t -~]*", re.ASCII)
_OURS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much of our time and memory one call may take."""

    total_seconds: float = 5.0
    connect_seconds: float = 2.0
    max_header_bytes: int = 16 * 1024
    max_body_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of any status, a redirect too: none is followed. Header names are lower-case; the body is as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: FetchLimits | None = None,
) -> Fetched:
    """Make one call to a URL that someone else chose.

    Raises: EgressRefusedError when it may not be called; EgressFailedError when no complete answer came in time;
    ValueError for a header that is not the caller's to set, or that would end its line.
    """
    bounds = limits or FetchLimits()
    call = _Call(method, _own_headers(headers or {}), body)
    deadline = time.monotonic() + bounds.total_seconds
    target = check_url(url)
    try:
        with closing(_connected(target, bounds, deadline)) as connected:
            wire = Wire(connected, deadline=deadline, budget=bounds.max_header_bytes)
            return _sent(wire, target, bounds, call)
    except OSError as error:
        raise _failure(error) from error


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Certificates of the system's authorities, names checked, TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked of the other side."""

    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


def _own_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        # The library would refuse it too, in a text that repeats the value.
        if name.lower() in _OURS or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} cannot be sent")
    return headers


def _sent(wire: Wire, target: Target, limits: FetchLimits, call: _Call) -> Fetched:
    try:
        return _exchange(wire, target, limits, call)
    except EgressFailedError as error:
        raise EgressFailedError(error.reason, was_sent=True) from error
    except (OSError, http.client.HTTPException) as error:
        raise EgressFailedError(_failure(error).reason, was_sent=True) from error


def _exchange(wire: Wire, target: Target, limits: FetchLimits, call: _Call) -> Fetched:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = wire  # it has what http.client uses of a socket
    connection.putrequest(call.method, target.path, skip_host=True, skip_accept_encoding=True)
    ours = {"Host": target.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    if call.body is not None:
        ours["Content-Length"] = str(len(call.body))
    for name, value in {**ours, **call.headers}.items():
        connection.putheader(name, value)
    connection.endheaders(call.body)
    response = connection.getresponse()
    return Fetched(response.status, _first_of_each(response), _body(response, wire, limits))


def _body(response: http.client.HTTPResponse, wire: Wire, limits: FetchLimits) -> bytes:
    most = limits.max_body_bytes
    if (response.length or 0) > most:
        raise EgressFailedError(EgressReason.TOO_LARGE)
    wire.grant(_CHUNK_OVERHEAD * most + limits.max_header_bytes)
    body = response.read(most + 1)
    if len(body) > most:
        raise EgressFailedError(EgressReason.TOO_LARGE)
    if response.length:
        raise EgressFailedError(EgressReason.PROTOCOL)
    return body


def _first_of_each(response: http.client.HTTPResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        found.setdefault(name.lower(), value)
    return found


def _connected(target: Target, limits: FetchLimits, deadline: float) -> socket.socket:
    addresses = [str(target.address)] if target.address else resolve(target.host, seconds=seconds_left(deadline))
    check_addresses(addresses, target=target)
    failure = EgressFailedError(EgressReason.CONNECT)
    for address in addresses[:_MAX_DIALS]:
        try:
            return _dial(address, target, limits, deadline)
        except OSError as error:
            failure = _failure(error)
    raise failure


def _dial(address: str, target: Target, limits: FetchLimits, deadline: float) -> socket.socket:
    check_address(address, target=target)
    dialled = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        dialled.settimeout(min(limits.connect_seconds, seconds_left(deadline)))
        dialled.connect((address, target.port))
        if target.scheme == "http":
            return dialled
        dialled.settimeout(seconds_left(deadline))
        return tls_context().wrap_socket(dialled, server_hostname=target.host)
    except BaseException:
        dialled.close()
        raise


def _failure(error: Exception) -> EgressFailedError:
    if isinstance(error, TimeoutError):
        return EgressFailedError(EgressReason.TIMEOUT)
    if isinstance(error, ssl.SSLError):
        return EgressFailedError(EgressReason.TLS)
    if isinstance(error, http.client.HTTPException):
        return EgressFailedError(EgressReason.PROTOCOL)
    return EgressFailedError(EgressReason.CONNECT)
