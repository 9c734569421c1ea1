"""The list of GitHub's keys over a real socket: fetched seldom, renewed, and kept while it cannot be had."""

import json
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from core.errors import ServiceUnavailableError
from surfaces.leaks.github_keys import FETCH_EVERY_SECONDS, FRESH_SECONDS, STALE_SECONDS, KeyCache
from tests.core.egress.hosts import host, say
from tests.leaks.github import IDENTIFIER, Github, published
from tests.surfaces.players.key_hosts import Failing, Gate, serve

OTHER = "b" * 64
ERROR = b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def test_one_fetch_serves_for_half_an_hour() -> None:
    github, clock = Github(), Clock()
    with published(github) as there:
        cache = KeyCache(there.url(), clock=clock)
        assert all(cache.find(IDENTIFIER) for _ in range(5))
        clock.now += FRESH_SECONDS - 1
        assert cache.find(IDENTIFIER)
        assert github.calls == 1
        clock.now += 2
        assert cache.find(IDENTIFIER)
        assert github.calls == 2


def test_an_unknown_id_has_the_list_fetched_once_a_minute_at_most() -> None:
    github, clock = Github(), Clock()
    with published(github) as there:
        cache = KeyCache(there.url(), clock=clock)
        assert [cache.find(OTHER) for _ in range(20)] == [None] * 20
        assert github.calls == 1
        clock.now += FETCH_EVERY_SECONDS
        github.identifier = OTHER
        assert cache.find(OTHER)
        assert cache.find(IDENTIFIER) is None
        assert github.calls == 2


def test_held_keys_serve_for_a_day_while_the_list_cannot_be_had() -> None:
    clock = Clock()
    there_or_not = Failing(serve(Github().document), say(ERROR))
    with host(there_or_not) as there:
        cache = KeyCache(there.url(), clock=clock)
        assert cache.find(IDENTIFIER)
        there_or_not.is_up = False
        clock.now += STALE_SECONDS - 1
        assert cache.find(IDENTIFIER)
        with pytest.raises(ServiceUnavailableError):
            cache.find(OTHER)
        clock.now += 2
        with pytest.raises(ServiceUnavailableError):
            cache.find(IDENTIFIER)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"public_keys": {}}', b'{"public_keys": [1, {}, {"key": 1}]}', b"x" * 70_000]
)
def test_a_list_that_holds_nothing_counts_as_none(document: bytes) -> None:
    with host(serve(lambda: document)) as there, pytest.raises(ServiceUnavailableError):
        KeyCache(there.url(), clock=Clock()).find(IDENTIFIER)


def test_keys_that_cannot_be_used_are_left_out() -> None:
    good, other_curve = Github(), Github(OTHER, curve=ec.SECP384R1())
    entries = [other_curve.entry(), {"key_identifier": "c", "key": "-----BEGIN x"}, good.entry()]
    with host(serve(lambda: json.dumps({"public_keys": entries}).encode())) as there:
        cache = KeyCache(there.url(), clock=Clock())
        assert cache.find(IDENTIFIER)
        assert cache.find(OTHER) is None
        assert cache.find("c") is None


def test_nobody_queues_behind_a_fetch() -> None:
    gate = Gate(serve(Github().document))
    with host(gate) as there:
        cache = KeyCache(there.url(), clock=Clock())
        found: list[object] = []
        first = threading.Thread(target=lambda: found.append(cache.find(IDENTIFIER)))
        first.start()
        gate.asked.wait(10)
        with pytest.raises(ServiceUnavailableError):
            cache.find(IDENTIFIER)
        gate.opened.set()
        first.join(10)
        assert found[0] is not None
        assert there.connections == 1
