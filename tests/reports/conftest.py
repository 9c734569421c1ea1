"""What the tests of reports share."""

import pytest

from tests.webhooks.conftest import Backend, make_backend


@pytest.fixture
def backend(db: None) -> Backend:
    """A partner's backend in the test environment."""
    return make_backend()
