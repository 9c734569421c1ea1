"""The life of a partner: create, change, suspend, and the emergency."""

import pytest
from django.db import IntegrityError, transaction

from audit.models import Event
from core.errors import AlreadyExistsError, InvalidRequestError
from core.principals import Environment
from partners.errors import PartnerNotFoundError
from partners.models import ApiKey, Partner, PartnerOrigin, RevokeReason
from partners.services.keys import find_key
from partners.services.partners import (
    create_partner,
    emergency_revoke,
    find_partner,
    is_origin,
    reactivate_partner,
    set_origins,
    suspend_partner,
)
from tests.factories import ALICE, make_key, make_partner
from tests.partners.callers import ask

pytestmark = pytest.mark.django_db

LIVE, TEST = Environment.LIVE, Environment.TEST


def events(event_type: str) -> list[Event]:
    return list(Event.objects.filter(type=event_type).order_by("id"))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("Zoë & Söhne GmbH", "zoe-sohne-gmbh"),
        ("  Spaces  ", "spaces"),
        ("A" * 120, "a" * 63),
        ("A" * 62 + " - B", "a" * 62),
    ],
)
def test_a_slug_is_made_from_the_name(name: str, slug: str) -> None:
    assert create_partner(name, actor=ALICE).slug == slug


def test_a_name_without_latin_letters_gets_a_slug_all_the_same() -> None:
    assert create_partner("株式会社", actor=ALICE).slug.startswith("partner-")


def test_a_second_partner_of_one_name_gets_a_slug_of_its_own() -> None:
    first, second = (create_partner("Acme", actor=ALICE) for _ in range(2))
    assert first.slug != second.slug
    assert second.slug.startswith("acme-")


def test_a_slug_asked_for_and_taken_is_refused() -> None:
    create_partner("Acme", slug="acme", actor=ALICE)
    with pytest.raises(AlreadyExistsError):
        create_partner("Other", slug="acme", actor=ALICE)
    assert len(events("partner.created")) == 1


@pytest.mark.parametrize("slug", ["", "Upper", "-a", "a-", "a_b", "a" * 64, "a.b", "é", "a\n"])
def test_a_malformed_slug_is_refused(slug: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        create_partner("Acme", slug=slug, actor=ALICE)
    assert [problem.field for problem in refusal.value.details] == ["slug"]


@pytest.mark.parametrize("name", ["", "   ", "a" * 121, "line\nbreak", "bell\u0007", "\u202ereversed"])
def test_a_name_people_cannot_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError):
        create_partner(name, slug="acme", actor=ALICE)


def test_creating_is_on_record() -> None:
    partner = create_partner("Acme", actor=ALICE)
    (event,) = events("partner.created")
    assert (event.partner_id, event.subject_id, event.actor_label) == (partner.pk, str(partner.pk), "alice")
    assert event.data == {"name": "Acme", "slug": "acme"}


def test_a_partner_is_found_by_id_and_by_slug() -> None:
    partner = make_partner()
    assert find_partner(str(partner.pk)) == partner
    assert find_partner(partner.slug) == partner


@pytest.mark.parametrize("identifier", ["nobody", "00000000-0000-0000-0000-000000000000", ""])
def test_a_partner_nobody_created_is_not_found(identifier: str) -> None:
    with pytest.raises(PartnerNotFoundError):
        find_partner(identifier)


ORIGINS = [
    ("https://shop.example.com", True, True),
    ("https://shop.example.com:8443", True, True),
    ("https://localhost", True, True),
    ("http://localhost:3000", False, True),
    ("http://127.0.0.1:3000", False, True),
    ("http://localhost", False, False),
    ("http://shop.example.com", False, False),
    ("http://localhost.evil.example:3000", False, False),
    ("https://*.example.com", False, False),
    ("https://shop.example.com/path", False, False),
    ("https://user@shop.example.com", False, False),
    ("https://shop.example.com?x", False, False),
    ("https://shop.example.com;script-src *", False, False),
    ("https://shop.example.com 'self'", False, False),
    ("https://", False, False),
    ("*", False, False),
    ("null", False, False),
    ("'none'", False, False),
    ("https://shop.example.com\nhttps://evil.example", False, False),
    ("https://shop.example.com\n", False, False),
]


@pytest.mark.parametrize(("origin", "is_live", "is_test"), ORIGINS)
def test_an_origin_is_exact_and_https_except_on_a_developers_machine(origin: str, is_live: bool, is_test: bool) -> None:
    assert is_origin(origin, LIVE) is is_live
    assert is_origin(origin, TEST) is is_test


@pytest.mark.parametrize(("origin", "is_live", "is_test"), [row for row in ORIGINS if "\n" not in row[0]])
def test_the_database_draws_the_same_line(origin: str, is_live: bool, is_test: bool) -> None:
    partner = make_partner()
    for environment, is_allowed in ((LIVE, is_live), (TEST, is_test)):
        try:
            with transaction.atomic():
                PartnerOrigin.objects.create(partner=partner, environment=environment, origin=origin)
        except IntegrityError:
            assert not is_allowed
        else:
            assert is_allowed


def test_origins_are_normalised_and_replace_those_before() -> None:
    partner = make_partner()
    set_origins(partner.pk, environment=LIVE, origins=["https://old.example.com"], actor=ALICE)
    wanted = set_origins(
        partner.pk, environment=LIVE, origins=[" https://Shop.Example.com/ ", "", "https://shop.example.com"], actor=ALICE
    )
    assert wanted == ["https://shop.example.com"]
    assert list(partner.origins.values_list("environment", "origin")) == [("live", "https://shop.example.com")]


def test_origins_of_the_other_environment_stay() -> None:
    partner = make_partner()
    set_origins(partner.pk, environment=TEST, origins=["http://localhost:3000"], actor=ALICE)
    set_origins(partner.pk, environment=LIVE, origins=[], actor=ALICE)
    assert partner.origins.get().environment == "test"


def test_a_wrong_origin_is_named_and_nothing_changes() -> None:
    partner = make_partner()
    set_origins(partner.pk, environment=LIVE, origins=["https://shop.example.com"], actor=ALICE)
    with pytest.raises(InvalidRequestError) as refusal:
        set_origins(partner.pk, environment=LIVE, origins=["https://ok.example.com", "*"], actor=ALICE)
    assert "*" in refusal.value.details[0].message
    assert partner.origins.get().origin == "https://shop.example.com"


def test_setting_the_same_origins_again_is_no_act() -> None:
    partner = make_partner()
    for _ in range(2):
        set_origins(partner.pk, environment=LIVE, origins=["https://shop.example.com"], actor=ALICE)
    (event,) = events("partner.updated")
    assert event.data["origins"] == {"before": [], "after": ["https://shop.example.com"]}


def test_suspending_refuses_every_key_and_bumps_the_epoch_once() -> None:
    issued = make_key()
    for _ in range(2):
        suspend_partner(issued.key.partner_id, reason="unpaid", actor=ALICE)
    assert ask(issued.plaintext).status_code == 403
    assert Partner.objects.get(pk=issued.key.partner_id).auth_epoch == 1
    assert [event.reason for event in events("partner.suspended")] == ["unpaid"]


def test_reactivating_keeps_the_epoch_so_that_old_sessions_stay_ended() -> None:
    partner = make_partner()
    suspend_partner(partner.pk, reason="", actor=ALICE)
    for _ in range(2):
        reactivate_partner(partner.pk, reason="paid", actor=ALICE)
    assert Partner.objects.get(pk=partner.pk).auth_epoch == 1
    assert len(events("partner.reactivated")) == 1


def test_an_emergency_ends_every_key_of_both_environments_at_once() -> None:
    partner = make_partner()
    issued = [make_key(partner, environment=environment) for environment in (LIVE, TEST, TEST)]
    other = make_key()
    result = emergency_revoke(partner.pk, reason="laptop stolen", actor=ALICE)
    assert sorted(result.kids) == sorted(each.key.kid for each in issued)
    assert [ask(each.plaintext).status_code for each in issued] == [401] * 3
    assert ask(other.plaintext).status_code == 200
    assert find_key(issued[0].key.kid).revoke_reason == RevokeReason.COMPROMISE


def test_an_emergency_is_one_critical_row_that_names_the_keys() -> None:
    issued = make_key()
    emergency_revoke(issued.key.partner_id, reason="laptop stolen", actor=ALICE)
    (event,) = events("partner.emergency_revoked")
    ended = {"kids": [issued.key.kid], "client_secrets": 0, "reseller_passwords": 0}
    assert (event.severity, event.reason, event.data) == ("critical", "laptop stolen", ended)


def test_a_second_emergency_finds_nothing_and_ends_newer_sessions_too() -> None:
    issued = make_key()
    first = emergency_revoke(issued.key.partner_id, reason="", actor=ALICE)
    second = emergency_revoke(issued.key.partner_id, reason="", actor=ALICE)
    assert (first.auth_epoch, second.auth_epoch) == (1, 2)
    assert second.kids == []


def test_an_emergency_keeps_the_reason_a_key_was_revoked_for_before() -> None:
    issued = make_key()
    ApiKey.objects.filter(pk=issued.key.pk).update(revoked_at=issued.key.created_at, revoke_reason=RevokeReason.CESSATION)
    emergency_revoke(issued.key.partner_id, reason="", actor=ALICE)
    assert find_key(issued.key.kid).revoke_reason == RevokeReason.CESSATION


def test_within_minutes_of_an_emergency_a_new_key_works() -> None:
    partner = make_key().key.partner
    emergency_revoke(partner.pk, reason="", actor=ALICE)
    assert ask(make_key(partner).plaintext).status_code == 200


@pytest.mark.parametrize("act", [suspend_partner, reactivate_partner, emergency_revoke])
def test_no_act_on_a_partner_nobody_created(act: object) -> None:
    with pytest.raises(PartnerNotFoundError):
        act(Partner().pk, reason="", actor=ALICE)  # type: ignore[operator]  # one of three services
    assert not Event.objects.exists()
