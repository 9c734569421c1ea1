"""What the sync's tests share."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.organizations.oauth.provider import Provider, running_provider
from tests.organizations.oauth.world import World, make_world


@pytest.fixture(autouse=True)
def loopback_is_listed(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def world(db: None, provider: Provider) -> World:
    return make_world(provider)
