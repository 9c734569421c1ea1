"""The handshake: who may ask, for whom, and what comes back."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core.principals import Environment
from partners.scopes import Scope
from partners.services.partners import suspend_partner
from sessions_app.models import SessionToken
from tests.factories import ALICE, make_key, make_organization, make_profile
from tests.sessions_app.conftest import World, call

HANDSHAKE = "/v1/partner/handshake"


def test_answer_has_the_published_shape(world: World) -> None:
    answer = world.handshake()
    base = f"http://127.0.0.1:8000/sandbox/embedded/{world.partner.pk}"
    assert re.fullmatch(r"[0-9a-f]{64}", answer["session_key"])
    assert answer["iframe_url"] == base
    assert answer["iframe_embed_url"] == f"{base}#session_key={answer['session_key']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["expires_at"])
    assert (answer["success"], answer["expires_in"], answer["is_used"]) == (True, 300, False)
    assert answer["profile"] == {
        "id": str(world.profile.pk),
        "first_name": "Ada",
        "last_name": "Byron",
        "email": "ada@example.com",
    }
    assert answer["partner_org_id"] == world.profile.organization.external_id


def test_live_key_leads_to_the_live_page(db: None) -> None:
    from tests.sessions_app.conftest import make_world

    world = make_world(Environment.LIVE)
    assert world.handshake()["iframe_url"] == f"http://127.0.0.1:8000/embedded/{world.partner.pk}"


def test_user_is_found_by_profile_id(world: World) -> None:
    assert world.handshake(profile_id=str(world.profile.pk))["profile"]["id"] == str(world.profile.pk)


def test_user_is_found_by_organization_and_email_in_any_case(world: World) -> None:
    body = {"partner_org_id": world.profile.organization.external_id, "user": {"email": "ADA@example.com"}}
    assert world.handshake(**body)["profile"]["id"] == str(world.profile.pk)


def test_changed_names_update_the_profile(world: World) -> None:
    user = {"email": "ada@example.com", "first_name": "Augusta", "last_name": "King"}
    answer = world.handshake(partner_org_id=world.profile.organization.external_id, user=user)
    world.profile.refresh_from_db()
    assert (world.profile.first_name, world.profile.last_name) == ("Augusta", "King")
    assert answer["profile"]["first_name"] == "Augusta"


def test_token_is_kept_as_a_digest_only(world: World) -> None:
    session_key = world.handshake()["session_key"]
    token = SessionToken.objects.get()
    assert session_key.encode() not in bytes(token.digest)
    assert bytes.fromhex(session_key) != bytes(token.digest)


def test_handshake_is_in_the_ledger_with_its_key(world: World) -> None:
    answer = world.handshake()
    event = Event.objects.get(type="session.created")
    assert (event.subject_id, event.actor_id, event.partner_id) == (
        answer["session_id"],
        world.issued.key.kid,
        world.partner.pk,
    )
    assert event.context.address == "127.0.0.1"


def test_handshake_costs_three_statements(world: World) -> None:
    world.handshake()
    with CaptureQueriesContext(connection) as queries:
        world.handshake()
    kinds = [query["sql"].split()[0] for query in queries]
    assert len(kinds) == 3, queries.captured_queries


def test_supersede_ends_the_users_other_tokens(world: World) -> None:
    first = world.handshake()
    world.handshake(internal_user_id=world.profile.external_id, supersede=True)
    assert world.redeem(first["session_key"]).status_code == 401
    assert world.backend("GET", f"/v1/sessions/{first['session_id']}").json()["status"] == "superseded"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u", "profile_id": str(uuid.uuid4())}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u", "partner_org_id": "o", "user": {"email": "a@b.cd"}}, 400, "INVALID_REQUEST"),
        ({"profile_id": "not-a-uuid"}, 400, "INVALID_REQUEST"),
        ({"profile_id": 7}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": ["u"]}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": ""}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u" * 129}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u\u202e\u0007"}, 400, "INVALID_REQUEST"),
        ({"partner_org_id": "o"}, 400, "INVALID_REQUEST"),
        ({"partner_org_id": "o", "user": "ada"}, 400, "INVALID_REQUEST"),
        ({"partner_org_id": "o", "user": {}}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u", "supersede": "yes"}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u", "partner_id": str(uuid.uuid4())}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "u", "is_used": False}, 400, "INVALID_REQUEST"),
        ({"internal_user_id": "nobody"}, 404, "PROFILE_NOT_FOUND"),
        ({"profile_id": str(uuid.uuid4())}, 404, "PROFILE_NOT_FOUND"),
        ({"partner_org_id": "nowhere", "user": {"email": "ada@example.com"}}, 404, "ORGANIZATION_NOT_FOUND"),
    ],
)
def test_wrong_body_gets_the_documented_refusal(world: World, body: Any, status: int, code: str) -> None:
    answer = world.backend("POST", HANDSHAKE, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not SessionToken.objects.exists()


@pytest.mark.parametrize("name", ["A\u200dda", "Jean\u00a0Luc", "O\u2019Neill"])
def test_names_keep_what_belongs_to_them(world: World, name: str) -> None:
    user = {"email": "ada@example.com", "first_name": name}
    answer = world.handshake(partner_org_id=world.profile.organization.external_id, user=user)
    assert answer["profile"]["first_name"] == name


@pytest.mark.parametrize("name", ["", " ", "A\nB", "A\u202eB", "x" * 101, 7])
def test_names_that_would_deceive_are_refused(world: World, name: object) -> None:
    body = {
        "partner_org_id": world.profile.organization.external_id,
        "user": {"email": "ada@example.com", "first_name": name},
    }
    assert world.backend("POST", HANDSHAKE, body).json()["details"][0]["field"] == "user.first_name"


def test_unknown_fields_are_ignored(world: World) -> None:
    answer = world.backend(
        "POST", HANDSHAKE, {"internal_user_id": world.profile.external_id, "locale": "tr", "metadata": {"a": [1]}}
    )
    assert answer.status_code == 200


def test_user_outside_the_organization_is_refused(world: World) -> None:
    other = make_organization(world.partner)
    answer = world.backend("POST", HANDSHAKE, {"partner_org_id": other.external_id, "user": {"email": "ada@example.com"}})
    assert (answer.status_code, answer.json()["code"]) == (403, "USER_NOT_FOUND")


def test_removed_user_is_unknown(world: World) -> None:
    world.profile.removed_at = world.profile.created_at
    world.profile.save()
    answer = world.backend("POST", HANDSHAKE, {"internal_user_id": world.profile.external_id})
    assert answer.json()["code"] == "PROFILE_NOT_FOUND"


@pytest.mark.parametrize("other_environment", [Environment.LIVE, Environment.TEST])
def test_users_of_other_partners_and_environments_look_missing(world: World, other_environment: Environment) -> None:
    partner = world.partner if other_environment is Environment.LIVE else make_key().key.partner
    stranger = make_profile(partner, environment=other_environment)
    for body in ({"internal_user_id": stranger.external_id}, {"profile_id": str(stranger.pk)}):
        answer = world.backend("POST", HANDSHAKE, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "PROFILE_NOT_FOUND")


def test_key_without_the_scope_is_forbidden(world: World) -> None:
    key = make_key(world.partner, scopes=[Scope.SESSION_READ])
    answer = call(Client(), "POST", HANDSHAKE, {"internal_user_id": "u"}, {"ApiKey": key.plaintext})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert 'scope="session:create"' in answer.headers["WWW-Authenticate"]


def test_suspended_partner_is_told_so(world: World) -> None:
    suspend_partner(world.partner.pk, reason="unpaid", actor=ALICE)
    answer = world.backend("POST", HANDSHAKE, {"internal_user_id": world.profile.external_id})
    assert (answer.status_code, answer.json()["code"]) == (403, "PARTNER_SUSPENDED")


def test_idempotency_key_is_refused_because_the_answer_is_a_secret(world: World) -> None:
    answer = world.backend("POST", HANDSHAKE, {"internal_user_id": world.profile.external_id}, **{"Idempotency-Key": "once"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_limit_headers_count_down_and_the_limit_holds(db: None) -> None:
    partner_key = make_key(handshake_per_minute=3)
    profile = make_profile(partner_key.key.partner)
    world = World(partner_key, profile)
    body = {"internal_user_id": profile.external_id}
    answers = [world.backend("POST", HANDSHAKE, body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    refused = answers[-1]
    assert int(refused.headers["Retry-After"]) == refused.json()["retry_after"] > 0
    assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"


def test_refusals_of_a_known_key_carry_the_limit_headers(world: World) -> None:
    answer = world.backend("POST", HANDSHAKE, {})
    assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(answer.headers)
