"""The rate limit of the setup calls: whose bucket a call takes from, and what the headers tell."""

import time
from datetime import timedelta
from typing import Any

import pytest

from core.principals import Environment
from organizations.models import Organization
from partners.models import Partner, RateLimitState
from partners.scopes import Scope
from partners.services.keys import rotate_key
from partners.services.partners import suspend_partner
from partners.verification import verify_key
from tests.factories import ALICE, make_partner
from tests.organizations.backend import Backend, make_backend, partner_body, setup_body

HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def limited(per_minute: int) -> Backend:
    partner = make_partner()
    Partner.objects.filter(pk=partner.pk).update(setup_per_minute=per_minute)
    return make_backend(partner)


def user(number: int) -> dict[str, Any]:
    return setup_body(internalUserId=f"user-{number}")


def test_default_is_a_hundred_a_minute(backend: Backend) -> None:
    answer = backend.setup()
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("100", "99")
    assert time.time() - 2 <= int(answer.headers["X-RateLimit-Reset"]) <= time.time() + 3


def test_whole_allowance_may_be_used_at_once_and_no_more(db: None) -> None:
    backend = limited(5)
    answers = [backend.setup(user(number)) for number in range(7)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 2
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]


def test_refusal_says_how_long_to_wait(db: None) -> None:
    backend = limited(1)
    backend.setup(user(1))
    answer = backend.setup(user(2))
    body = answer.json()
    assert (answer.status_code, body["code"], body["success"]) == (429, "RATE_LIMIT_EXCEEDED", False)
    assert 1 <= body["retry_after"] <= 60
    assert answer.headers["Retry-After"] == str(body["retry_after"])
    assert all(name in answer.headers for name in HEADERS)
    assert Organization.objects.count() == 1


def test_both_forms_take_from_one_bucket(db: None) -> None:
    backend = limited(1)
    assert backend.setup().status_code == 201
    assert backend.partner_setup().status_code == 429


def test_handshake_has_a_bucket_of_its_own(db: None) -> None:
    backend = limited(1)
    backend.setup()
    answer = backend.post("/v1/partner/handshake", {"internal_user_id": "user-1"})
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (200, "300")


def test_keys_of_one_partner_share_its_bucket(db: None) -> None:
    first = limited(1)
    second = make_backend(first.partner)
    assert (first.setup().status_code, second.setup().status_code) == (201, 429)


def test_environments_have_buckets_of_their_own(db: None) -> None:
    test = limited(1)
    live = make_backend(test.partner, environment=Environment.LIVE)
    assert (test.setup().status_code, live.setup().status_code) == (201, 201)


def test_partners_have_buckets_of_their_own(db: None) -> None:
    assert (limited(1).setup().status_code, limited(1).setup().status_code) == (201, 201)


def test_limit_of_a_key_replaces_the_partners_and_has_its_own_bucket(db: None) -> None:
    usual = limited(1)
    special = make_backend(usual.partner, setup_per_minute=2)
    usual.setup()
    answers = [special.setup(user(number)) for number in (2, 3, 4)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[0].headers["X-RateLimit-Limit"] == "2"


def test_rotation_gives_no_second_allowance(db: None) -> None:
    backend = make_backend(setup_per_minute=1)
    backend.setup()
    successor = rotate_key(backend.issued.key.pk, overlap=timedelta(hours=1), reason="test", actor=ALICE)
    assert Backend(successor).setup(user(2)).status_code == 429


def test_answers_of_a_key_in_grace_carry_both_kinds_of_headers(db: None) -> None:
    backend = make_backend()
    rotate_key(backend.issued.key.pk, overlap=timedelta(hours=1), reason="test", actor=ALICE)
    answer = backend.setup()
    assert all(name in answer.headers for name in (*HEADERS, "Deprecation", "Sunset", "Link"))


@pytest.mark.parametrize(
    ("body", "status"), [(setup_body(), 409), (b"{", 400), (b" " * 70_000, 413), (setup_body(partner_id="x"), 400)]
)
def test_every_refusal_to_a_known_key_carries_the_headers(backend: Backend, body: Any, status: int) -> None:
    backend.setup()
    answer = backend.post("/v1/organizations/setup", body)
    assert answer.status_code == status
    assert answer.headers["X-RateLimit-Remaining"] == "98"
    assert all(name in answer.headers for name in HEADERS)


def test_update_carries_the_headers(backend: Backend) -> None:
    backend.partner_setup()
    answer = backend.partner_setup(partner_body())
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (200, "98")


def test_refusal_for_scope_carries_the_headers(db: None) -> None:
    answer = make_backend(scopes=[Scope.ORGANIZATION_READ]).setup()
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (403, "99")


def test_refusal_of_a_suspended_partner_carries_the_headers(backend: Backend) -> None:
    suspend_partner(backend.partner.pk, reason="test", actor=ALICE)
    answer = backend.setup()
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (403, "99")


def test_refused_credential_uses_nothing_up(backend: Backend) -> None:
    answer = backend.setup(Authorization="Bearer sk_test_nonsense")
    assert answer.status_code == 401
    assert not any(name in answer.headers for name in HEADERS)
    assert not RateLimitState.objects.exists()


def test_principal_knows_whose_limit_holds(backend: Backend) -> None:
    own = make_backend(backend.partner, setup_per_minute=7)
    usual = verify_key(backend.issued.plaintext, address=None).principal()
    special = verify_key(own.issued.plaintext, address=None).principal()
    assert (usual.setup_per_minute, usual.setup_family, usual.handshake_family) == (None, None, None)
    assert (special.setup_per_minute, special.setup_family, special.handshake_family) == (7, own.issued.key.family_id, None)
