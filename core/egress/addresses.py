"""Which network addresses are public: stricter than `ipaddress.is_global`, and blind to no form that carries a v4 inside."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from core.net import IpAddress, IpNetwork

# Ranges CPython calls global (some of them in some versions only), but where no partner's server can stand.
_NEVER_PUBLIC: Final[tuple[IpNetwork, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # a cloud's own host agent, reachable from every machine in it
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata service among them
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # v4-compatible
        "64:ff9b:1::/48",  # local NAT64
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")


def canonical(address: IpAddress) -> IpAddress:
    """The address a packet really goes to: the v4 inside a mapped v6."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: IpAddress) -> bool:
    """Tell whether anyone's server may stand at this address; what a NAT64 address stands for is looked at as well."""
    real = canonical(address)
    if isinstance(real, ipaddress.IPv6Address):
        if real.scope_id is not None:
            return False
        if real in _NAT64:
            return is_public(ipaddress.IPv4Address(int(real) & 0xFFFFFFFF))
    if is_nobodys(real) or real.is_link_local or real.is_private or real.is_reserved:
        return False
    return real.is_global and not any(real in network for network in _NEVER_PUBLIC)


def is_nobodys(address: IpAddress) -> bool:
    """Tell whether no single server can stand at this address, whatever networks an operator has opened."""
    real = canonical(address)
    return real.is_unspecified or real.is_multicast or real == _BROADCAST


def is_listed(address: IpAddress, networks: Sequence[str]) -> bool:
    """Tell whether an operator has opened this address by listing its network."""
    real = canonical(address)
    if is_nobodys(real) or getattr(real, "scope_id", None) is not None:
        return False
    return any(real in network for network in _parsed(tuple(networks)))


@lru_cache(maxsize=16)
def _parsed(networks: tuple[str, ...]) -> tuple[IpNetwork, ...]:
    return tuple(ipaddress.ip_network(text) for text in networks)
