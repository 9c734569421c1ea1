"""What each role may open and do; everything else is 403, and its button is not there."""

from typing import Final

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from sticker_auth.roles import GRANTS, MEANINGS, Role
from tests.admin.staff import SURFACE_ROWS, World, signed_in

KEY_ACTIONS: Final = {"rotate": Role.SUPPORT, "pause": Role.SUPPORT, "edit": Role.ISSUER, "revoke": Role.RESPONDER}
PARTNER_ACTIONS: Final = {
    "edit": Role.ISSUER,
    "contacts": Role.ISSUER,
    "origins-live": Role.ISSUER,
    "origins-test": Role.ISSUER,
    "suspend": Role.RESPONDER,
    "emergency": Role.RESPONDER,
}
LIST_ACTIONS: Final = {
    "surfaces_route_create": Role.ISSUER,
    "surfaces_entitlement_grant": Role.ISSUER,
    "surfaces_tenanthost_create": Role.ISSUER,
    "surfaces_gatewaypolicy_create": Role.ISSUER,
    "surfaces_reselleraccount_create": Role.ISSUER,
    "surfaces_resellerclient_create": Role.ISSUER,
    "surfaces_customeraccount_create": Role.ISSUER,
    "surfaces_customeraccount_policy": Role.ISSUER,
    "partners_partner_create": Role.ISSUER,
    "partners_apikey_issue": Role.ISSUER,
    "partners_apikey_import": Role.ISSUER,
    "audit_event_export": Role.AUDITOR,
}
SURFACE_LISTS: Final = (
    "surfaces_surface",
    "surfaces_route",
    "surfaces_entitlement",
    "surfaces_tenanthost",
    "surfaces_gatewaypolicy",
    "surfaces_playerissuer",
    "surfaces_product",
    "surfaces_order",
    "surfaces_payment",
    "surfaces_reselleraccount",
    "surfaces_resellerclient",
    "surfaces_customeraccount",
    "surfaces_loginsession",
)
LISTS: Final = (
    "partners_partner",
    "partners_apikey",
    "organizations_organization",
    "organizations_profile",
    "organizations_oauthprovider",
    "organizations_oauthgrant",
    "sessions_app_sessiontoken",
    "sessions_app_embedsession",
    "webhooks_endpoint",
    "webhooks_delivery",
    "audit_event",
    *SURFACE_LISTS,
)


def all_actions(world: World) -> dict[str, Role]:
    """The address of every act, and the one role that may start it."""
    keys = {world.key_url(name): role for name, role in KEY_ACTIONS.items()}
    partners = {world.partner_url(name): role for name, role in PARTNER_ACTIONS.items()}
    lists = {reverse(f"admin:{name}"): role for name, role in LIST_ACTIONS.items()}
    surfaces = {
        world.surface_url("surface", "edit"): Role.ISSUER,
        world.surface_url("route", "edit"): Role.ISSUER,
        world.surface_url("route", "disable"): Role.ISSUER,
        world.surface_url("entitlement", "withdraw"): Role.RESPONDER,
        world.surface_url("tenanthost", "remove"): Role.ISSUER,
        world.surface_url("gatewaypolicy", "edit"): Role.ISSUER,
        world.surface_url("reselleraccount", "edit"): Role.ISSUER,
        world.surface_url("reselleraccount", "password"): Role.ISSUER,
        world.surface_url("reselleraccount", "disable"): Role.RESPONDER,
        world.surface_url("reselleraccount", "revoke-tokens"): Role.RESPONDER,
        world.surface_url("resellerclient", "edit"): Role.ISSUER,
        world.surface_url("resellerclient", "rotate"): Role.ISSUER,
        world.surface_url("resellerclient", "revoke-secret"): Role.RESPONDER,
        world.surface_url("resellerclient", "disable"): Role.RESPONDER,
        world.surface_url("resellerclient", "revoke-tokens"): Role.RESPONDER,
        world.surface_url("customeraccount", "password"): Role.ISSUER,
        world.surface_url("customeraccount", "disable"): Role.RESPONDER,
        world.surface_url("customeraccount", "revoke-tokens"): Role.RESPONDER,
        world.surface_url("loginsession", "revoke"): Role.RESPONDER,
    }
    return keys | partners | lists | surfaces | {world.session_url("revoke"): Role.RESPONDER}


def test_every_role_is_a_group_with_what_the_table_grants(db: None) -> None:
    for role in Role:
        held = Group.objects.get(name=role.value).permissions.values_list("content_type__app_label", "codename")
        assert {f"{label}.{name}" for label, name in held} == set(GRANTS[role])
        assert MEANINGS[role]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_all_lists_and_pages(world: World, role: Role) -> None:
    client = signed_in(role)
    pages = [world.key_url(), world.partner_url(), world.session_url(), reverse("admin:index")]
    pages += [world.surface_url(name) for name in SURFACE_ROWS]
    for url in [reverse(f"admin:{name}_changelist") for name in LISTS] + pages:
        assert client.get(url).status_code == 200, url


@pytest.mark.parametrize("role", list(Role))
def test_an_act_opens_for_its_role_alone(world: World, role: Role) -> None:
    client = signed_in(role)
    for url, needed in all_actions(world).items():
        expected = 200 if role is needed else 403
        assert client.get(url).status_code == expected, url
        assert client.post(url, {}).status_code == expected, url


@pytest.mark.parametrize("role", list(Role))
def test_buttons_are_those_of_the_role(world: World, role: Role) -> None:
    client = signed_in(role)
    shown = client.get(world.key_url()).content + client.get(world.partner_url()).content
    shown += client.get(reverse("admin:partners_apikey_changelist")).content + client.get(world.session_url()).content
    shown += client.get(reverse("admin:partners_partner_changelist")).content
    shown += client.get(reverse("admin:audit_event_changelist")).content
    for name in SURFACE_ROWS:
        shown += client.get(world.surface_url(name)).content + client.get(reverse(f"admin:surfaces_{name}_changelist")).content
    for url, needed in all_actions(world).items():
        assert (f'href="{url}"'.encode() in shown) is (role is needed), url


def test_staff_without_a_role_see_nothing_and_do_nothing(world: World) -> None:
    client = signed_in()
    assert b"holds no role" in client.get(reverse("admin:index")).content
    for url in [*all_actions(world), world.key_url(), reverse("admin:audit_event_changelist")]:
        assert client.get(url).status_code == 403, url


def test_nobody_gets_in_without_signing_in(world: World) -> None:
    for url in [*all_actions(world), world.key_url(), reverse("admin:index")]:
        answer = Client().get(url)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("admin:login"))


def test_a_refusal_is_a_page_a_person_understands(world: World) -> None:
    answer = signed_in(Role.VIEWER).get(world.key_url("revoke"))
    assert answer.status_code == 403
    assert b"Your role does not allow this" in answer.content


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("page", ["add/", "{}/delete/", "{}/history/"])
def test_nothing_is_added_or_deleted_by_hand(world: World, name: str, page: str) -> None:
    url = reverse(f"admin:{name}_changelist") + page.format(world.key.kid)
    client = signed_in(is_superuser=True)
    assert client.get(url).status_code == 404
    assert client.post(url, {"post": "yes"}).status_code == 404


def test_a_page_takes_no_edits(world: World) -> None:
    answer = signed_in(is_superuser=True).post(world.partner_url(), {"name": "Changed"})
    world.partner.refresh_from_db()
    assert answer.status_code in (200, 405)
    assert world.partner.name != "Changed"


def test_only_superusers_change_staff_and_roles(db: None) -> None:
    auditor = signed_in(Role.AUDITOR)
    assert auditor.get(reverse("admin:auth_user_changelist")).status_code == 200
    assert auditor.get(reverse("admin:auth_group_changelist")).status_code == 200
    assert auditor.get(reverse("admin:auth_user_add")).status_code == 403
    assert signed_in(Role.RESPONDER).get(reverse("admin:auth_user_changelist")).status_code == 403
    root = signed_in(is_superuser=True)
    assert root.get(reverse("admin:auth_user_add")).status_code == 200
    user = Group.objects.get(name=Role.VIEWER)
    assert root.get(reverse("admin:auth_group_change", args=[user.pk])).status_code == 200
