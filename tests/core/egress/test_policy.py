"""Where a URL may lead: every notation of an address, every range, our own hosts, ports, names."""

import socket

import pytest
from pytest_django import Settings

from core.egress.policy import EgressReason, EgressRefusedError, Target, check_address, check_addresses, check_url

PARTNER = Target("https", "partner.example", 443, "/")

NOT_PUBLIC = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "shared": ["100.64.0.1", "100.100.100.200"],
    "link local": ["169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0"],
    "site local": ["fec0::1"],
    "metadata": ["168.63.129.16", "192.0.0.192", "192.0.0.8"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmark": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "5f00::1", "100::1"],
    "relays": ["192.88.99.1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:0"],
    "compatible": ["::127.0.0.1", "::8.8.8.8"],
    "6to4": ["2002:7f00:1::", "2002:a00:1::", "2002:808:808::"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"],
    "no address": ["", "localhost", "127.1", "0x7f000001"],
}


@pytest.mark.parametrize("address", [address for group in NOT_PUBLIC.values() for address in group])
def test_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_address(address, target=PARTNER)
    assert refused.value.reason is EgressReason.ADDRESS


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_public_address_is_allowed(address: str) -> None:
    check_address(address, target=PARTNER)


# Each of these is taken for an address by some resolver, library or proxy.
ODD_NOTATIONS = [
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.0x1",
    "127.0.0.01",
    "0127.0.0.1",
    "127.0.0.1.1",
    "1.2.3",
    "1.2.3.256",
    "4294967296",
    "8.8.8.010",
    "134744072",
    "0x",
    "foo.0x7f",
    "foo.127",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "\uff18.\uff18.\uff18.\uff18",
    "[::1",
    "[fe80::1%25eth0]",
    "[v1.x]",
    "[127.0.0.1]",
    "[::ffff:7f00:1.]",
]


@pytest.mark.parametrize("notation", ODD_NOTATIONS)
def test_address_in_odd_notation_is_refused(notation: str) -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_url(f"https://{notation}/hook")
    assert refused.value.reason in (EgressReason.HOST, EgressReason.BAD_URL)


@pytest.mark.parametrize(
    "literal",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "169.254.169.254",
        "10.1.2.3",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fd00:ec2::254]",
    ],
)
def test_literal_address_is_checked_with_its_url(literal: str) -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_url(f"https://{literal}/hook")
    assert refused.value.reason in (EgressReason.ADDRESS, EgressReason.OWN_HOST)


def test_odd_notations_that_the_system_takes_for_loopback_never_pass(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["10.0.0.0/8"]
    taken = []
    for notation in ODD_NOTATIONS:
        try:
            found = socket.getaddrinfo(notation, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            continue
        taken.append(str(found[0][4][0]))
        with pytest.raises(EgressRefusedError):
            check_url(f"https://{notation}/")
    assert taken.count("127.0.0.1") >= 6


BAD_URLS = [
    ("", EgressReason.BAD_URL),
    ("https://", EgressReason.BAD_URL),
    ("https:///path", EgressReason.BAD_URL),
    ("//partner.example/", EgressReason.SCHEME),
    ("partner.example", EgressReason.BAD_URL),
    ("https://partner.example/#x", EgressReason.BAD_URL),
    ("https://partner.example/a b", EgressReason.BAD_URL),
    ("https://partner.example/\r\nX: y", EgressReason.BAD_URL),
    ("https://partner.example\\@evil.example/", EgressReason.BAD_URL),
    ("https://partner.example/%zz", EgressReason.BAD_URL),
    ("https://partner.example/é", EgressReason.BAD_URL),
    ("https://partner.example:99999/", EgressReason.BAD_URL),
    ("https://partner.example:x/", EgressReason.BAD_URL),
    ("https://partner.example/" + "a" * 2048, EgressReason.BAD_URL),
    ("http://partner.example/", EgressReason.SCHEME),
    ("ftp://partner.example/", EgressReason.SCHEME),
    ("file://partner.example/etc/passwd", EgressReason.SCHEME),
    ("gopher://partner.example/", EgressReason.SCHEME),
    ("https://user@partner.example/", EgressReason.USERINFO),
    ("https://user:secret@partner.example/", EgressReason.USERINFO),
    ("https://@partner.example/", EgressReason.USERINFO),
    ("https://partner.example:0/", EgressReason.PORT),
    ("https://partner.example:/", EgressReason.PORT),
    ("https://partner.example:22/", EgressReason.PORT),
    ("https://partner.example:80/", EgressReason.PORT),
    ("https://partner.example:1023/", EgressReason.PORT),
    ("https://-partner.example/", EgressReason.HOST),
    ("https://partner..example/", EgressReason.HOST),
    ("https://partner.example../", EgressReason.HOST),
    ("https://./", EgressReason.HOST),
    ("https://" + "a" * 64 + ".example/", EgressReason.HOST),
    ("https://" + "a." * 130 + "example/", EgressReason.HOST),
    ("https://par!tner.example/", EgressReason.HOST),
    ("https://%6cocalhost/", EgressReason.HOST),
    ("https://xn--.\u00e9/", EgressReason.HOST),
    ("https://a\u200db.example/", EgressReason.HOST),
]


@pytest.mark.parametrize(("url", "reason"), BAD_URLS)
def test_url_that_no_address_could_save_is_refused(url: str, reason: EgressReason) -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_url(url)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://partner.example", "https://partner.example/"),
        ("HTTPS://Partner.EXAMPLE:443/Hook?a=B", "https://partner.example/Hook?a=B"),
        ("https://partner.example.:8443/x", "https://partner.example:8443/x"),
        ("https://hook_1.partner.example:65535/", "https://hook_1.partner.example:65535/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER。example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700:0::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
    ],
)
def test_good_url_has_one_normal_form(url: str, normal: str) -> None:
    target = check_url(url)
    assert target.url == normal
    assert check_url(target.url) == target


def test_one_private_address_among_public_ones_refuses_the_call() -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_addresses(["8.8.8.8", "2606:4700::1111", "10.0.0.5"], target=PARTNER)
    assert refused.value.reason is EgressReason.ADDRESS


def test_name_without_address_is_refused() -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_addresses([], target=PARTNER)
    assert refused.value.reason is EgressReason.DNS


def test_listed_network_opens_plain_http_and_any_port_there_only(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd00:1::/32"]
    check_url("http://10.1.2.3:81/hook")
    check_url("http://[fd00:1::5]:81/hook")
    check_url("https://[::ffff:10.1.2.3]/hook")
    named = check_url("http://partner.example:81/hook")
    check_address("10.1.2.3", target=named)
    for address, reason in (("10.2.0.1", EgressReason.ADDRESS), ("8.8.8.8", EgressReason.SCHEME)):
        with pytest.raises(EgressRefusedError) as refused:
            check_address(address, target=named)
        assert refused.value.reason is reason
    with pytest.raises(EgressRefusedError) as refused:
        check_address("8.8.8.8", target=check_url("https://partner.example:81/"))
    assert refused.value.reason is EgressReason.PORT


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])
def test_listing_everything_does_not_open_what_is_nobodys(settings: Settings, address: str) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["0.0.0.0/0", "::/0"]
    with pytest.raises(EgressRefusedError):
        check_address(address, target=PARTNER)


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.sticker.example/v1",
        "https://AUTH.sticker.example./v1",
        "https://auth.sticker.example:8443/v1",
        "https://embed.sticker.example/",
        "https://api.sticker.example/",
        "https://any.shops.example/",
        "https://shops.example/",
        "https://auth.sticker。example/",
    ],
)
def test_own_hosts_are_refused(settings: Settings, url: str) -> None:
    settings.PUBLIC_BASE_URL = "https://auth.sticker.example"
    settings.EMBED_BASE_URL = "https://embed.sticker.example"
    settings.ALLOWED_HOSTS = ["api.sticker.example", ".shops.example"]
    with pytest.raises(EgressRefusedError) as refused:
        check_url(url)
    assert refused.value.reason is EgressReason.OWN_HOST


def test_neighbour_on_own_host_is_reachable_in_a_listed_network(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = settings.EMBED_BASE_URL = "http://127.0.0.1:8000"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    check_url("http://127.0.0.1:9000/hook")
    check_address("::1", target=check_url("http://localhost:9000/hook"))
    rebound = check_url("http://partner.example:8000/")
    for url in ("http://127.0.0.1:8000/", "http://localhost:8000/", "http://127.0.0.2:8000/", "http://[::1]:8000/"):
        with pytest.raises(EgressRefusedError) as refused:
            check_url(url)
        assert refused.value.reason is EgressReason.OWN_HOST
    with pytest.raises(EgressRefusedError) as refused:
        check_address("127.0.0.1", target=rebound)
    assert refused.value.reason is EgressReason.OWN_HOST


def test_refusal_names_no_address() -> None:
    with pytest.raises(EgressRefusedError) as refused:
        check_address("10.20.30.40", target=PARTNER)
    assert "10.20" not in str(refused.value)
