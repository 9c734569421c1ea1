"""Partners in the console: created, edited, suspended, and the emergency; each act on record with who and why."""

from typing import Any, Final

import pytest
from django.urls import reverse

from audit.models import Event
from core.principals import Environment
from partners.models import ApiKey, Partner, PartnerStatus
from partners.services.partners import Contact, suspend_partner
from partners.verification import verify_key
from sessions_app.services.embed import read_session
from sticker_auth.roles import Role
from tests.admin.staff import World, make_world, signed_in, use_key
from tests.factories import ALICE, make_key

CREATE: Final = "admin:partners_partner_create"


def contact_rows(*people: Contact) -> dict[str, str]:
    """What the contacts form sends for some people and an empty row."""
    rows = [*people, Contact("", "", "technical")]
    parts = [{f"name_{n}": each.name, f"email_{n}": each.email, f"role_{n}": each.role} for n, each in enumerate(rows)]
    return {name: value for part in parts for name, value in part.items()}


def test_create_makes_a_partner_on_record(db: None) -> None:
    answer = signed_in(Role.ISSUER).post(reverse(CREATE), {"name": "Nordwind Label", "slug": ""})
    partner = Partner.objects.get(slug="nordwind-label")
    assert answer.headers["Location"] == reverse("admin:partners_partner_change", args=[partner.pk])
    assert Event.objects.get(type="partner.created").actor_kind == "staff"


def test_a_taken_slug_is_said_in_the_form(world: World) -> None:
    answer = signed_in(Role.ISSUER).post(reverse(CREATE), {"name": "Another", "slug": world.partner.slug})
    assert b"A partner with this slug exists." in answer.content
    assert not Partner.objects.filter(name="Another").exists()


def test_edit_changes_name_and_limits_and_records_both_sides(world: World) -> None:
    before = world.partner.name
    fields = {"name": "Acme Renamed", "setup_per_minute": "50", "handshake_per_minute": ""}
    assert signed_in(Role.ISSUER).post(world.partner_url("edit"), fields).status_code == 302
    world.partner.refresh_from_db()
    assert (world.partner.name, world.partner.setup_per_minute) == ("Acme Renamed", 50)
    data = Event.objects.filter(type="partner.updated").newest_first()[0].data
    assert data == {
        "name": {"before": before, "after": "Acme Renamed"},
        "setup_per_minute": {"before": None, "after": 50},
    }


def test_an_edit_that_changes_nothing_records_nothing(world: World) -> None:
    before = Event.objects.count()
    fields = {"name": world.partner.name, "setup_per_minute": "", "handshake_per_minute": ""}
    signed_in(Role.ISSUER).post(world.partner_url("edit"), fields)
    assert Event.objects.count() == before


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "A\x07B"}, {"name": "A", "setup_per_minute": "0"}])
def test_a_wrong_edit_changes_nothing(world: World, fields: dict[str, str]) -> None:
    answer = signed_in(Role.ISSUER).post(world.partner_url("edit"), fields)
    assert answer.context["form"].errors
    name = world.partner.name
    world.partner.refresh_from_db()
    assert world.partner.name == name


def test_contacts_are_replaced_and_the_ledger_names_nobody(world: World) -> None:
    people = [Contact("Ben Ito", "ben@example.com", "technical"), Contact("Cy Ode", "cy@example.com", "security")]
    assert signed_in(Role.ISSUER).post(world.partner_url("contacts"), contact_rows(*people)).status_code == 302
    stored = [Contact(each.name, each.email, each.role) for each in world.partner.contacts.order_by("pk")]
    assert stored == people
    row = Event.objects.filter(type="partner.updated").newest_first()[0]
    assert row.data == {"contacts": {"before": {"security": 1}, "after": {"technical": 1, "security": 1}}}


@pytest.mark.parametrize(
    "rows",
    [
        contact_rows(Contact("Ben", "", "technical")),
        contact_rows(Contact("Ben", "not an address", "technical")),
        contact_rows(Contact("Ben", "b@example.com", "technical"), Contact("Bob", "B@example.com", "security")),
        {},
    ],
)
def test_wrong_contacts_leave_the_old_ones(world: World, rows: dict[str, str]) -> None:
    answer = signed_in(Role.ISSUER).post(world.partner_url("contacts"), rows)
    assert answer.context["form"].errors
    assert [each.email for each in world.partner.contacts.all()] == ["ana@example.com"]


def test_origins_are_set_for_one_environment(world: World) -> None:
    client = signed_in(Role.ISSUER)
    client.post(world.partner_url("origins-test"), {"origins": "http://localhost:3000\nhttps://staging.example/"})
    assert set(world.partner.origins.filter(environment="test").values_list("origin", flat=True)) == {
        "http://localhost:3000",
        "https://staging.example",
    }
    assert list(world.partner.origins.filter(environment="live").values_list("origin", flat=True)) == ["https://shop.example"]


@pytest.mark.parametrize("fields", [{"origins": "https://*.example"}, {"origins": "http://localhost:3000"}, {}])
def test_a_wrong_origin_is_named_and_the_old_ones_stay(world: World, fields: dict[str, str]) -> None:
    answer = signed_in(Role.ISSUER).post(world.partner_url("origins-live"), fields)
    assert answer.context["form"].errors["origins"]
    assert list(world.partner.origins.filter(environment="live").values_list("origin", flat=True)) == ["https://shop.example"]


def test_suspend_refuses_the_partner_and_reactivate_lets_it_in(world: World) -> None:
    client = signed_in(Role.RESPONDER)
    assert client.post(world.partner_url("suspend"), {"reason": "LEGAL-1", "confirm": "wrong"}).status_code == 200
    client.post(world.partner_url("suspend"), {"reason": "LEGAL-1", "confirm": world.partner.slug})
    assert not verify_key(world.issued.plaintext, address=None).principal().partner_is_active
    assert Event.objects.get(type="partner.suspended").reason == "LEGAL-1"
    assert b"Suspended: every key" in client.get(world.partner_url()).content
    client.post(world.partner_url("reactivate"), {"reason": "LEGAL-1 settled"})
    world.partner.refresh_from_db()
    assert world.partner.status == PartnerStatus.ACTIVE


def test_an_emergency_ends_everything_of_the_partner_in_one_row(world: World) -> None:
    other = make_world("Bystander")
    make_key(world.partner, environment=Environment.TEST)
    client = signed_in(Role.RESPONDER)
    answer = client.post(world.partner_url("emergency"), {"reason": "SEC-1 dump", "confirm": world.partner.slug})
    assert answer.status_code == 302
    assert not ApiKey.objects.filter(partner=world.partner).unrevoked().exists()
    row = Event.objects.get(type="partner.emergency_revoked")
    assert (row.actor_kind, row.reason, len(row.data["kids"])) == ("staff", "SEC-1 dump", 2)
    session, untouched = read_session(world.session.pk), read_session(other.session.pk)
    assert session is not None
    assert session.dead_because
    assert untouched is not None
    assert not untouched.dead_because
    assert not verify_key(other.issued.plaintext, address=None).refusal


def test_an_emergency_needs_the_slug_typed(world: World) -> None:
    client = signed_in(Role.RESPONDER)
    for confirm in ("", world.partner.name, world.partner.slug.upper()):
        client.post(world.partner_url("emergency"), {"reason": "x", "confirm": confirm})
    assert ApiKey.objects.filter(partner=world.partner).unrevoked().exists()


def test_an_emergency_says_what_ends_and_that_it_is_final(world: World) -> None:
    use_key(world.key, calls=99)
    text = signed_in(Role.RESPONDER).get(world.partner_url("emergency")).content.decode()
    assert "cannot be undone" in text
    assert "1 live, 0 test" in text
    assert "99 accepted" in text
    facts = signed_in(Role.RESPONDER).get(world.partner_url("emergency")).context["facts"]
    assert {fact.label: str(fact.value) for fact in facts}["Signed in through it"].startswith("1 ")


def test_the_page_of_a_partner_prints_what_to_paste(world: World) -> None:
    text = signed_in(Role.VIEWER).get(world.partner_url()).content.decode()
    assert f"/embedded/{world.partner.pk}#session_key=TOKEN" in text
    assert f"/sandbox/embedded/{world.partner.pk}#session_key=TOKEN" in text
    assert "allow-top-navigation-by-user-activation" in text
    assert "frame-src http" in text


def test_the_list_counts_keys_and_finds_by_name_slug_and_id(world: World) -> None:
    make_world("Zenith")
    client, url = signed_in(Role.VIEWER), reverse("admin:partners_partner_changelist")
    for text in (world.partner.name[:6].lower(), world.partner.slug, str(world.partner.pk)):
        rows: list[Any] = list(client.get(url, {"q": text}).context["cl"].result_list)
        assert rows == [world.partner]
        assert (rows[0].live_keys, rows[0].test_keys) == (1, 0)
    suspend_partner(world.partner.pk, reason="x", actor=ALICE)
    assert list(client.get(url, {"status": "suspended"}).context["cl"].result_list) == [world.partner]
