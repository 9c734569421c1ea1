"""Addresses and networks: the caller's address behind counted proxies, allow-lists, and how far an address is kept."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

IPV4_KEPT_BITS: Final = 24
IPV6_KEPT_BITS: Final = 48

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(environ: Mapping[str, object], *, trusted_hops: int) -> str | None:
    """The address of the caller: the peer's, or with N trusted proxies the N-th entry from the right of X-Forwarded-For.

    An entry that is not an address, or a list that is too short, yields None: nobody may choose their own address. The zone
    of a link-local address means something to that machine alone and is left out.
    """
    peer = str(environ.get("REMOTE_ADDR", ""))
    if trusted_hops == 0:
        return _canonical(peer)
    hops = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    return _canonical(hops[-trusted_hops].strip()) if len(hops) >= trusted_hops else None


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    try:
        return str(_unmapped(ipaddress.ip_address(text.partition("%")[0])))
    except ValueError:
        return None


def _unmapped(address: IpAddress) -> IpAddress:
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def parse_networks(texts: Iterable[str]) -> list[str]:
    """Normalise CIDR networks or single addresses, v4 and v6, in the order given, each once.

    Raises: ValueError naming the first text that is not a network, or that has bits set beyond its prefix.
    """
    result: dict[str, None] = {}
    for text in texts:
        result[str(ipaddress.ip_network(text.strip(), strict=True))] = None
    return list(result)


def is_allowed(address: str | None, networks: Sequence[str]) -> bool:
    """Tell whether an address lies in any of the networks; an empty list allows every address, unknown ones too."""
    if not networks:
        return True
    if address is None:
        return False
    return _within(address, tuple(networks))


@lru_cache(maxsize=8192)
def _within(address: str, networks: tuple[str, ...]) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(text) for text in networks)


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str:
    """The /24 or /48 an address belongs to: what may be kept for long, and what refusals are counted by."""
    if address is None:
        return ""
    bits = IPV4_KEPT_BITS if ipaddress.ip_address(address).version == 4 else IPV6_KEPT_BITS
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
