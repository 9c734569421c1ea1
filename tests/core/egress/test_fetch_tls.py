"""TLS on the way out: the certificate must be the name's, from an authority the system knows, and current."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from core.egress.fetch import EgressFailedError, FetchLimits, fetch, tls_context
from core.egress.policy import EgressReason
from tests.core.egress.hosts import OK, Authority, host, say


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Authority]:
    """An authority the system trusts; every name below .example is this machine."""
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _name, port, **kwargs: real("127.0.0.1", port, **kwargs))
    tls_context.cache_clear()
    yield made
    tls_context.cache_clear()


def test_the_name_is_sent_and_its_certificate_accepted(authority: Authority) -> None:
    context, seen = authority.server("keys.partner.example"), []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    with host(say(OK), tls=context) as there:
        url = there.url(name="keys.partner.example", scheme="https")
        assert fetch(url).body == b"hi"
    assert seen == ["keys.partner.example"]


def test_address_with_a_certificate_of_its_own(authority: Authority) -> None:
    with host(say(OK), tls=authority.server("127.0.0.1")) as there:
        assert fetch(there.url(scheme="https")).status == 200


@pytest.mark.parametrize("case", ["another name", "expired", "unknown authority", "old protocol", "no TLS"])
def test_certificate_that_proves_nothing_is_refused(authority: Authority, tmp_path: Path, case: str) -> None:
    context: Any = authority.server("keys.partner.example")
    if case == "another name":
        context = authority.server("keys.other.example")
    if case == "expired":
        context = authority.server("keys.partner.example", is_expired=True)
    if case == "unknown authority":
        (tmp_path / "other").mkdir()
        context = Authority(tmp_path / "other").server("keys.partner.example")
    if case == "old protocol":
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    with host(say(OK), tls=None if case == "no TLS" else context) as there:
        with pytest.raises(EgressFailedError) as failed:
            fetch(there.url(name="keys.partner.example", scheme="https"), limits=FetchLimits(total_seconds=1))
        heads = there.heads
    assert failed.value.reason in (EgressReason.TLS, EgressReason.TIMEOUT)
    assert not any(head.startswith(b"GET") for head in heads)


def test_handshake_that_never_ends_is_given_up(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(EgressFailedError) as failed:
            fetch(f"https://keys.partner.example:{silent.getsockname()[1]}/", limits=FetchLimits(total_seconds=0.3))
        assert time.monotonic() - began < 2
    assert failed.value.reason is EgressReason.TIMEOUT
