"""Names to addresses for the event loop: each look-up ends in time, one at a time for a name, every address checked.

c-ares keeps each look-up apart, so that a name server which never answers holds up nobody but its own names.
"""

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pycares
from aiodns import DNSResolver
from aiodns.error import ARES_ECONNREFUSED, ARES_ENODATA, ARES_ENOTFOUND, ARES_ETIMEOUT, DNSError
from aiohttp.abc import AbstractResolver, ResolveResult

from core.egress.failures import OwnFaultError
from core.egress.policy import EgressRefusedError, check_addresses
from core.egress.trace import current_trace

LOOKUP_SECONDS: Final = 3.0
# Two tries, the second with twice the patience: within LOOKUP_SECONDS together.
_FIRST_TRY_SECONDS: Final = 0.8
_TRIES: Final = 2
_LONGEST_CACHED_SECONDS: Final = 30.0
_CACHED_NAMES: Final = 4096
# A dial goes to some of a name's addresses only: a name with a thousand of them shall not make us knock at all.
_MAX_DIALS: Final = 4
_ANSWERED: Final = frozenset({ARES_ENODATA, ARES_ENOTFOUND})
_SILENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: tuple[str, ...]
    until: float


class NameServers:
    """Whether our own name servers answer at all: when none does, it is no receiver's fault."""

    def __init__(self) -> None:
        self._answered_at = time.monotonic()
        self._silent: dict[str, float] = {}

    def answered(self, host: str) -> None:
        """Note an answer, also one that says there is no such name."""
        self._answered_at = time.monotonic()
        self._silent.pop(host, None)

    def timed_out(self, host: str) -> bool:
        """Note silence about a name; true when it lasts, and about several names, so that it must be ours."""
        now = time.monotonic()
        self._silent = {name: at for name, at in self._silent.items() if now - at < _SILENCE_SECONDS}
        self._silent[host] = now
        return len(self._silent) > 1 and now - self._answered_at > _SILENCE_SECONDS


class CheckedResolver(AbstractResolver):
    """Resolves for the connector, and refuses a name of whose addresses any may not be called."""

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        # Search domains are for people: a partner's name must not become one of the local network.
        flags = pycares.ARES_FLAG_NOSEARCH
        self._dns = DNSResolver(nameservers or None, timeout=_FIRST_TRY_SECONDS, tries=_TRIES, flags=flags)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[tuple[str, ...]]] = {}
        self._servers = NameServers()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Give the addresses to dial, all of them checked.

        Raises: PermissionError when one is not allowed, the trace saying why; TimeoutError; OwnFaultError; OSError.
        """
        trace = current_trace.get()
        addresses = await self.addresses(host)
        trace.resolved()
        try:
            check_addresses(addresses, target=trace.target)
        except EgressRefusedError as error:
            trace.refusal = error
            raise PermissionError("an address is not allowed") from error
        return [_result(host, address, port) for address in addresses[:_MAX_DIALS]]

    async def addresses(self, host: str) -> tuple[str, ...]:
        """All addresses of a name, from memory for at most half a minute; callers who ask at the same time share a look-up."""
        known = self._known.get(host)
        if known is not None and known.until > time.monotonic():
            return known.addresses
        task = self._under_way.get(host)
        if task is None:
            task = self._under_way[host] = asyncio.create_task(self._look_up(host))
            task.add_done_callback(lambda done: self._ended(host, done))
        # A caller that gives up must not take the look-up from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End every look-up."""
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._dns.close()

    async def _look_up(self, host: str) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await self._dns.getaddrinfo(host, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        except (DNSError, TimeoutError) as error:
            raise self._failure(host, error) from error
        self._servers.answered(host)
        addresses = tuple(dict.fromkeys(_text(node.addr[0]) for node in found.nodes))
        ttl = min((node.ttl for node in found.nodes), default=0)
        self._remember(host, addresses, ttl)
        return addresses

    def _ended(self, host: str, task: "asyncio.Task[tuple[str, ...]]") -> None:
        self._under_way.pop(host, None)
        if not task.cancelled():
            task.exception()  # looked at, should nobody be waiting any more

    def _failure(self, host: str, error: Exception) -> Exception:
        code = error.args[0] if isinstance(error, DNSError) and error.args else None
        if code == ARES_ECONNREFUSED:
            return OwnFaultError("no name server can be reached")
        if isinstance(error, TimeoutError) or code == ARES_ETIMEOUT:
            if self._servers.timed_out(host):
                return OwnFaultError("no name server answers")
            return TimeoutError("the look-up took too long")
        if code in _ANSWERED:
            self._servers.answered(host)
        return OSError("the name was not found")

    def _remember(self, host: str, addresses: tuple[str, ...], ttl: int) -> None:
        seconds = min(float(ttl), _LONGEST_CACHED_SECONDS)
        self._known[host] = _Known(addresses, time.monotonic() + seconds)
        self._known.move_to_end(host)
        if len(self._known) > _CACHED_NAMES:
            self._known.popitem(last=False)


def _text(address: str | bytes) -> str:
    return address.decode("ascii") if isinstance(address, bytes) else address


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )
