"""The camelCase setup call: what it makes, what it answers, and what it leaves alone."""

import re
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from audit.models import Event
from core.principals import Environment
from organizations.models import Address, Organization, Profile
from partners.scopes import Scope
from partners.services.partners import suspend_partner
from tests.factories import ALICE, make_organization, make_profile
from tests.organizations.backend import ADDRESS, SETUP, Backend, all_rows, make_backend, setup_body

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_unknown_organization_is_created_with_its_user(backend: Backend) -> None:
    answer = backend.setup(setup_body(organizationEmail="office@northwind.example", organizationPhone="+1 415 555 0101"))
    organization, profile = Organization.objects.get(), Profile.objects.get()
    assert answer.status_code == 201
    assert (organization.partner_id, organization.environment) == (backend.partner.pk, "test")
    assert (organization.external_id, organization.name) == ("org-1", "Northwind Bakery")
    assert (organization.email, organization.phone) == ("office@northwind.example", "+1 415 555 0101")
    assert (profile.organization_id, profile.external_id, profile.role) == (organization.pk, "user-1", "member")
    assert (profile.first_name, profile.last_name, profile.email) == ("Ada", "Diaz", "ada@northwind.example")


def test_answer_has_exactly_the_documented_fields(backend: Backend) -> None:
    answer = backend.setup().json()
    assert answer == {
        "success": True,
        "organizationId": str(Organization.objects.get().pk),
        "profileId": str(Profile.objects.get().pk),
        "internalOrgId": "org-1",
        "internalUserId": "user-1",
        "organizationName": "Northwind Bakery",
        "organizationCreated": True,
        "environment": "test",
        "createdAt": answer["createdAt"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["createdAt"])


def test_answer_is_kept_by_no_cache(backend: Backend) -> None:
    answer = backend.setup()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]


def test_known_organization_gets_the_new_user_and_stays_as_it_is(backend: Backend) -> None:
    first = backend.setup(setup_body(billingAddress=ADDRESS)).json()
    before = Organization.objects.values().get()
    answer = backend.setup(
        setup_body(
            internalUserId="user-2",
            organizationName="Renamed",
            organizationEmail="new@northwind.example",
            billingAddress={**ADDRESS, "line1": "Elsewhere"},
        )
    )
    assert answer.status_code == 201
    assert answer.json()["organizationId"] == first["organizationId"]
    assert (answer.json()["organizationCreated"], answer.json()["organizationName"]) == (False, "Northwind Bakery")
    assert Organization.objects.values().get() == before
    assert [address.line1 for address in Address.objects.all()] == ["1 Mill Road"]
    assert Profile.objects.count() == 2


def test_same_user_again_is_a_conflict_with_the_ids_of_what_exists(backend: Backend) -> None:
    first = backend.setup().json()
    before = all_rows()
    answer = backend.setup(setup_body(organizationName="Renamed"))
    assert answer.status_code == 409
    body = answer.json()
    assert (body["success"], body["code"], body["error"]) == (False, "ALREADY_EXISTS", "Already exists")
    for name in ("organizationId", "profileId", "internalOrgId", "internalUserId"):
        assert body[name] == first[name]
    assert all_rows() == before


def test_user_of_another_organization_is_a_conflict_with_the_ids_of_what_exists(backend: Backend) -> None:
    first = backend.setup().json()
    before = all_rows()
    answer = backend.setup(setup_body(internalOrgId="org-2"))
    assert answer.status_code == 409
    assert answer.json()["internalOrgId"] == "org-1"
    assert answer.json()["organizationId"] == first["organizationId"]
    assert answer.json()["profileId"] == first["profileId"]
    assert all_rows() == before


def test_conflict_carries_the_ids_in_problem_json_too(backend: Backend) -> None:
    first = backend.setup().json()
    answer = backend.setup(Accept="application/problem+json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["profileId"]) == (409, first["profileId"])


def test_two_users_may_share_an_email(backend: Backend) -> None:
    first = backend.setup().json()
    second = backend.setup(setup_body(internalUserId="user-2")).json()
    assert first["profileId"] != second["profileId"]


def test_external_ids_differ_by_case(backend: Backend) -> None:
    assert backend.setup().status_code == 201
    assert backend.setup(setup_body(internalUserId="USER-1", internalOrgId="ORG-1")).status_code == 201
    assert Organization.objects.count() == 2


def test_texts_are_trimmed(backend: Backend) -> None:
    answer = backend.setup(setup_body(internalUserId="  user-1 ", organizationName=" Northwind\u00a0"))
    assert (answer.json()["internalUserId"], answer.json()["organizationName"]) == ("user-1", "Northwind")


@pytest.mark.parametrize("name", ["Zoë", "李", "O'Brien", "محمد‌رضا", "Анна-Мария", "👩‍🍳"])
def test_names_of_any_script_are_kept(backend: Backend, name: str) -> None:
    user = {"firstName": name, "lastName": name, "email": "ada@northwind.example"}
    assert backend.setup(setup_body(user=user)).status_code == 201
    assert Profile.objects.get().first_name == name


def test_addresses_are_stored_by_kind_with_states_by_code(backend: Backend) -> None:
    shipping = [{**ADDRESS, "province": "new york", "postalCode": "100011234"}, {**ADDRESS, "country": "usa"}]
    abroad = {"line1": "1 Rue", "line2": "2e", "city": "Lyon", "province": "Rhône", "postalCode": "69001", "country": "France"}
    body = setup_body(userAddress=ADDRESS, shippingLocations=shipping, billingAddress=abroad)
    assert backend.setup(body).status_code == 201
    stored = Address.objects.order_by("kind", "pk").values_list(
        "kind", "line1", "line2", "city", "province", "postal_code", "country", "is_primary"
    )
    assert list(stored) == [
        ("billing", "1 Rue", "2e", "Lyon", "Rhône", "69001", "France", False),
        ("shipping", "1 Mill Road", "", "Oakland", "NY", "10001-1234", "United States", False),
        ("shipping", "1 Mill Road", "", "Oakland", "CA", "94607", "United States", False),
        ("user", "1 Mill Road", "", "Oakland", "CA", "94607", "United States", False),
    ]
    assert Address.objects.get(kind="user").profile_id == Profile.objects.get().pk
    assert set(Address.objects.exclude(kind="user").values_list("profile_id", flat=True)) == {None}


@pytest.mark.parametrize("empty", [None, ""])
def test_optional_texts_may_be_null_or_empty(backend: Backend, empty: str | None) -> None:
    user = {"firstName": "Ada", "lastName": "Diaz", "email": "ada@northwind.example", "phoneNumber": empty}
    address = {**ADDRESS, "line2": empty, "country": empty}
    body = setup_body(user=user, userAddress=address, organizationEmail=empty, organizationPhone=empty, accessToken=empty)
    assert backend.setup(body).status_code == 201
    assert (Organization.objects.get().email, Profile.objects.get().phone) == ("", "")
    assert (Address.objects.get().line2, Address.objects.get().country) == ("", "United States")


def test_optional_objects_may_be_null(backend: Backend) -> None:
    body = setup_body(userAddress=None, shippingLocations=None, billingAddress=None, accessTokenExpiresIn=None)
    assert backend.setup(body).status_code == 201
    assert not Address.objects.exists()


def test_unknown_fields_are_ignored_and_never_stored(backend: Backend) -> None:
    user = {**setup_body()["user"], "password": "canary-4711", "partner_id": "x"}
    body = setup_body(user=user, taxId="canary-4711", userAddress={**ADDRESS, "doorCode": "canary-4711"})
    assert backend.setup(body).status_code == 201
    assert "canary-4711" not in str(all_rows())


@pytest.mark.parametrize("field", ["accessToken", "refreshToken"])
def test_oauth_tokens_stand_nowhere_in_the_clear(
    backend: Backend, field: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = backend.setup(setup_body(**{field: "canary-4711", "accessTokenExpiresIn": 3600}), **{"Idempotency-Key": "once"})
    assert answer.status_code == 201
    printed = capsys.readouterr()
    assert "canary-4711" not in str(all_rows()) + caplog.text + printed.out + printed.err + answer.content.decode()


def test_ledger_has_a_row_for_the_organization_and_one_for_the_user(backend: Backend) -> None:
    answer = backend.setup().json()
    created, added = Event.objects.exclude(type__startswith="key.").exclude(type__startswith="partner.").order_by("id")
    assert (created.type, created.subject_type, created.subject_id) == (
        "organization.created",
        "organization",
        answer["organizationId"],
    )
    assert (added.type, added.subject_type, added.subject_id) == ("profile.created", "profile", answer["profileId"])
    assert (created.data, added.data) == ({}, {"organization_id": answer["organizationId"]})
    for event in (created, added):
        assert (event.actor_kind, event.actor_id) == ("key", backend.issued.key.kid)
        assert (event.partner_id, event.environment) == (backend.partner.pk, "test")
        assert event.context.address == "127.0.0.1"


def test_ledger_holds_no_personal_data(backend: Backend) -> None:
    backend.setup()
    backend.partner_setup()
    rows = str(list(Event.objects.filter(partner_id=backend.partner.pk).values()))
    for personal in ("Ada", "Diaz", "northwind.example", "Northwind", "user-1", "org-1"):
        assert personal not in rows


def test_removed_user_comes_back_under_the_same_id_and_with_the_raised_epoch(backend: Backend) -> None:
    first = backend.setup(setup_body(userAddress=ADDRESS)).json()
    Profile.objects.update(removed_at=Now(), auth_epoch=F("auth_epoch") + 1)
    user = {"firstName": "Augusta", "lastName": "King", "email": "augusta@northwind.example"}
    answer = backend.setup(setup_body(user=user, userAddress={**ADDRESS, "line1": "9 New Street"}))
    profile = Profile.objects.get()
    assert (answer.status_code, answer.json()["profileId"]) == (201, first["profileId"])
    assert answer.json()["createdAt"] == first["createdAt"]
    assert (profile.removed_at, profile.auth_epoch, profile.first_name) == (None, 1, "Augusta")
    assert [address.line1 for address in Address.objects.all()] == ["9 New Street"]
    assert Event.objects.filter(type="profile.updated", subject_id=first["profileId"]).count() == 1


def test_user_removed_from_another_organization_stays_a_conflict(backend: Backend) -> None:
    backend.setup()
    Profile.objects.update(removed_at=Now())
    before = all_rows()
    assert backend.setup(setup_body(internalOrgId="org-2")).status_code == 409
    assert all_rows() == before


def test_environments_see_disjoint_organizations(db: None) -> None:
    test = make_backend()
    live = make_backend(test.partner, environment=Environment.LIVE)
    first, second = test.setup().json(), live.setup().json()
    assert (first["environment"], second["environment"]) == ("test", "live")
    assert first["organizationId"] != second["organizationId"]
    assert first["profileId"] != second["profileId"]


def test_same_external_ids_of_another_partner_are_other_subjects(backend: Backend) -> None:
    other = make_backend()
    mine, theirs = backend.setup(), other.setup()
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["organizationId"] != theirs.json()["organizationId"]


def test_conflict_never_shows_ids_of_another_partner(backend: Backend) -> None:
    profile = make_profile(make_backend().partner, external_id="user-1")
    answer = backend.setup()
    assert answer.status_code == 201
    assert str(profile.pk) not in answer.content.decode()


def test_organization_of_the_older_form_is_the_same_organization(backend: Backend) -> None:
    organization = make_organization(backend.partner, external_id="org-1")
    assert backend.setup().json()["organizationId"] == str(organization.pk)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "UNAUTHORIZED"),
        ({"Authorization": "Bearer sk_test_nonsense"}, 401, "INVALID_API_KEY"),
        ({"X-API-Key": "sk_test_nonsense"}, 400, "MULTIPLE_CREDENTIALS"),
    ],
)
def test_bad_credential_is_refused_before_anything_else(
    backend: Backend, headers: dict[str, str], status: int, code: str
) -> None:
    answer = backend.post(SETUP, b"{not even json", **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "X-RateLimit-Limit" not in answer.headers


def test_key_without_the_scope_is_refused(db: None) -> None:
    backend = make_backend(scopes=[scope for scope in Scope if scope != Scope.ORGANIZATION_WRITE])
    answer = backend.setup()
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert not Organization.objects.exists()


def test_suspended_partner_is_refused(backend: Backend) -> None:
    suspend_partner(backend.partner.pk, reason="test", actor=ALICE)
    answer = backend.setup()
    assert (answer.status_code, answer.json()["code"]) == (403, "PARTNER_SUSPENDED")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(backend: Backend, method: str, client: Any) -> None:
    answer = client.generic(method, SETUP, HTTP_HOST="127.0.0.1:8000")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
