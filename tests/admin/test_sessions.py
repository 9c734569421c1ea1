"""Sessions and customers in the console: shown by state, found, and sessions revoked with a reason."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from core.principals import Environment
from partners.services.partners import suspend_partner
from sessions_app.admin import count_open_sessions, session_state, token_state
from sessions_app.models import EmbedSession, SessionToken
from sessions_app.services.embed import read_session
from sticker_auth.roles import Role
from tests.admin.staff import World, make_token, make_world, signed_in
from tests.factories import ALICE, make_profile

TOKENS = "admin:sessions_app_sessiontoken_changelist"
SESSIONS = "admin:sessions_app_embedsession_changelist"


@pytest.mark.parametrize("model", ["sessiontoken", "embedsession"])
def test_revoke_ends_the_session_with_a_reason(world: World, model: str) -> None:
    row_id = world.token.pk if model == "sessiontoken" else world.session.pk
    url = reverse(f"admin:sessions_app_{model}_revoke", args=[row_id])
    client = signed_in(Role.RESPONDER)
    assert client.post(url, {"reason": ""}).status_code == 200
    assert client.post(url, {"reason": "SEC-2 lost laptop"}).status_code == 302
    session = read_session(world.session.pk)
    assert session is not None
    assert session.dead_because
    row = Event.objects.get(type="session.revoked")
    assert (row.subject_id, row.reason, row.actor_kind) == (str(world.token.pk), "SEC-2 lost laptop", "staff")


def test_a_token_shows_what_became_of_it(world: World) -> None:
    now = timezone.now()
    waiting = make_token(world.key, make_profile(world.partner, environment=Environment.LIVE))
    assert token_state(waiting) == "waiting"
    for field, state in (("redeemed_at", "redeemed"), ("superseded_at", "superseded"), ("revoked_at", "revoked")):
        SessionToken.objects.filter(pk=waiting.pk).update(**{field: now})
        waiting.refresh_from_db()
        assert token_state(waiting) == state


def test_what_a_suspension_ended_shows_as_revoked(world: World) -> None:
    assert session_state(world.session) == "open"
    suspend_partner(world.partner.pk, reason="x", actor=ALICE)
    session = EmbedSession.objects.select_related("partner", "profile", "key").get(pk=world.session.pk)
    assert session_state(session) == "revoked"


def test_open_sessions_are_counted_for_a_partner_and_for_a_key(world: World) -> None:
    make_token(world.key, make_profile(world.partner, environment=Environment.LIVE))
    for key_id in (None, world.key.pk):
        counted = count_open_sessions(world.partner.pk, key_id)
        assert (counted.waiting, counted.signed_in) == (2, 1)
    suspend_partner(world.partner.pk, reason="x", actor=ALICE)
    ended = count_open_sessions(world.partner.pk, None)
    assert (ended.waiting, ended.signed_in) == (0, 0)


def test_sessions_are_found_by_id_kid_and_user(world: World) -> None:
    make_world("Zenith")
    client = signed_in(Role.VIEWER)
    for text in (str(world.token.pk), world.key.kid, str(world.profile.external_id), str(world.profile.pk)):
        assert list(client.get(reverse(TOKENS), {"q": text}).context["cl"].result_list) == [world.token], text
        assert list(client.get(reverse(SESSIONS), {"q": text}).context["cl"].result_list) == [world.session], text


def test_state_filters_keep_their_rows(world: World) -> None:
    client = signed_in(Role.VIEWER)
    assert list(client.get(reverse(TOKENS), {"state": "waiting"}).context["cl"].result_list) == [world.token]
    assert list(client.get(reverse(SESSIONS), {"state": "open"}).context["cl"].result_list) == [world.session]
    assert list(client.get(reverse(SESSIONS), {"state": "over"}).context["cl"].result_list) == []
    EmbedSession.objects.update(idle_expires_at=timezone.now() - timedelta(seconds=1))
    assert list(client.get(reverse(SESSIONS), {"state": "over"}).context["cl"].result_list) == [world.session]


def test_no_page_shows_a_digest(world: World) -> None:
    client = signed_in(is_superuser=True)
    for url in (world.session_url(), reverse("admin:sessions_app_embedsession_change", args=[world.session.pk])):
        text = client.get(url).content.decode()
        for secret in (bytes(world.token.digest), bytes(world.session.handle_digest)):
            assert secret.hex() not in text


def test_organizations_and_users_are_found_and_lead_to_each_other(world: World) -> None:
    client = signed_in(Role.VIEWER)
    organizations = reverse("admin:organizations_organization_changelist")
    for text in ("northwi", world.organization.external_id, str(world.organization.pk)):
        assert list(client.get(organizations, {"q": text}).context["cl"].result_list) == [world.organization], text
    users = reverse("admin:organizations_profile_changelist")
    for query in (
        {"q": world.profile.email.upper()},
        {"q": str(world.profile.external_id)},
        {"organization": str(world.organization.pk)},
    ):
        assert list(client.get(users, query).context["cl"].result_list) == [world.profile], query
    assert list(client.get(users, {"organization": "not-an-id"}).context["cl"].result_list) == []
    page = client.get(reverse("admin:organizations_organization_change", args=[world.organization.pk])).content.decode()
    assert reverse("admin:organizations_profile_change", args=[world.profile.pk]) in page
