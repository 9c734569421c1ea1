"""The partner's people are told: outside the act, and whatever becomes of the mail, the credential is dead."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from partners.models import ApiKey, ContactRole, Partner, PartnerContact
from surfaces.services.leak_mail import await_mail
from surfaces.services.leaks import Finding, LeakSource, report_leaks
from tests.factories import ALICE, make_key, make_partner
from tests.leaks.credentials import report
from tests.partners.mail import Mailbox, mail_server
from tests.servers import unused_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box
        await_mail(seconds=10)


def partner_with_contacts(name: str = "acme") -> Partner:
    partner = make_partner()
    for role in ContactRole:
        PartnerContact.objects.create(partner=partner, name="Ada", email=f"{role.value}@{name}.example", role=role)
    return partner


def test_technical_and_security_contacts_get_one_mail_without_any_secret(mailbox: Mailbox) -> None:
    issued = make_key(partner_with_contacts())
    report({"credential": issued.plaintext, "url": "https://evil.example/read-this"})
    report({"credential": issued.plaintext})
    await_mail(seconds=10)

    (message,) = mailbox.messages
    assert message["To"] == "security@acme.example, technical@acme.example"
    text = message.as_string()
    assert issued.key.kid in text
    assert issued.plaintext[20:] not in text
    assert "evil.example" not in text


def test_many_findings_make_one_mail_for_each_partner(mailbox: Mailbox) -> None:
    partners = [partner_with_contacts("one"), partner_with_contacts("two")]
    keys = [make_key(partner).plaintext for partner in partners for _ in range(60)]
    findings = [Finding(key, LeakSource.GITHUB, "https://git.example/f") for key in keys]

    report_leaks(findings, actor=ALICE)
    await_mail(seconds=10)

    assert sorted(message["To"].split("@")[1] for message in mailbox.messages) == [
        "one.example, technical",
        "two.example, technical",
    ]
    texts = [str(message.get_payload()) for message in mailbox.messages]
    assert all("found at https://git.example/f" in text and "- and 10 more" in text for text in texts)


def test_a_server_that_is_down_stops_nothing_and_is_logged(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_port()
    issued = make_key(partner_with_contacts())

    assert report({"credential": issued.plaintext}).status_code == 202
    await_mail(seconds=10)

    assert ApiKey.objects.get(pk=issued.key.pk).revoked_at is not None
    assert "leaks.mail_failed" in caplog.text
    assert "ConnectionRefusedError" in caplog.text


def test_a_contact_that_is_turned_away_is_logged(mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    mailbox.refused = {"technical@acme.example", "security@acme.example"}
    report({"credential": make_key(partner_with_contacts()).plaintext})
    await_mail(seconds=10)

    assert mailbox.messages == []
    assert "leaks.mail_failed" in caplog.text


def test_without_a_mail_server_or_contacts_nothing_is_sent(mailbox: Mailbox, settings: Settings) -> None:
    report({"credential": make_key().plaintext})
    settings.EMAIL_HOST = ""
    report({"credential": make_key(partner_with_contacts()).plaintext})
    await_mail(seconds=10)

    assert mailbox.messages == []
