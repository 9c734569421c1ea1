"""A partner is told that it must do something: at once, after a day, after a week, and by mail each time."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models.functions import Now
from pytest_django import Settings

from audit.models import Event
from core.principals import SYSTEM
from organizations.models import GrantState, OAuthGrant, OAuthProvider
from organizations.services.grants import connect_organization
from organizations.services.sync_notices import send_notices
from partners.services.partners import Contact, set_contacts
from tests.factories import ALICE
from tests.organizations.oauth.provider import Answer, Provider
from tests.organizations.oauth.world import World, issued_tokens, make_world


@pytest.fixture(autouse=True)
def post_office(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.EMAIL_HOST = "mail.example"


@pytest.fixture
def dead(world: World) -> World:
    """An organization whose grant has ended."""
    contacts = [Contact("Ana", "ana@acme.example", "technical"), Contact("Bo", "bo@acme.example", "business")]
    set_contacts(world.partner.pk, contacts=contacts, actor=ALICE)
    world.provider.next_at_data.extend([Answer(401)] * 3)
    world.sync()
    assert world.grant.state == GrantState.REAUTHORIZATION_REQUIRED
    return world


def told() -> list[int]:
    rows = Event.objects.filter(type="organization.reauthorization_required").order_by("id")
    return [row.data["notice"] for row in rows]


def let_pass() -> None:
    OAuthGrant.objects.filter(next_notice_at__isnull=False).update(next_notice_at=Now() - timedelta(seconds=1))


def test_told_at_once_after_a_day_and_after_a_week_and_never_again(dead: World) -> None:
    grant = dead.grant
    assert grant.next_notice_at
    assert abs(grant.next_notice_at - grant.state_since - timedelta(days=1)) < timedelta(minutes=1)
    assert (told(), send_notices(actor=SYSTEM)) == ([1], 1)
    let_pass()
    assert (send_notices(actor=SYSTEM), told()) == (1, [1, 2])
    grant = dead.grant
    assert grant.next_notice_at
    assert abs(grant.next_notice_at - grant.state_since - timedelta(days=6)) < timedelta(minutes=1)
    let_pass()
    assert (send_notices(actor=SYSTEM), told()) == (1, [1, 2, 3])
    let_pass()
    assert (send_notices(actor=SYSTEM), told()) == (0, [1, 2, 3])
    assert len(mail.outbox) == 3


def test_the_mail_says_what_to_do_and_goes_to_technical_people(dead: World) -> None:
    send_notices(actor=SYSTEM)
    (message,) = mail.outbox
    assert message.to == ["ana@acme.example"]
    assert dead.organization.external_id in message.body
    assert "PUT /v1/organizations/{internalOrgId}/oauth" in message.body
    assert "at-" not in message.body


def test_many_organizations_are_one_mail(dead: World, provider: Provider) -> None:
    from tests.factories import make_organization

    for _ in range(3):
        other = World(provider, dead.partner, make_organization(dead.partner))
        connect_organization(other.organization, tokens=issued_tokens(provider), actor=ALICE)
        provider.next_at_data.extend([Answer(401)] * 2)
        other.sync()
    assert send_notices(actor=SYSTEM) == 1
    assert mail.outbox[0].subject.startswith("4 organizations")


def test_new_tokens_end_the_notices(dead: World) -> None:
    send_notices(actor=SYSTEM)
    connect_organization(dead.organization, tokens=issued_tokens(dead.provider), actor=ALICE)
    dead.provider.next_at_data.clear()
    let_pass()
    assert (send_notices(actor=SYSTEM), told()) == (0, [1])
    dead.sync()
    assert Event.objects.filter(type="organization.sync_recovered").count() == 0


def test_a_refused_client_is_one_mail_for_all(db: None, provider: Provider) -> None:
    world = make_world(provider)
    set_contacts(world.partner.pk, contacts=[Contact("Ana", "ana@acme.example", "technical")], actor=ALICE)
    world.age_access_token()
    provider.next_at_token.append(Answer(401))
    world.sync()
    assert (send_notices(actor=SYSTEM), send_notices(actor=SYSTEM)) == (1, 0)
    assert "does not accept us" in mail.outbox[0].subject
    assert OAuthProvider.objects.get().is_mailed


def test_nobody_to_tell_and_no_server_stop_nothing(dead: World, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    assert send_notices(actor=SYSTEM) == 0
    settings.EMAIL_HOST = "mail.example"
    set_contacts(dead.partner.pk, contacts=[], actor=ALICE)
    let_pass()
    assert (send_notices(actor=SYSTEM), told()) == (0, [1, 2])
