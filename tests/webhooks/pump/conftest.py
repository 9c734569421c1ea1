"""What the pump's tests share."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.webhooks.pump.sink import Sink, running_sink


@pytest.fixture(autouse=True)
def _loopback_is_listed(settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.PUBLIC_BASE_URL = settings.EMBED_BASE_URL = "https://auth.sticker.example"
    settings.WEBHOOK_MAX_ENDPOINTS = 1000


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver."""
    with running_sink() as made:
        yield made
