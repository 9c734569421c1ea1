"""A service for many journeys, and the parties that meet there."""

from typing import TYPE_CHECKING

import pytest

from tests.databases import django_at
from tests.factories import make_key
from tests.journeys.parties import SETUP, Backend, Page
from tests.servers import LiveService, StartService

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

PATIENT = {"REDEEM_FAILURES_PER_MINUTE": "100000"}


@pytest.fixture(scope="session")
def service(shared_service: StartService) -> LiveService:
    """Two workers, so that nothing that holds in one process only can pass."""
    return shared_service(workers=2, env=PATIENT)


@pytest.fixture
def backend(service: LiveService, django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Backend:
    """A partner of the test's own, with one user."""
    with django_db_blocker.unblock(), django_at(service.database_url):
        issued = make_key()
    made = Backend(service.base_url, str(issued.key.partner_id), issued.key.kid, issued.plaintext)
    assert made.call("POST", "/v1/organizations/setup", SETUP).status == 201
    return made


@pytest.fixture
def page(backend: Backend) -> Page:
    return Page(backend)
