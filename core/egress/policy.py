"""Where a URL that a partner gave us may lead: decided on the URL, and again on every address it resolves to.

Both doors (`core.egress.fetch` and the webhook pump's) call `check_url` once, then `check_address` with each address that
the name resolves to and with the very address they dial. A public address is reached over verified TLS only, so that a
name which points at this service's own public address fails there: the certificate is not that name's.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import idna
from django.conf import settings

from core.egress.addresses import canonical, is_listed, is_public
from core.net import IpAddress

MAX_URL_CHARS: Final = 2048
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOW_PORTS: Final = frozenset({443, 8443})
_FIRST_HIGH_PORT: Final = 1024
# Visible ASCII as RFC 3986 has it, and above it what may stand in an internationalised host name.
_SAFE: Final = re.compile(r"[!#-;=?-\[\]_a-z~\u0080-\U0010ffff]+")
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# A host whose last label is a number is an address to every resolver, in whatever notation.
_NUMBER_AT_END: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class EgressReason(StrEnum):
    """Why a call was refused, or failed."""

    BAD_URL = "bad_url"
    SCHEME = "scheme"
    USERINFO = "userinfo"
    HOST = "host"
    PORT = "port"
    OWN_HOST = "own_host"
    ADDRESS = "address"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"


MEANINGS: Final[dict[EgressReason, str]] = {
    EgressReason.BAD_URL: "This is not an absolute URL of at most 2048 characters without a fragment.",
    EgressReason.SCHEME: "Only https is called. (Plain http goes to networks in EGRESS_ALLOWED_NETWORKS only.)",
    EgressReason.USERINFO: "The URL carries a user name or password.",
    EgressReason.HOST: "The host is not a name, nor an address in its usual notation.",
    EgressReason.PORT: "The port must be 443, 8443, or 1024 and above.",
    EgressReason.OWN_HOST: "The URL leads back to this service.",
    EgressReason.ADDRESS: "The host is not on the public internet.",
    EgressReason.DNS: "The host name does not resolve.",
    EgressReason.CONNECT: "The host does not accept the connection.",
    EgressReason.TLS: "The host's certificate or TLS version is not acceptable.",
    EgressReason.TIMEOUT: "The host takes too long to answer.",
    EgressReason.PROTOCOL: "The host does not answer in HTTP.",
    EgressReason.TOO_LARGE: "The answer is larger than allowed.",
}


class EgressRefusedError(Exception):
    """A destination that is never called. The text names no address: it may be shown to the partner who gave the URL."""

    def __init__(self, reason: EgressReason) -> None:
        super().__init__(MEANINGS[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """Where a checked URL leads. `host` is an A-label or an address without brackets; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str
    address: IpAddress | None = None

    @property
    def authority(self) -> str:
        """The `Host` header: the port is left out where it is the scheme's own."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"

    @property
    def url(self) -> str:
        """The URL in its normal form."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"


def check_url(url: str) -> Target:
    """Take a URL apart and refuse what no address could make acceptable; an address in it is checked at once.

    Raises: EgressRefusedError with the first thing that is wrong.
    """
    if not 0 < len(url) <= MAX_URL_CHARS or not _SAFE.fullmatch(url) or "#" in url or _PERCENT.search(url):
        raise EgressRefusedError(EgressReason.BAD_URL)
    target = _taken_apart(url)
    is_rescuable = bool(settings.EGRESS_ALLOWED_NETWORKS)
    if target.scheme == "http" and not is_rescuable:
        raise EgressRefusedError(EgressReason.SCHEME)
    if not _is_usual_port(target.port) and not is_rescuable:
        raise EgressRefusedError(EgressReason.PORT)
    if _is_own_name(target.host) and (target.port in _own().ports or not is_rescuable):
        raise EgressRefusedError(EgressReason.OWN_HOST)
    if target.address is not None:
        check_address(str(target.address), target=target)
    return target


def check_address(address: str, *, target: Target) -> None:
    """Decide on one address the target resolves to, or is about to be dialled at.

    Raises: EgressRefusedError.
    """
    try:
        ip = canonical(ipaddress.ip_address(address))
    except ValueError as error:
        raise EgressRefusedError(EgressReason.ADDRESS) from error
    if is_listed(ip, settings.EGRESS_ALLOWED_NETWORKS):
        if target.port in _own().ports and _is_own_address(ip):
            raise EgressRefusedError(EgressReason.OWN_HOST)
        return
    if not is_public(ip):
        raise EgressRefusedError(EgressReason.ADDRESS)
    if _is_own_name(target.host):
        raise EgressRefusedError(EgressReason.OWN_HOST)
    if target.scheme != "https":
        raise EgressRefusedError(EgressReason.SCHEME)
    if not _is_usual_port(target.port):
        raise EgressRefusedError(EgressReason.PORT)


def check_addresses(addresses: Sequence[str], *, target: Target) -> None:
    """Decide on all addresses a name resolves to: one that is not allowed refuses the call.

    Raises: EgressRefusedError.
    """
    if not addresses:
        raise EgressRefusedError(EgressReason.DNS)
    for address in addresses:
        check_address(address, target=target)


def _taken_apart(url: str) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EgressRefusedError(EgressReason.BAD_URL) from error
    if not parts.netloc or not (parts.path + parts.query).isascii():
        raise EgressRefusedError(EgressReason.BAD_URL)
    if parts.scheme not in _DEFAULT_PORTS:
        raise EgressRefusedError(EgressReason.SCHEME)
    if "@" in parts.netloc:
        raise EgressRefusedError(EgressReason.USERINFO)
    if port == 0 or parts.netloc.endswith(":"):
        raise EgressRefusedError(EgressReason.PORT)
    host, address = _host(parts.hostname or "", is_bracketed="[" in parts.netloc)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], path, address)


def _host(text: str, *, is_bracketed: bool) -> tuple[str, IpAddress | None]:
    if is_bracketed:
        return _literal(text, ipaddress.IPv6Address)
    name = text.removesuffix(".")
    if not name.isascii():
        name = _a_label(name)
    elif _NUMBER_AT_END.fullmatch(name):
        return _literal(name, ipaddress.IPv4Address)
    if not _NAME.fullmatch(name) or _NUMBER_AT_END.fullmatch(name):
        raise EgressRefusedError(EgressReason.HOST)
    return name, None


def _literal(text: str, kind: type[IpAddress]) -> tuple[str, IpAddress]:
    # Decimal, octal, hexadecimal and shortened forms mean different things to different readers: only the usual one passes.
    try:
        address = kind(text)
    except ValueError as error:
        raise EgressRefusedError(EgressReason.HOST) from error
    if getattr(address, "scope_id", None) is not None:
        raise EgressRefusedError(EgressReason.HOST)
    return str(address), address


def _a_label(name: str) -> str:
    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii").lower().removesuffix(".")
    except (idna.IDNAError, UnicodeError) as error:
        raise EgressRefusedError(EgressReason.HOST) from error


def _is_usual_port(port: int) -> bool:
    return port in _LOW_PORTS or port >= _FIRST_HIGH_PORT


@dataclass(frozen=True, slots=True)
class _Own:
    """How this service is reached."""

    names: frozenset[str]
    suffixes: tuple[str, ...]
    ports: frozenset[int]


def _own() -> _Own:
    return _read_own(settings.PUBLIC_BASE_URL, settings.EMBED_BASE_URL, tuple(settings.ALLOWED_HOSTS))


@lru_cache(maxsize=16)
def _read_own(public: str, embed: str, allowed: tuple[str, ...]) -> _Own:
    bases = [urlsplit(public), urlsplit(embed)]
    names = {(base.hostname or "").lower() for base in bases}
    names |= {host.strip("[]").lower() for host in allowed if host != "*" and not host.startswith(".")}
    suffixes = tuple(host.lower() for host in allowed if host.startswith("."))
    ports = frozenset(base.port or _DEFAULT_PORTS.get(base.scheme, 443) for base in bases)
    return _Own(frozenset(names), suffixes, ports)


def _is_own_name(host: str) -> bool:
    own = _own()
    return host in own.names or f".{host}".endswith(own.suffixes or ("\x00",))


def _is_own_address(address: IpAddress) -> bool:
    names = _own().names
    is_here = "localhost" in names or any(_is_loopback(name) for name in names)
    return str(address) in names or (address.is_loopback and is_here)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
