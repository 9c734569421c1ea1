"""What staff see of syncs, and what they do about them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Event
from organizations.models import GrantState, OAuthProvider, RunOutcome
from organizations.oauth.sealing import client_secret_place, unseal
from sticker_auth.roles import Role
from tests.admin.staff import signed_in
from tests.admin.test_query_counts import questions
from tests.factories import make_organization, make_partner
from tests.organizations.oauth.provider import CLIENT_ID, CLIENT_SECRET, Answer, Provider
from tests.organizations.oauth.world import World, configure, make_world

LISTS = ("organizations_oauthprovider", "organizations_oauthgrant")


def grant_url(world: World, action: str = "change") -> str:
    return reverse(f"admin:organizations_oauthgrant_{action}", args=[world.grant.pk])


def provider_url(world: World, action: str = "change") -> str:
    return reverse(f"admin:organizations_oauthprovider_{action}", args=[OAuthProvider.objects.get(partner=world.partner).pk])


def form_of(provider: Provider, **changes: Any) -> dict[str, Any]:
    return {
        "data_url": provider.data_url,
        "token_url": provider.token_url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "client_authentication": "basic",
        "interval_seconds": 600,
        "refresh_owner": "us",
        "scopes": "org.read users.read",
        "field_names": "users.email = mail\n\norganizationName=data.title",
        **changes,
    }


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_lists_and_pages(world: World, role: Role) -> None:
    world.sync()
    client = signed_in(role)
    for url in (*(reverse(f"admin:{name}_changelist") for name in LISTS), grant_url(world), provider_url(world)):
        assert client.get(url).status_code == 200, url


ACTS = {"sync": Role.SUPPORT, "pause": Role.SUPPORT, "resume": Role.SUPPORT, "disconnect": Role.RESPONDER}


@pytest.mark.parametrize("role", list(Role))
def test_an_act_opens_for_its_role_alone(world: World, role: Role) -> None:
    client = signed_in(role)
    acts = {grant_url(world, name): needed for name, needed in ACTS.items()}
    acts[grant_url(world, "resume-with-removals")] = Role.RESPONDER
    acts[provider_url(world, "edit")] = Role.ISSUER
    acts[reverse("admin:organizations_oauthprovider_create")] = Role.ISSUER
    for url, needed in acts.items():
        assert client.get(url).status_code == (200 if role is needed else 403), url
        if role is not needed:
            assert client.post(url, {}).status_code == 403


def test_a_provider_is_made_and_changed_in_the_console(db: None, provider: Provider) -> None:
    partner, client = make_partner(), signed_in(Role.ISSUER)
    url = reverse("admin:organizations_oauthprovider_create")
    made = client.post(url, form_of(provider, partner=partner.slug, environment="test"))
    row = OAuthProvider.objects.get(partner=partner)
    assert (made.status_code, made.headers["Location"]) == (
        302,
        reverse("admin:organizations_oauthprovider_change", args=[row.pk]),
    )
    assert (row.scopes, row.field_names) == (
        ["org.read", "users.read"],
        {"users.email": "mail", "organizationName": "data.title"},
    )
    edit = reverse("admin:organizations_oauthprovider_edit", args=[row.pk])
    shown = client.get(edit).content.decode()
    assert "users.email = mail" in shown
    assert CLIENT_SECRET not in shown
    client.post(edit, form_of(provider, client_secret="", interval_seconds=900))
    row.refresh_from_db()
    assert (row.interval_seconds, unseal(row.client_secret_sealed, place=client_secret_place(row))) == (900, CLIENT_SECRET)
    assert Event.objects.filter(type="oauth_provider.configured", actor_kind="staff").count() == 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data_url": "https://api.example/"}, "must contain"),
        ({"partner": "nobody"}, "No partner has this slug"),
        ({"field_names": "users.salary = pay"}, "none of our fields"),
        ({"field_names": "nothing"}, "Write OURS = THEIRS"),
        ({"client_secret": ""}, "client secret is missing"),
    ],
)
def test_wrong_settings_are_told_beside_their_field(
    db: None, provider: Provider, changes: dict[str, str], complaint: str
) -> None:
    client = signed_in(Role.ISSUER)
    body = form_of(provider, **{"partner": make_partner().slug, "environment": "test", **changes})
    answer = client.post(reverse("admin:organizations_oauthprovider_create"), body)
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert not OAuthProvider.objects.exists()


def test_a_second_provider_for_one_place_is_refused(world: World, provider: Provider) -> None:
    body = form_of(provider, partner=world.partner.slug, environment="test")
    answer = signed_in(Role.ISSUER).post(reverse("admin:organizations_oauthprovider_create"), body)
    assert "has a provider there already" in answer.content.decode()


def test_sync_now_pause_and_resume(world: World) -> None:
    world.sync()
    client = signed_in(Role.SUPPORT)
    assert client.post(grant_url(world, "sync")).status_code == 302
    assert world.sync() is RunOutcome.UNCHANGED
    client.post(grant_url(world, "pause"), {"reason": "odd data"})
    assert world.grant.state == GrantState.PAUSED
    again = client.post(grant_url(world, "sync"))
    assert "The sync is paused" in again.content.decode()
    client.post(grant_url(world, "resume"), {"reason": "explained"})
    assert world.grant.state == GrantState.ACTIVE
    reasons = Event.objects.filter(type__startswith="organization.sync_", actor_kind="staff").values_list("reason", flat=True)
    assert set(reasons) == {"", "odd data", "explained"}


def test_a_paused_removal_is_judged_by_a_responder(world: World) -> None:
    world.sync()
    world.document["users"] = []
    world.sync_again()
    client = signed_in(Role.RESPONDER)
    page = client.get(grant_url(world)).content.decode()
    assert "2 users would be removed" in page
    url = grant_url(world, "resume-with-removals")
    assert url in page
    client.post(url, {"reason": "they closed", "confirm": "something else"})
    assert world.grant.state == GrantState.PAUSED
    client.post(url, {"reason": "they closed", "confirm": world.organization.external_id})
    assert world.sync() is RunOutcome.CHANGED
    assert world.users() == set()


def test_disconnecting_wants_the_id_typed(world: World) -> None:
    client = signed_in(Role.RESPONDER)
    url = grant_url(world, "disconnect")
    client.post(url, {"reason": "off-boarded", "confirm": "x"})
    assert world.grant.state == GrantState.PENDING
    client.post(url, {"reason": "off-boarded", "confirm": world.organization.external_id})
    assert (world.grant.state, world.grant.access_sealed) == (GrantState.DISCONNECTED, None)


def test_a_connect_link_is_shown_once_and_nowhere_kept(db: None, provider: Provider) -> None:
    partner = make_partner()
    configure(provider, partner, authorization_url=provider.url("/authorize"))
    organization = make_organization(partner)
    client = signed_in(Role.SUPPORT)
    page = reverse("admin:organizations_organization_change", args=[organization.pk])
    url = reverse("admin:organizations_organization_connect", args=[organization.pk])
    assert url in client.get(page).content.decode()
    answer = client.post(url)
    link = answer.context["link"].url
    assert link in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert link.partition("#")[2] not in client.get(page).content.decode()
    assert (
        Client().get(link.partition("#")[0].replace("http://127.0.0.1:8000", ""), HTTP_HOST="127.0.0.1:8000").status_code == 200
    )


def test_pages_show_what_happened_and_no_token(world: World) -> None:
    world.sync()
    world.provider.next_at_data.append(Answer(403))
    world.sync_again()
    client = signed_in(Role.VIEWER)
    page = client.get(grant_url(world)).content.decode()
    for word in ("Misconfigured", "forbidden", "2 users added", "Last 24 hours", "went well", "may not read"):
        assert word in page, word
    assert "Syncs" in client.get(reverse("admin:index")).content.decode()
    failing = client.get(reverse("admin:organizations_oauthgrant_changelist"), {"attention": "yes"}).content.decode()
    assert world.organization.external_id in failing
    for hidden in (*world.provider.access_tokens, *world.provider.refresh_tokens, CLIENT_SECRET):
        assert hidden not in page + client.get(provider_url(world)).content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_lists_cost_the_same_for_one_row_and_for_many(world: World, provider: Provider, name: str) -> None:
    client = signed_in(is_superuser=True)
    url = reverse(f"admin:{name}_changelist")
    few = questions(client, url)
    for _ in range(4):
        make_world(provider)
    assert questions(client, url) == few
    assert few <= 14


def test_lists_are_searched_and_filtered(world: World, provider: Provider) -> None:
    other = make_world(provider)
    client = signed_in(Role.VIEWER)
    url = reverse("admin:organizations_oauthgrant_changelist")
    for query in ({"q": world.organization.external_id}, {"q": str(world.grant.pk)}, {"partner": world.partner.slug}):
        found = client.get(url, query).content.decode()
        assert world.organization.external_id in found
        assert other.organization.external_id not in found
    assert world.organization.external_id not in client.get(url, {"state": "paused"}).content.decode()


def test_what_a_provider_wrote_is_escaped(db: None, provider: Provider) -> None:
    hostile = '"><script>alert(1)</script>'
    world = make_world(provider, external_id=hostile)
    world.document["organizationName"] = hostile
    world.sync()
    client = signed_in(is_superuser=True)
    for url in (grant_url(world), reverse("admin:organizations_oauthgrant_changelist")):
        assert "<script>alert" not in client.get(url).content.decode()
