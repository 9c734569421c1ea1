"""Connections of the event loop: the guard stands at the socket itself, where no name, literal or redirect gets around it."""

import ssl
from functools import lru_cache
from socket import socket
from typing import TYPE_CHECKING, Final

from aiohttp import ClientResponse, TCPConnector

from core.egress.policy import EgressRefusedError, check_address
from core.egress.resolver import CheckedResolver
from core.egress.trace import current_trace

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp.connector import Connection

_KEPT_SECONDS: Final = 20.0


def make_connector(resolver: CheckedResolver, *, is_kept: bool) -> TCPConnector:
    """Make the connector of one event loop; `is_kept` says whether a connection may serve a second call.

    It has no limit of its own: who calls decides how many calls there are.
    """
    return TCPConnector(
        resolver=resolver,
        use_dns_cache=False,  # the resolver has one, which knows how long a record may be kept
        socket_factory=guarded_socket,
        ssl=timed_tls(),
        limit=0,
        force_close=not is_kept,
        keepalive_timeout=_KEPT_SECONDS if is_kept else None,
    )


def guarded_socket(info: "AddrInfoType") -> socket:
    """Make the socket for one address that is about to be dialled, after deciding on this very address.

    Raises: PermissionError when it may not be called; the trace says why.
    """
    family, kind, protocol, _, address = info
    trace = current_trace.get()
    host = str(address[0])
    try:
        check_address(host, target=trace.target)
    except EgressRefusedError as error:
        trace.refusal = error
        raise PermissionError("the address is not allowed") from error
    trace.dialling(host)
    return socket(family, kind, protocol)


class _TimedContext(ssl.SSLContext):
    """Tells the trace of the call when TLS begins: the event loop asks for the TLS object once TCP stands."""

    def wrap_bio(self, *args: object, **kwargs: object) -> ssl.SSLObject:
        trace = current_trace.get(None)
        if trace is not None:
            trace.securing()
        return super().wrap_bio(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are


@lru_cache(maxsize=1)
def timed_tls() -> ssl.SSLContext:
    """Certificates of the system's authorities (or of SSL_CERT_FILE), names checked, TLS 1.2 at least."""
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


class TracedResponse(ClientResponse):
    """Tells the trace when the request is out, and over which connection."""

    async def start(self, connection: "Connection") -> ClientResponse:
        trace = current_trace.get()
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        trace.asking(str(peer[0]) if peer else trace.address)
        response = await super().start(connection)
        trace.answered()
        return response
