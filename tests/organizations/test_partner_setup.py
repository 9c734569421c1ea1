"""The snake_case setup call: creating, bringing up to date, and what each answers."""

import re
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from audit.models import Event
from organizations.models import Address, Organization, Profile
from tests.factories import make_organization, make_profile
from tests.organizations.backend import ADDRESS, MEMBER, SITE, Backend, all_rows, make_backend, partner_body, setup_body

EVE = {"email": "eve@northwind.example", "first_name": "Eve", "last_name": "Holt", "role": "admin"}


def sites() -> list[tuple[Any, ...]]:
    """The stored sites in order: street, state, ZIP, whether it is the primary one."""
    rows = Address.objects.filter(kind="site").order_by("pk")
    return list(rows.values_list("line1", "province", "postal_code", "is_primary"))


def test_unknown_organization_is_created_with_sites_and_users(backend: Backend) -> None:
    answer = backend.partner_setup(partner_body(users=[dict(MEMBER), EVE], **{"organization.phone": "555 0101"}))
    organization = Organization.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert body == {
        "success": True,
        "action": "created",
        "profile": {
            "id": str(organization.pk),
            "organization_name": "Northwind Bakery",
            "partner_org_id": "org-1",
            "email": "office@northwind.example",
            "created_at": body["profile"]["created_at"],
        },
        "users_created": 2,
        "addresses_created": 1,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["profile"]["created_at"])
    assert (organization.partner_id, organization.environment, organization.phone) == (backend.partner.pk, "test", "555 0101")
    members = Profile.objects.order_by("email").values_list("external_id", "email", "first_name", "role")
    assert list(members) == [
        (None, "ada@northwind.example", "Ada", "member"),
        (None, "eve@northwind.example", "Eve", "admin"),
    ]


def test_known_organization_is_brought_up_to_date(backend: Backend) -> None:
    first = backend.partner_setup().json()
    answer = backend.partner_setup(
        partner_body(
            users=[{**MEMBER, "first_name": "Augusta", "role": "admin"}, EVE],
            **{"organization.name": "Northwind", "organization.email": "new@northwind.example", "organization.phone": "1"},
        )
    )
    body = answer.json()
    assert (answer.status_code, body["action"], body["users_created"], body["addresses_created"]) == (200, "updated", 1, 1)
    assert body["profile"] == {
        **first["profile"],
        "organization_name": "Northwind",
        "email": "new@northwind.example",
    }
    organization, ada = Organization.objects.get(), Profile.objects.get(email="ada@northwind.example")
    assert (organization.name, organization.email, organization.phone) == ("Northwind", "new@northwind.example", "1")
    assert organization.updated_at >= organization.created_at
    assert (ada.first_name, ada.role) == ("Augusta", "admin")


def test_sites_are_replaced_as_a_whole(backend: Backend) -> None:
    backend.partner_setup(partner_body(**{"organization.addresses": [SITE, {**SITE, "line1": "Second"}]}))
    answer = backend.partner_setup(partner_body(**{"organization.addresses": [{**SITE, "line1": "Third"}]}))
    assert answer.json()["addresses_created"] == 1
    assert sites() == [("Third", "CA", "94607", True)]


def test_replacing_sites_leaves_other_addresses_alone(backend: Backend) -> None:
    backend.setup(setup_body(userAddress=ADDRESS, billingAddress=ADDRESS, shippingLocations=[ADDRESS]))
    assert backend.partner_setup().status_code == 200
    assert sorted(Address.objects.values_list("kind", flat=True)) == ["billing", "shipping", "site", "user"]


def test_first_site_is_primary_when_none_is(backend: Backend) -> None:
    second = {**SITE, "line1": "Second", "is_primary": False}
    backend.partner_setup(partner_body(**{"organization.addresses": [{**SITE, "is_primary": None}, second]}))
    assert [is_primary for *_, is_primary in sites()] == [True, False]


def test_marked_site_is_primary(backend: Backend) -> None:
    marked = {**SITE, "line1": "Second", "is_primary": True}
    backend.partner_setup(partner_body(**{"organization.addresses": [SITE, marked]}))
    assert [is_primary for *_, is_primary in sites()] == [False, True]


def test_two_primary_sites_are_refused_by_path(backend: Backend) -> None:
    marked = {**SITE, "is_primary": True}
    answer = backend.partner_setup(partner_body(**{"organization.addresses": [marked, SITE, marked]}))
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["details"]] == ["organization.addresses[2].is_primary"]


def test_state_and_zip_are_stored_in_one_form(backend: Backend) -> None:
    backend.partner_setup(partner_body(**{"organization.addresses": [{**SITE, "state": "texas", "zip": "75001 1234"}]}))
    assert sites() == [("5 Dock Street", "TX", "75001-1234", True)]


def test_unknown_state_is_refused_by_path(backend: Backend) -> None:
    answer = backend.partner_setup(partner_body(**{"organization.addresses": [SITE, {**SITE, "state": "Narnia"}]}))
    assert [problem["field"] for problem in answer.json()["details"]] == ["organization.addresses[1].state"]


def test_users_are_one_per_email_in_any_case(backend: Backend) -> None:
    backend.partner_setup()
    answer = backend.partner_setup(partner_body(users=[{**MEMBER, "email": "ADA@Northwind.Example", "last_name": "King"}]))
    assert answer.json()["users_created"] == 0
    assert Profile.objects.get().last_name == "King"


def test_user_who_stands_twice_counts_as_they_stand_last(backend: Backend) -> None:
    again = {**MEMBER, "email": "ADA@northwind.example", "first_name": "Augusta"}
    assert backend.partner_setup(partner_body(users=[dict(MEMBER), again])).json()["users_created"] == 1
    assert Profile.objects.get().first_name == "Augusta"


def test_users_who_are_not_named_stay(backend: Backend) -> None:
    backend.partner_setup()
    backend.partner_setup(partner_body(users=[EVE]))
    assert Profile.objects.filter(removed_at=None).count() == 2


def test_same_email_in_another_organization_is_another_user(backend: Backend) -> None:
    backend.partner_setup()
    assert backend.partner_setup(partner_body(partner_org_id="org-2")).json()["users_created"] == 1
    assert Profile.objects.count() == 2


def test_user_with_an_id_of_the_partner_is_left_alone(backend: Backend) -> None:
    backend.setup()
    before = Profile.objects.filter(external_id="user-1").values().get()
    answer = backend.partner_setup(partner_body(users=[{**MEMBER, "first_name": "Augusta"}]))
    assert answer.json()["users_created"] == 1
    assert Profile.objects.filter(external_id="user-1").values().get() == before


def test_removed_user_comes_back_with_the_raised_epoch(backend: Backend) -> None:
    backend.partner_setup()
    Profile.objects.update(removed_at=Now(), auth_epoch=F("auth_epoch") + 1)
    assert backend.partner_setup().json()["users_created"] == 0
    assert (Profile.objects.get().removed_at, Profile.objects.get().auth_epoch) == (None, 1)


def test_ledger_tells_what_was_created_and_what_changed(backend: Backend) -> None:
    backend.partner_setup()
    backend.partner_setup(partner_body(users=[{**MEMBER, "role": "admin"}, EVE]))
    types = Event.objects.filter(type__regex="^(organization|profile)").order_by("id").values_list("type", flat=True)
    assert list(types)[:3] == ["organization.created", "profile.created", "organization.updated"]
    assert sorted(list(types)[3:]) == ["profile.created", "profile.updated"]


def test_user_who_did_not_change_has_no_ledger_row(backend: Backend) -> None:
    backend.partner_setup()
    backend.partner_setup()
    assert Event.objects.filter(type__startswith="profile.").count() == 1


def test_absent_phone_clears_the_one_we_had(backend: Backend) -> None:
    backend.partner_setup(partner_body(**{"organization.phone": "555"}))
    backend.partner_setup()
    assert Organization.objects.get().phone == ""


def test_same_id_of_another_partner_is_another_organization(backend: Backend) -> None:
    theirs = make_profile(make_backend().partner).organization
    Organization.objects.filter(pk=theirs.pk).update(external_id="org-1")
    before = Organization.objects.filter(pk=theirs.pk).values().get()
    assert backend.partner_setup().status_code == 201
    assert Organization.objects.filter(pk=theirs.pk).values().get() == before


def test_organization_of_the_newer_form_is_the_same_organization(backend: Backend) -> None:
    organization = make_organization(backend.partner, external_id="org-1")
    answer = backend.partner_setup()
    assert (answer.status_code, answer.json()["profile"]["id"]) == (200, str(organization.pk))


def test_access_token_stands_nowhere_in_the_clear(backend: Backend) -> None:
    assert backend.partner_setup(partner_body(access_token="canary-4711")).status_code == 201
    assert "canary-4711" not in str(all_rows())


def test_full_size_call_is_taken(backend: Backend) -> None:
    users = [{**MEMBER, "email": f"user{number}@northwind.example"} for number in range(100)]
    answer = backend.partner_setup(partner_body(users=users, **{"organization.addresses": [dict(SITE)] * 50}))
    assert (answer.json()["users_created"], answer.json()["addresses_created"]) == (100, 50)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("users", [dict(MEMBER)] * 101, "users"),
        ("organization.addresses", [dict(SITE)] * 51, "organization.addresses"),
        ("users", [], "users"),
        ("organization.addresses", [], "organization.addresses"),
    ],
)
def test_lists_are_bounded(backend: Backend, path: str, value: object, field: str) -> None:
    answer = backend.partner_setup(partner_body(**{path: value}))
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["details"]] == [field]
