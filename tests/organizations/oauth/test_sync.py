"""What a sync applies, what it leaves alone, and what it leaves to staff."""

from typing import Any

import pytest

from audit.models import Event
from core.principals import Environment
from organizations.models import Address, GrantState, Profile, RunOutcome
from organizations.services.grants import connect_organization
from organizations.services.sync_switches import pause_sync, request_sync, resume_sync, resume_sync_with_removals
from tests.factories import ALICE, make_organization, make_profile
from tests.organizations.oauth.provider import Provider
from tests.organizations.oauth.world import ADA, BEN, EVE, World, configure, issued_tokens, make_world

BILLING = {"line1": "1 Mill Road", "city": "Oakland", "province": "California", "postalCode": "94607"}
DOCK = {"line1": "5 Dock Street", "city": "Oakland", "province": "CA", "postalCode": "94607"}


def events(*, since: int = 0) -> list[str]:
    kinds = ("organization", "profile", "oauth_provider")
    rows = Event.objects.filter(id__gt=since).order_by("id").values_list("type", flat=True)
    return [type_ for type_ in rows if type_.startswith(kinds)]


def last_event() -> int:
    return Event.objects.order_by("-id").values_list("id", flat=True).first() or 0


def test_first_sync_brings_everything(world: World) -> None:
    world.document.update(
        organizationName="Northwind Bakery",
        organizationEmail="office@northwind.example",
        organizationPhone="+1 415 555 0101",
        billingAddress=BILLING,
        shippingLocations=[DOCK, {**DOCK, "line1": "6 Dock Street"}],
    )
    before = last_event()
    assert world.sync() is RunOutcome.CHANGED
    world.organization.refresh_from_db()
    assert (world.organization.name, world.organization.email) == ("Northwind Bakery", "office@northwind.example")
    assert world.users() == {"user-1", "user-2"}
    kinds = Address.objects.filter(organization=world.organization).order_by("pk").values_list("kind", "province")
    assert list(kinds) == [("billing", "CA"), ("shipping", "CA"), ("shipping", "CA")]
    assert events(since=before) == ["organization.synced", "organization.updated", "profile.created", "profile.created"]
    synced = Event.objects.get(type="organization.synced")
    assert synced.data == {
        "changed": ["email", "name", "phone", "billing", "shipping"],
        "users_added": 2,
        "users_updated": 0,
        "users_removed": 0,
    }
    assert (world.grant.state, world.grant.failures) == (GrantState.ACTIVE, 0)


def test_nothing_new_is_no_event_and_costs_the_provider_nothing(world: World) -> None:
    world.sync()
    before = last_event()
    assert world.sync_again() is RunOutcome.UNCHANGED
    assert world.last_run().http_status == 304
    assert events(since=before) == []


def test_same_data_without_a_mark_is_no_event_either(world: World) -> None:
    world.sync()
    world.grant.__class__.objects.update(etag="")
    before = last_event()
    assert world.sync_again() is RunOutcome.UNCHANGED
    assert (world.last_run().http_status, events(since=before)) == (200, [])


def test_what_somebody_else_changed_here_is_put_right_although_the_provider_has_nothing_new(world: World) -> None:
    world.sync()
    from django.db.models.functions import Now

    Profile.objects.filter(external_id="user-1").update(first_name="Eda", updated_at=Now())
    world.grant.__class__.objects.update(synced_at=world.grant.created_at)
    assert world.sync_again() is RunOutcome.CHANGED
    assert Profile.objects.get(external_id="user-1").first_name == "Ada"


def test_absent_and_null_fields_change_nothing_and_empty_texts_do(world: World) -> None:
    world.document.update(organizationEmail="office@northwind.example", organizationPhone="+1 415 555 0101")
    world.sync()
    world.document.clear()
    world.document.update(organizationEmail=None, organizationPhone="")
    assert world.sync_again() is RunOutcome.CHANGED
    world.organization.refresh_from_db()
    assert (world.organization.email, world.organization.phone) == ("office@northwind.example", "")
    assert world.users() == {"user-1", "user-2"}


def test_users_change_come_back_and_go(world: World) -> None:
    world.document["users"] = [dict(ADA), dict(BEN), dict(EVE)]
    world.sync()
    ada = Profile.objects.get(external_id="user-1")
    world.document["users"] = [{"internalUserId": "user-1", "lastName": "Byron"}, dict(BEN)]
    before = last_event()
    assert world.sync_again() is RunOutcome.CHANGED
    eve = Profile.objects.get(external_id="user-3")
    assert (eve.removed_at is not None, eve.auth_epoch) == (True, 1)
    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.auth_epoch) == ("Ada", "Byron", 0)
    assert events(since=before) == ["organization.synced", "profile.updated", "profile.removed"]
    world.document["users"].append(dict(EVE))
    world.sync_again()
    eve.refresh_from_db()
    assert (eve.removed_at, eve.auth_epoch) == (None, 1)


def test_a_user_who_is_described_without_a_name_is_not_made(world: World) -> None:
    world.document["users"].append({"internalUserId": "user-9"})
    assert world.sync() is RunOutcome.CHANGED
    assert world.users() == {"user-1", "user-2"}
    assert world.last_run().changes["users_incomplete"] == 1


def test_a_user_of_another_organization_stays_there(world: World) -> None:
    other = make_profile(world.partner, external_id="user-2")
    assert world.sync() is RunOutcome.CHANGED
    other.refresh_from_db()
    assert other.organization_id != world.organization.pk
    assert (world.users(), world.last_run().changes["users_elsewhere"]) == ({"user-1"}, 1)


def test_users_of_the_older_form_go_when_their_address_is_not_listed(world: World) -> None:
    staying = make_profile(world.partner, organization=world.organization, external_id=None, email="ADA@northwind.example")
    going = make_profile(world.partner, organization=world.organization, external_id=None, email="zoe@northwind.example")
    world.sync()
    staying.refresh_from_db()
    going.refresh_from_db()
    assert (staying.removed_at, going.removed_at is not None) == (None, True)


def test_a_user_beside_the_list_is_added_and_nobody_removed(world: World) -> None:
    world.sync()
    del world.document["users"]
    world.document.update(
        internalUserId="user-3", user={k: v for k, v in EVE.items() if k != "internalUserId"}, userAddress=DOCK
    )
    assert world.sync_again() is RunOutcome.CHANGED
    assert world.users() == {"user-1", "user-2", "user-3"}
    assert Address.objects.get(profile__external_id="user-3").line1 == "5 Dock Street"


def test_a_users_address_follows(world: World) -> None:
    world.document["users"][0]["userAddress"] = DOCK
    world.sync()
    world.document["users"][0]["userAddress"] = BILLING
    assert world.sync_again() is RunOutcome.CHANGED
    assert Address.objects.get(profile__external_id="user-1").line1 == "1 Mill Road"
    assert world.last_run().changes["users_updated"] == 1


@pytest.mark.parametrize(("left", "reason"), [([], "no_users"), ([ADA], "many_removed")])
def test_a_list_that_removes_most_users_pauses_for_staff(world: World, left: list[Any], reason: str) -> None:
    world.document["users"] = [dict(ADA), dict(BEN), dict(EVE)]
    world.sync()
    world.document.update(users=[dict(each) for each in left], organizationName="Renamed")
    assert world.sync_again() is RunOutcome.STOPPED
    grant = world.grant
    assert (grant.state, grant.reason, grant.next_sync_at) == (GrantState.PAUSED, reason, None)
    world.organization.refresh_from_db()
    assert (world.organization.name, len(world.users())) == ("Northwind", 3)
    paused = Event.objects.get(type="organization.sync_paused")
    assert paused.data == {"reason": reason, "users_present": 3, "users_left_out": 3 - len(left)}


def test_half_of_the_users_may_go(world: World) -> None:
    world.sync()
    world.document["users"] = [dict(ADA)]
    assert world.sync_again() is RunOutcome.CHANGED
    assert world.users() == {"user-1"}


def test_staff_decide_what_becomes_of_a_paused_sync(world: World) -> None:
    world.sync()
    world.document["users"] = []
    world.sync_again()
    resume_sync(world.organization.pk, reason="look again", actor=ALICE)
    assert world.sync() is RunOutcome.STOPPED
    resume_sync_with_removals(world.organization.pk, reason="they have closed", actor=ALICE)
    assert world.sync() is RunOutcome.CHANGED
    assert world.users() == set()
    assert world.grant.is_removal_allowed is False


def test_a_pause_holds_against_new_tokens_and_against_a_sync_under_way(world: World) -> None:
    from core.principals import SYSTEM
    from organizations.services.sync_claims import claim_organization
    from organizations.services.sync_runs import run_claim

    claim = claim_organization(world.organization.pk)
    assert claim
    pause_sync(world.organization.pk, reason="odd data", actor=ALICE)
    assert run_claim(claim, actor=SYSTEM) is RunOutcome.SUPERSEDED
    connect_organization(world.organization, tokens=issued_tokens(world.provider), actor=ALICE)
    assert (world.grant.state, world.sync_again(), world.users()) == (GrantState.PAUSED, None, set())


def test_data_of_another_organization_is_refused(world: World) -> None:
    world.document["internalOrgId"] = "somebody-else"
    assert world.sync() is RunOutcome.FAILED
    assert (world.grant.state, world.grant.reason) == (GrantState.CONFIG_ERROR, "other_organization")
    assert world.users() == set()


def test_two_partners_with_the_same_ids_stay_two(db: None, provider: Provider) -> None:
    first = make_world(provider, external_id="org-1")
    second = make_world(provider, external_id="org-1")
    second.document["users"] = [{**ADA, "firstName": "Anna"}]
    first.sync()
    first.document["users"] = [dict(ADA), dict(BEN)]
    first.sync_again()
    second.document["users"] = [{**ADA, "firstName": "Anna"}]
    second.sync()
    names = Profile.objects.filter(external_id="user-1").values_list("partner_id", "first_name")
    assert set(names) == {(first.partner.pk, "Ada"), (second.partner.pk, "Anna")}
    assert len(first.users()) == 2


def test_live_and_test_stay_two(db: None, provider: Provider) -> None:
    world = make_world(provider, external_id="org-1")
    configure(provider, world.partner, Environment.LIVE)
    live = make_organization(world.partner, environment=Environment.LIVE, external_id="org-1")
    connect_organization(live, tokens=issued_tokens(provider), actor=ALICE)
    world.sync()
    assert Profile.objects.filter(organization=live).count() == 0


def test_names_of_the_provider_are_translated(db: None, provider: Provider) -> None:
    names = {
        "organizationName": "company.title",
        "users": "company.people",
        "users.internalUserId": "id",
        "users.firstName": "name.given",
        "users.lastName": "name.family",
        "users.email": "mail",
        "billingAddress": "company.address",
        "billingAddress.postalCode": "zip",
    }
    world = make_world(provider, field_names=names)
    world.document.clear()
    person = {"id": 42, "name": {"given": "Ada", "family": "Diaz"}, "mail": "ada@northwind.example", "salary": 1}
    address = {"line1": "1 Mill Road", "city": "Oakland", "province": "CA", "zip": "94607"}
    world.document["company"] = {"title": "Northwind Bakery", "people": [person], "address": address}
    assert world.sync() is RunOutcome.CHANGED
    world.organization.refresh_from_db()
    assert (world.organization.name, world.users()) == ("Northwind Bakery", {"42"})
    assert Address.objects.get(organization=world.organization).postal_code == "94607"


def test_the_organizations_id_is_one_step_of_the_address(db: None, provider: Provider) -> None:
    world = make_world(provider, external_id="a/../b?c=d&e#f %2F")
    assert world.sync() is RunOutcome.CHANGED
    assert provider.asked[-1].path == "/organizations/a%2F..%2Fb%3Fc%3Dd%26e%23f%20%252F"


@pytest.mark.parametrize("external_id", [".", ".."])
def test_an_id_that_would_be_a_step_upwards_is_never_asked_for(db: None, provider: Provider, external_id: str) -> None:
    world = make_world(provider, external_id=external_id)
    assert world.sync() is RunOutcome.FAILED
    assert (world.grant.reason, provider.asked_at("/")) == ("bad_url", [])


def test_a_sync_that_is_asked_for_comes_at_once_and_reads_anew(world: World) -> None:
    world.sync()
    assert world.sync() is None
    request_sync(world.organization.pk, actor=ALICE)
    request_sync(world.organization.pk, actor=ALICE)
    assert world.sync() is RunOutcome.UNCHANGED
    run = world.last_run()
    assert (run.trigger, run.http_status) == ("request", 200)
    assert Event.objects.filter(type="organization.sync_requested").count() == 1


def test_the_next_sync_is_about_an_interval_away(world: World) -> None:
    world.sync()
    grant = world.grant
    assert grant.next_sync_at
    assert grant.synced_at
    assert 3200 < (grant.next_sync_at - grant.synced_at).total_seconds() < 4000


def test_a_suspended_partners_organizations_are_not_asked_for(world: World) -> None:
    from core.principals import SYSTEM
    from organizations.services.sync_pass import sync_due
    from partners.services.partners import suspend_partner

    suspend_partner(world.partner.pk, reason="dispute", actor=ALICE)
    assert not sync_due(threads=1, seconds=5, actor=SYSTEM)
    assert world.provider.asked == []


def test_history_holds_no_personal_data(world: World) -> None:
    world.document["users"][0]["email"] = "not an address"
    world.sync()
    world.document["users"][0]["email"] = "ada@northwind.example"
    world.sync_again()
    from organizations.models import SyncRun

    texts = repr(list(SyncRun.objects.values())) + repr(list(Event.objects.values_list("data", flat=True)))
    assert "users[0].email" in texts
    assert not [word for word in ("Ada", "Diaz", "northwind.example", "not an address", "at-", "rt-") if word in texts]
