"""Addresses and networks, v4 and v6."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.net import client_address, is_allowed, network_of, parse_networks

ADDRESSES = st.ip_addresses().map(str)


@given(ADDRESSES)
def test_an_address_lies_in_the_network_kept_of_it(address: str) -> None:
    network = ipaddress.ip_network(network_of(address))
    assert ipaddress.ip_address(address) in network
    assert network.prefixlen in (24, 48)


@given(ADDRESSES)
def test_an_empty_list_allows_every_address(address: str) -> None:
    assert is_allowed(address, [])


@given(ADDRESSES, st.integers(0, 32))
def test_an_address_is_allowed_by_every_network_around_it(address: str, bits: int) -> None:
    assert is_allowed(address, parse_networks([str(ipaddress.ip_network(f"{address}/{bits}", strict=False))]))


@pytest.mark.parametrize(
    ("address", "networks", "is_in"),
    [
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("11.0.0.0", ["10.0.0.0/8"], False),
        ("10.1.2.3", ["192.168.0.0/16", "10.1.2.3/32"], True),
        ("2001:db8::1", ["2001:db8::/32"], True),
        ("2001:db9::1", ["2001:db8::/32"], False),
        ("10.1.2.3", ["::/0"], False),
        ("2001:db8::1", ["0.0.0.0/0"], False),
        (None, ["0.0.0.0/0", "::/0"], False),
        (None, [], True),
    ],
)
def test_membership(address: str | None, networks: list[str], is_in: bool) -> None:
    assert is_allowed(address, networks) is is_in


def test_networks_are_normalised_and_stand_once() -> None:
    given_texts = [" 10.0.0.0/8 ", "10.0.0.0/255.0.0.0", "192.0.2.7", "2001:DB8:0::/32"]
    assert parse_networks(given_texts) == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "10.0.0.0/33", "fe80::1%eth0/64", "010.0.0.0/8", "example.com", "", "10.0.0.0/8/8"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_networks([text])


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "address"),
    [
        ("192.0.2.1", "", 0, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", 0, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", 1, "203.0.113.9"),
        ("192.0.2.1", "6.6.6.6, 203.0.113.9", 1, "203.0.113.9"),
        ("192.0.2.1", "6.6.6.6, 203.0.113.9, 198.51.100.1", 2, "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9", 2, None),
        ("192.0.2.1", "", 1, None),
        ("192.0.2.1", "unknown", 1, None),
        ("192.0.2.1", "203.0.113.9:4711", 1, None),
        ("::ffff:192.0.2.1", "", 0, "192.0.2.1"),
        ("2001:DB8::1", "", 0, "2001:db8::1"),
        ("fe80::1%eth0", "", 0, "fe80::1"),
        ("", "", 0, None),
    ],
)
def test_the_caller_is_whom_the_trusted_proxies_saw(peer: str, forwarded: str, hops: int, address: str | None) -> None:
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(environ, trusted_hops=hops) == address


def test_an_unknown_address_has_no_network() -> None:
    assert network_of(None) == ""
