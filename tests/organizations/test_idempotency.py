"""`Idempotency-Key` on both setup calls: the first answer again, and never for another body, partner or environment."""

from typing import Any

import pytest

from core.principals import Environment
from organizations.models import Organization, Profile
from partners.models import IdempotencyRecord
from tests.organizations.backend import (
    PARTNER_SETUP,
    SETUP,
    Backend,
    all_rows,
    make_backend,
    partner_body,
    setup_body,
)

KEY = {"Idempotency-Key": "6f1f5b0a-7c11-4d0e"}
BODIES = {SETUP: setup_body(), PARTNER_SETUP: partner_body()}


@pytest.mark.parametrize("form", [SETUP, PARTNER_SETUP])
def test_repetition_gets_the_first_answer_and_changes_nothing(backend: Backend, form: str) -> None:
    first = backend.post(form, BODIES[form], **KEY)
    before = all_rows()
    again = backend.post(form, BODIES[form], **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert all_rows() == before


def test_repetition_says_that_it_is_one(backend: Backend) -> None:
    first, again = backend.setup(**KEY), backend.setup(**KEY)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "X-RateLimit-Remaining" in again.headers


@pytest.mark.parametrize("form", [SETUP, PARTNER_SETUP])
def test_other_body_is_a_conflict(backend: Backend, form: str) -> None:
    backend.post(form, BODIES[form], **KEY)
    before = all_rows()
    answer = backend.post(form, {**BODIES[form], "extra": 1}, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert all_rows() == before


def test_other_key_is_another_call(backend: Backend) -> None:
    backend.setup(**KEY)
    assert backend.setup(**{"Idempotency-Key": "other"}).status_code == 409


def test_refused_call_keeps_no_answer(backend: Backend) -> None:
    profile_id = backend.setup().json()["profileId"]
    assert backend.setup(**KEY).json()["code"] == "ALREADY_EXISTS"
    assert not IdempotencyRecord.objects.exists()
    Profile.objects.filter(pk=profile_id).delete()
    assert backend.setup(**KEY).status_code == 201


def test_invalid_call_does_not_use_the_key_up(backend: Backend) -> None:
    assert backend.setup(setup_body(user=None), **KEY).status_code == 400
    assert backend.setup(**KEY).status_code == 201


def test_forms_do_not_share_keys(backend: Backend) -> None:
    assert backend.setup(**KEY).status_code == 201
    assert backend.partner_setup(**KEY).status_code == 200


def test_partners_and_environments_do_not_share_keys(backend: Backend) -> None:
    live, stranger = make_backend(backend.partner, environment=Environment.LIVE), make_backend()
    answers = [each.setup(**KEY) for each in (backend, live, stranger)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert Organization.objects.count() == 3


def test_keys_of_one_partner_share_them(backend: Backend) -> None:
    first = backend.setup(**KEY).json()
    assert make_backend(backend.partner).setup(**KEY).json() == first


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "ключ", "tab\there"])
def test_malformed_key_is_refused(backend: Backend, key: str) -> None:
    before = all_rows()
    answer: Any = backend.setup(**{"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "Idempotency-Key")
    assert all_rows() == before
