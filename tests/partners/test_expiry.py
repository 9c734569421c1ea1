"""Warning of keys that come close to their end: once per threshold, on record, and by mail where there is a server."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from django.utils import timezone
from pytest_django import Settings

from audit.models import Event
from core.principals import SYSTEM
from partners.models import ApiKey, ContactRole, Partner, PartnerContact, RevokeReason
from partners.services.expiry import warn_expiring_keys
from partners.services.keys import Overlap, find_key, pause_key, revoke_key, rotate_key
from partners.services.partners import suspend_partner
from partners.tasks import warn_of_expiry
from tests.databases import FreshDatabase
from tests.factories import ALICE, make_key, make_partner
from tests.partners.mail import Mailbox, mail_server
from tests.partners.test_key_races import at_once, unexpected

NOW = timezone.now()


def key_ending_in(days: float, *, partner: Partner | None = None) -> ApiKey:
    """A year-old key with so many days left."""
    key = make_key(partner).key
    ApiKey.objects.filter(pk=key.pk).update(created_at=NOW - timedelta(days=300), expires_at=NOW + timedelta(days=days))
    return find_key(key.kid)


def warn(days_later: float = 0) -> int:
    return warn_expiring_keys(now=NOW + timedelta(days=days_later), actor=SYSTEM)


def warned() -> list[tuple[str, int]]:
    return [(event.subject_id, event.data["days"]) for event in Event.objects.filter(type="key.expiry_warned").order_by("id")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days_left", "threshold"), [(31, None), (29.9, 30), (7.1, 30), (6.9, 7), (1.1, 7), (0.9, 1), (0.01, 1), (-0.01, None)]
)
def test_a_key_is_warned_of_at_the_narrowest_threshold_it_has_reached(days_left: float, threshold: int | None) -> None:
    key = key_ending_in(days_left)
    warn()
    assert warned() == ([(key.kid, threshold)] if threshold else [])


@pytest.mark.django_db
def test_each_threshold_warns_once_however_often_the_task_runs() -> None:
    key = key_ending_in(29)
    counts = [warn(days_later) for days_later in (0, 0.1, 5, 22.5, 23, 28.5, 28.9)]
    assert counts == [1, 0, 0, 1, 0, 1, 0]
    assert warned() == [(key.kid, 30), (key.kid, 7), (key.kid, 1)]


@pytest.mark.django_db
def test_the_warning_says_when_the_key_ends_and_who_says_so() -> None:
    key = key_ending_in(5)
    warn()
    event = Event.objects.get(type="key.expiry_warned")
    assert (event.actor_kind, event.partner_id, event.environment) == ("system", key.partner_id, "test")
    assert event.data["expires_at"] == str(key.expires_at)


@pytest.mark.django_db
def test_keys_that_need_no_warning_get_none() -> None:
    revoked, paused, rotated, suspended = (key_ending_in(5) for _ in range(4))
    revoke_key(revoked.pk, reason=RevokeReason.CESSATION, comment="", actor=ALICE)
    pause_key(paused.pk, reason="", actor=ALICE)
    rotate_key(rotated.pk, overlap=Overlap.WEEK.delta, reason="", actor=ALICE)
    suspend_partner(suspended.partner_id, reason="", actor=ALICE)
    make_key(lifetime=None)
    make_key()
    assert warn() == 0


@pytest.mark.django_db
def test_a_key_made_for_a_week_is_not_warned_of_at_30_days_nor_at_7() -> None:
    make_key(lifetime=timedelta(days=7))
    assert warn() == 0
    assert warn(6.5) == 1


@pytest.mark.django_db
def test_many_keys_are_warned_of_in_one_run() -> None:
    partner = make_partner()
    for _ in range(3):
        key_ending_in(5, partner=partner)
    ApiKey.objects.bulk_create(copies(key_ending_in(5, partner=partner), 250))
    assert warn() == 254


def copies(key: ApiKey, count: int) -> list[ApiKey]:
    made = []
    for number in range(count):
        copy = find_key(key.kid)
        copy.pk, copy.kid, copy.digest = key.pk + 1000 + number, f"copy{number:08d}", bytes([number % 256]) * 32
        made.append(copy)
    return made


def test_runs_at_the_same_moment_warn_once(fresh_database: FreshDatabase) -> None:
    for _ in range(20):
        key_ending_in(5)
    endings = at_once(*[warn] * 6)
    assert unexpected(endings) == []
    assert sum(each.result for each in endings) == 20
    assert len(set(warned())) == len(warned()) == 20


@pytest.mark.django_db
def test_the_task_warns_and_tolerates_what_a_newer_deployment_sends_along() -> None:
    key_ending_in(5)
    assert warn_of_expiry.name == "partners.tasks.warn_of_expiry"
    assert warn_of_expiry(batch="later") == 1


@pytest.fixture
def mailbox(settings: Settings, db: None) -> Iterator[Mailbox]:
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


def partner_with_contacts(*contacts: tuple[str, ContactRole]) -> Partner:
    partner = make_partner()
    for email, role in contacts:
        PartnerContact.objects.create(partner=partner, name="Ada", email=email, role=role)
    return partner


EVERYONE = (
    ("tech@acme.example", ContactRole.TECHNICAL),
    ("security@acme.example", ContactRole.SECURITY),
    ("sales@acme.example", ContactRole.BUSINESS),
)


def test_technical_and_security_contacts_get_one_mail_for_all_keys(mailbox: Mailbox) -> None:
    partner = partner_with_contacts(*EVERYONE)
    keys = [key_ending_in(days, partner=partner) for days in (5, 25)]
    warn()
    (message,) = mailbox.messages
    assert message["To"] == "security@acme.example, tech@acme.example"
    assert message["Subject"] == "2 API keys expire within 7 days"
    text = message.get_payload()
    assert all(key.kid in text for key in keys)


def test_a_mail_holds_no_part_of_a_key_but_its_kid(mailbox: Mailbox) -> None:
    issued = make_key(partner_with_contacts(*EVERYONE), lifetime=timedelta(days=40))
    warn(15)
    text = mailbox.messages[0].as_string()
    assert issued.key.kid in text
    assert issued.plaintext[20:] not in text


def test_partners_do_not_see_each_others_mail(mailbox: Mailbox) -> None:
    for name in ("one", "two"):
        key_ending_in(5, partner=partner_with_contacts((f"tech@{name}.example", ContactRole.TECHNICAL)))
    warn()
    assert sorted(message["To"] for message in mailbox.messages) == ["tech@one.example", "tech@two.example"]


def test_a_mail_nobody_takes_is_logged_and_stops_neither_the_warning_nor_the_next_mail(mailbox: Mailbox) -> None:
    for name in ("one", "two"):
        key_ending_in(5, partner=partner_with_contacts((f"tech@{name}.example", ContactRole.TECHNICAL)))
    mailbox.refused.add("tech@one.example")
    with structlog.testing.capture_logs() as logs:
        assert warn() == 2
    assert [message["To"] for message in mailbox.messages] == ["tech@two.example"]
    assert [line["event"] for line in logs] == ["expiry.mail_failed"]


def test_a_mail_server_that_is_down_loses_no_warning(mailbox: Mailbox, settings: Settings) -> None:
    key = key_ending_in(5, partner=partner_with_contacts(*EVERYONE))
    settings.EMAIL_PORT = 1
    with structlog.testing.capture_logs() as logs:
        warn()
    assert warned() == [(key.kid, 7)]
    assert [line["event"] for line in logs] == ["expiry.mail_server_failed"]


def test_a_partner_without_contacts_is_logged(mailbox: Mailbox) -> None:
    key_ending_in(5)
    with structlog.testing.capture_logs() as logs:
        warn()
    assert mailbox.messages == []
    assert [line["event"] for line in logs] == ["expiry.nobody_to_tell"]


@pytest.mark.django_db
def test_without_a_mail_server_nothing_is_sent_and_nothing_is_missed(mailoutbox: list[object]) -> None:
    key_ending_in(5, partner=partner_with_contacts(*EVERYONE))
    assert warn() == 1
    assert mailoutbox == []
