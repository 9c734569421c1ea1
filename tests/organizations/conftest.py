"""What the setup tests share."""

import pytest

from tests.organizations.backend import Backend, make_backend


@pytest.fixture
def backend(db: None) -> Backend:
    return make_backend()
