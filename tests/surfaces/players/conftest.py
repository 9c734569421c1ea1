"""What the tests of player tokens share: a loopback that may be called, and shops that are closed at the end."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from surfaces.players import held_keys
from tests.core.egress.hosts import Answer
from tests.surfaces.players.shops import OpenShop, Shop


@pytest.fixture(autouse=True)
def _loopback_is_listed(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture(autouse=True)
def _nothing_asked_for_yet() -> None:
    """Forget what this process asked key sets for in other tests."""
    held_keys._not_before.clear()
    held_keys._unknown.clear()


@pytest.fixture
def open_shop() -> Iterator[OpenShop]:
    """Open shops whose key set a given answer serves."""
    opened: list[Shop] = []

    def make(answer: Answer) -> Shop:
        opened.append(Shop(answer))
        return opened[-1]

    yield make
    for shop in opened:
        shop.there.close()
