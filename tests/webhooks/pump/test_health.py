"""What follows from an endpoint's troubles: warnings, an end after days, and good news; each once, and each told."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models.functions import Now
from pytest_django import Settings

from audit.models import Event
from core.principals import SYSTEM
from partners.models import ContactRole, PartnerContact
from tests.webhooks.pump.world import endpoint_row, open_endpoint, queue, states
from webhooks.models import Endpoint
from webhooks.services.endpoints import enable_endpoint, pause_endpoint
from webhooks.services.health import DISABLED_FAILURES, review_endpoints

pytestmark = pytest.mark.django_db


def failing_for(hours: float, *, failures: int = 30, last_hours_ago: float = 0.1) -> Endpoint:
    """An endpoint whose last deliveries all failed."""
    endpoint = open_endpoint("http://127.0.0.1:20000/hook?token=hidden")
    Endpoint.objects.filter(pk=endpoint.pk).update(
        failing_since=Now() - timedelta(hours=hours),
        last_failure_at=Now() - timedelta(hours=last_hours_ago),
        consecutive_failures=failures,
        cap=1,
    )
    return endpoint_row(endpoint.pk)


def told(endpoint: Endpoint) -> list[str]:
    """What the ledger says of an endpoint's health."""
    kinds = ("endpoint.failing", "endpoint.disabled", "endpoint.recovered")
    return list(Event.objects.filter(subject_id=str(endpoint.pk), type__in=kinds).order_by("id").values_list("type", flat=True))


@pytest.fixture
def mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example"


def test_partner_is_warned_after_one_day_and_after_three_and_once_each() -> None:
    endpoint = failing_for(25)
    for _ in range(2):
        review_endpoints()
    assert told(endpoint) == ["endpoint.failing"]
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=Now() - timedelta(hours=73))
    for _ in range(2):
        review_endpoints()
    assert told(endpoint) == ["endpoint.failing"] * 2
    assert [event.data["hours"] for event in Event.objects.filter(type="endpoint.failing").order_by("id")] == [24, 72]


def test_hours_of_trouble_are_nobodys_business_yet() -> None:
    endpoint = failing_for(23)
    review_endpoints()
    assert told(endpoint) == []


def test_endpoint_is_disabled_after_five_days_and_what_waits_is_kept() -> None:
    endpoint = failing_for(5 * 24 + 1)
    queue(endpoint, 3)
    review_endpoints()
    row = endpoint_row(endpoint.pk)
    assert row.disabled_reason == "failing"
    assert states(endpoint) == {"parked": 3}
    assert "endpoint.disabled" in told(endpoint)
    review_endpoints()
    assert told(endpoint).count("endpoint.disabled") == 1


@pytest.mark.parametrize(
    "case",
    [
        {"hours": 4.9 * 24},
        {"hours": 6 * 24, "failures": DISABLED_FAILURES - 1},
        {"hours": 6 * 24, "last_hours_ago": 6 * 24 - 11},
    ],
    ids=["too short", "too few", "all at once"],
)
def test_trouble_that_is_too_little_disables_nothing(case: dict[str, float]) -> None:
    endpoint = failing_for(
        case["hours"], failures=int(case.get("failures", 30)), last_hours_ago=case.get("last_hours_ago", 0.1)
    )
    review_endpoints()
    assert endpoint_row(endpoint.pk).disabled_at is None


def test_good_news_is_told_to_whoever_was_warned() -> None:
    endpoint = failing_for(25)
    review_endpoints()
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, consecutive_failures=0, last_success_at=Now())
    for _ in range(2):
        review_endpoints()
    assert told(endpoint) == ["endpoint.failing", "endpoint.recovered"]


def test_enabling_begins_anew() -> None:
    endpoint = failing_for(6 * 24)
    review_endpoints()
    enable_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    row = endpoint_row(endpoint.pk)
    assert (row.failing_since, row.consecutive_failures, row.cap, row.warned_hours) == (None, 0, None, 0)
    review_endpoints()
    assert endpoint_row(endpoint.pk).disabled_at is None
    assert "endpoint.recovered" not in told(endpoint)


def test_paused_endpoint_is_neither_warned_of_nor_disabled() -> None:
    endpoint = failing_for(6 * 24)
    pause_endpoint(endpoint.pk, reason="", actor=SYSTEM)
    review_endpoints()
    assert told(endpoint) == []


@pytest.mark.usefixtures("mail_server")
def test_technical_contacts_are_told_by_mail_without_the_urls_secrets() -> None:
    endpoint = failing_for(25)
    for role in (ContactRole.TECHNICAL, ContactRole.BUSINESS):
        PartnerContact.objects.create(partner_id=endpoint.partner_id, name="A", email=f"{role}@shop.example", role=role)
    review_endpoints()
    [warning] = mail.outbox
    assert warning.to == ["technical@shop.example"]
    assert str(endpoint.pk) in warning.body
    assert "127.0.0.1:20000" in warning.body
    assert "hidden" not in warning.body
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=Now() - timedelta(days=6))
    review_endpoints()
    assert [each.subject for each in mail.outbox[1:]] == ["A webhook endpoint was disabled"]


def test_nothing_is_mailed_without_a_server() -> None:
    failing_for(25)
    review_endpoints()
    assert mail.outbox == []
