"""The doors a key opens to itself: who am I, what am I, rotate me, revoke me."""

import email.utils
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Event
from core.credentials import KEY_PATTERN
from core.principals import Environment
from core.responses import iso
from partners.models import ApiKey, IdempotencyRecord, RevokeReason
from partners.scopes import Scope
from partners.services.keys import find_key
from tests.factories import make_key, make_partner
from tests.partners.callers import REVOKE, ROTATE, SELF, WHOAMI, ask, error_of, post

pytestmark = pytest.mark.django_db


def test_whoami_says_whose_key_this_is_and_what_it_may_do() -> None:
    issued = make_key(scopes=[Scope.SESSION_CREATE, Scope.KEY_READ], environment=Environment.LIVE)
    partner = issued.key.partner
    answer = ask(issued.plaintext).json()
    assert answer == {
        "success": True,
        "environment": "live",
        "partner": {"id": str(partner.pk), "slug": partner.slug, "name": partner.name},
        "key": {
            "kid": issued.key.kid,
            "kind": "sk",
            "scopes": ["key:read", "session:create"],
            "expires_at": answer["key"]["expires_at"],
        },
        "address": "127.0.0.1",
    }
    assert issued.key.expires_at is not None
    assert answer["key"]["expires_at"] == iso(issued.key.expires_at)


def test_whoami_needs_no_scope() -> None:
    assert ask(make_key(scopes=[]).plaintext).status_code == 200


def test_a_key_sees_its_own_facts_and_no_digest() -> None:
    issued = make_key(networks=["127.0.0.0/8"])
    answer = ask(issued.plaintext, SELF).json()
    assert set(answer) == {
        *("success", "kid", "name", "kind", "environment", "status", "scopes", "networks", "generation"),
        *("created_at", "expires_at", "grace_until", "last_used_at", "successor"),
    }
    assert (answer["kid"], answer["status"], answer["networks"]) == (issued.key.kid, "active", ["127.0.0.0/8"])


def test_a_key_rotates_itself_and_both_work() -> None:
    issued = make_key()
    answer = post(issued.plaintext, ROTATE, {"overlap": "1h", "reason": "monthly"})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert (body["previous"], body["generation"], body["kid"]) == (issued.key.kid, 2, body["key"][8:20])
    assert ask(body["key"]).status_code == 200
    assert ask(issued.plaintext).status_code == 200


def test_without_a_body_the_overlap_is_a_day() -> None:
    body = post(make_key().plaintext, ROTATE).json()
    left = datetime.fromisoformat(body["previous_works_until"]) - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"overlap": "2h"}, "overlap"),
        ({"overlap": 3600}, "overlap"),
        ({"overlap": None}, "overlap"),
        ({"reason": 1}, "reason"),
        ({"reason": "a\u0007b"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"expires_at": "2099-01-01"}, "expires_at"),
        ({"scopes": ["orders:create"]}, "scopes"),
        ({"environment": "live"}, "environment"),
        ({"partner_id": "x"}, "partner_id"),
    ],
)
def test_a_wrong_body_is_refused_by_field_and_rotates_nothing(body: dict[str, object], field: str) -> None:
    issued = make_key()
    answer = post(issued.plaintext, ROTATE, body)
    assert error_of(answer) == (400, "INVALID_REQUEST")
    assert [problem["field"] for problem in answer.json()["details"]] == [field]
    assert ApiKey.objects.count() == 1


def test_unknown_fields_are_ignored() -> None:
    assert post(make_key().plaintext, ROTATE, {"overlap": "now", "note": "extra"}).status_code == 201


def test_the_same_idempotency_key_tells_the_same_kid_without_the_key() -> None:
    issued = make_key()
    first = post(issued.plaintext, ROTATE, **{"Idempotency-Key": "retry-1"}).json()
    again = post(issued.plaintext, ROTATE, **{"Idempotency-Key": "retry-1"})
    assert again.status_code == 200
    assert (again.json()["kid"], again.json()["key"]) == (first["kid"], None)
    assert ask(first["key"]).status_code == 200
    assert ApiKey.objects.count() == 2


def test_a_new_idempotency_key_replaces_a_successor_nobody_used() -> None:
    issued = make_key()
    lost = post(issued.plaintext, ROTATE, **{"Idempotency-Key": "retry-1"}).json()
    new = post(issued.plaintext, ROTATE, **{"Idempotency-Key": "retry-2"}).json()
    assert ask(lost["key"]).status_code == 401
    assert ask(new["key"]).status_code == 200


def test_an_idempotency_key_used_with_another_overlap_is_a_conflict() -> None:
    issued = make_key()
    post(issued.plaintext, ROTATE, {"overlap": "1h"}, **{"Idempotency-Key": "retry-1"})
    answer = post(issued.plaintext, ROTATE, {"overlap": "7d"}, **{"Idempotency-Key": "retry-1"})
    assert error_of(answer) == (409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("key", ["with space", "a" * 256, "caf\u00e9", ""])
def test_a_malformed_idempotency_key_is_refused(key: str) -> None:
    assert error_of(post(make_key().plaintext, ROTATE, **{"Idempotency-Key": key})) == (400, "INVALID_REQUEST")


def test_what_is_kept_for_a_retry_holds_no_key() -> None:
    body = post(make_key().plaintext, ROTATE, **{"Idempotency-Key": "retry-1"}).json()
    assert IdempotencyRecord.objects.get().answer == {"kid": body["kid"]}


def test_once_the_successor_is_in_use_the_old_key_cannot_rotate() -> None:
    issued = make_key()
    successor = post(issued.plaintext, ROTATE).json()
    ApiKey.objects.filter(kid=successor["kid"]).update(last_used_at=timezone.now())
    assert error_of(post(issued.plaintext, ROTATE)) == (409, "KEY_NOT_ROTATABLE")


def test_in_grace_answers_name_the_end_and_the_successor() -> None:
    issued = make_key()
    until = datetime.fromisoformat(post(issued.plaintext, ROTATE, {"overlap": "72h"}).json()["previous_works_until"])
    headers = ask(issued.plaintext).headers
    assert email.utils.parsedate_to_datetime(headers["Sunset"]) == until.replace(microsecond=0)
    assert headers["Deprecation"] == f"@{int(find_key(issued.key.kid).rotated_at.timestamp())}"  # type: ignore[union-attr]  # just rotated
    assert headers["Link"] == '</v1/keys/self>; rel="successor-version"'


def test_in_grace_refusals_carry_the_same_headers() -> None:
    issued = make_key(scopes=[Scope.KEY_ROTATE])
    post(issued.plaintext, ROTATE)
    answer = ask(issued.plaintext, SELF)
    assert answer.status_code == 403
    assert answer.headers["Sunset"]


def test_a_key_not_in_grace_sends_none_of_them() -> None:
    assert not {"Deprecation", "Sunset", "Link"} & set(ask(make_key().plaintext).headers)


def test_the_old_key_learns_who_its_successor_is() -> None:
    issued = make_key()
    successor = post(issued.plaintext, ROTATE).json()["kid"]
    answer = ask(issued.plaintext, SELF).json()
    assert (answer["successor"], answer["status"]) == (successor, "grace")


def test_a_key_revokes_itself_and_the_successors_it_made() -> None:
    issued = make_key()
    successor = post(issued.plaintext, ROTATE).json()
    answer = post(issued.plaintext, REVOKE, {"reason": "compromise", "comment": "leaked"})
    assert answer.json() == {"success": True, "kid": issued.key.kid, "revoked": [issued.key.kid, successor["kid"]]}
    assert ask(issued.plaintext).status_code == 401
    assert ask(successor["key"]).status_code == 401


def test_without_a_body_the_reason_is_that_it_is_no_longer_in_use() -> None:
    issued = make_key()
    assert post(issued.plaintext, REVOKE).status_code == 200
    assert find_key(issued.key.kid).revoke_reason == RevokeReason.CESSATION


def test_an_unknown_reason_revokes_nothing() -> None:
    issued = make_key()
    assert error_of(post(issued.plaintext, REVOKE, {"reason": "bored"})) == (400, "INVALID_REQUEST")
    assert ask(issued.plaintext).status_code == 200


@pytest.mark.parametrize(("path", "scope"), [(ROTATE, Scope.KEY_REVOKE), (REVOKE, Scope.KEY_ROTATE)])
def test_each_door_needs_its_own_scope(path: str, scope: Scope) -> None:
    assert error_of(post(make_key(scopes=[scope]).plaintext, path)) == (403, "FORBIDDEN")
    assert not ApiKey.objects.exclude(revoked_at=None, rotated_at=None).exists()


def test_the_act_is_on_record_as_the_keys_own_with_where_it_came_from() -> None:
    issued = make_key()
    post(issued.plaintext, ROTATE, **{"X-Request-ID": "request-of-a-test", "User-Agent": "backend/1"})
    event = Event.objects.select_related("context").get(type="key.rotated")
    assert (event.actor_kind, event.actor_id, event.request_id) == ("key", issued.key.kid, "request-of-a-test")
    assert (event.context.address, event.context.user_agent) == ("127.0.0.1", "backend/1")


@pytest.mark.parametrize(("path", "allowed"), [(WHOAMI, "GET, HEAD"), (SELF, "GET, HEAD"), (ROTATE, "POST"), (REVOKE, "POST")])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_with_those_that_are_served(path: str, allowed: str, method: str) -> None:
    answer = ask(make_key().plaintext, path, method=method)
    assert error_of(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("kind", "body", "refusal"),
    [
        ("text/plain", b"{}", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("application/x-www-form-urlencoded", b"overlap=now", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("multipart/form-data", b"--x", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("application/json", b"[]", (400, "INVALID_REQUEST")),
        ("application/json", b'{"overlap": "now", "overlap": "7d"}', (400, "INVALID_REQUEST")),
        ("application/json", b" " * 65_537, (413, "PAYLOAD_TOO_LARGE")),
    ],
)
def test_a_body_that_is_not_small_strict_json_rotates_nothing(kind: str, body: bytes, refusal: tuple[int, str]) -> None:
    assert error_of(raw_post(make_key().plaintext, body, kind)) == refusal
    assert ApiKey.objects.count() == 1


def raw_post(credential: str, body: bytes, kind: str) -> Any:
    return Client(HTTP_HOST="127.0.0.1:8000").generic("POST", ROTATE, body, kind, headers={"X-API-Key": credential})


def test_keys_of_one_partner_share_its_idempotency_keys_but_not_each_others_answers() -> None:
    partner = make_partner()
    first, second = make_key(partner), make_key(partner)
    post(first.plaintext, ROTATE, **{"Idempotency-Key": "retry-1"})
    assert error_of(post(second.plaintext, ROTATE, **{"Idempotency-Key": "retry-1"})) == (409, "IDEMPOTENCY_CONFLICT")


def test_the_new_key_has_the_published_form() -> None:
    assert re.fullmatch(KEY_PATTERN, post(make_key().plaintext, ROTATE).json()["key"])
