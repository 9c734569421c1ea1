"""Proving a key: one answer outside whatever is wrong, the exact reason inside, one read and no write."""

import hashlib
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from audit.models import Event
from core import base62
from core.batching import flush_all
from core.credentials import KeyHash, KeyKind, MintedKey, mint_key
from core.principals import Environment
from partners.models import ApiKey, RevokeReason
from partners.scopes import Scope
from partners.services.keys import KeySpec, import_key, pause_key, resume_key, revoke_key
from partners.services.partners import reactivate_partner, suspend_partner
from tests.factories import ALICE, make_key, make_partner
from tests.partners.callers import SELF, WHOAMI, ask, error_of

pytestmark = pytest.mark.django_db

FOREIGN = "sk_test_issued-elsewhere_0123456789"


def with_checksum(body: str) -> str:
    return body + base62.encode(zlib.crc32(body.encode()), width=6)


def changed(issued: Any, **fields: object) -> str:
    ApiKey.objects.filter(pk=issued.key.pk).update(**fields)
    return str(issued.plaintext)


def unknown() -> str:
    return mint_key(KeyKind.SECRET, Environment.TEST).plaintext


def wrong_secret() -> str:
    return with_checksum(make_key().plaintext[:20] + "0" * 32)


def other_environment() -> str:
    return with_checksum(make_key().plaintext[:52].replace("sk_test_", "sk_live_"))


def other_kind() -> str:
    return with_checksum(make_key().plaintext[:52].replace("sk_", "ak_"))


def expired() -> str:
    return changed(make_key(), expires_at=timezone.now() - timedelta(seconds=1))


def past_grace() -> str:
    return changed(make_key(), rotated_at=timezone.now(), grace_until=timezone.now() - timedelta(seconds=1))


def revoked() -> str:
    issued = make_key()
    revoke_key(issued.key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE)
    return issued.plaintext


def paused() -> str:
    issued = make_key()
    pause_key(issued.key.pk, reason="", actor=ALICE)
    return issued.plaintext


def revoked_and_expired() -> str:
    return changed(
        make_key(), revoked_at=timezone.now(), revoke_reason="superseded", expires_at=timezone.now() - timedelta(days=1)
    )


def elsewhere() -> str:
    return make_key(networks=["198.51.100.0/24", "2001:db8::/32"]).plaintext


def retired_pepper() -> str:
    return changed(make_key(), pepper_id=9)


def imported_under_the_wrong_label() -> str:
    key_hash = KeyHash(hashlib.sha256(FOREIGN.encode()).digest())
    spec = KeySpec(environment=Environment.LIVE, scopes=[Scope.KEY_READ])
    import_key(make_partner(), key_hash=key_hash, spec=spec, actor=ALICE)
    return FOREIGN


REFUSED: list[tuple[Callable[[], str], str]] = [
    (unknown, "unknown"),
    (wrong_secret, "wrong_secret"),
    (other_environment, "wrong_secret"),
    (other_kind, "wrong_secret"),
    (revoked, "revoked"),
    (revoked_and_expired, "revoked"),
    (expired, "expired"),
    (past_grace, "grace_over"),
    (paused, "paused"),
    (elsewhere, "network"),
    (retired_pepper, "unknown_pepper"),
    (imported_under_the_wrong_label, "mislabelled"),
    (lambda: FOREIGN, "unknown"),
    (lambda: "sk_test_" + "0" * 50, "malformed"),
    (lambda: "hello", "malformed"),
    (lambda: "a" * 513, "malformed"),
]
NAMES = [f"{make.__name__}-{reason}" for make, reason in REFUSED]


@pytest.mark.parametrize(("make", "reason"), REFUSED, ids=NAMES)
def test_every_rejected_key_gets_the_same_answer(make: Callable[[], str], reason: str) -> None:
    answer = ask(make())
    body = answer.json()
    assert body.pop("request_id")
    assert body == {
        "success": False,
        "error": "Invalid API key",
        "code": "INVALID_API_KEY",
        "message": "This API key is not accepted. Check that it is complete, still valid and meant for this service.",
        "details": [],
    }
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sticker", error="invalid_token"'
    assert {name.lower() for name in answer.headers} == {name.lower() for name in ask("nonsense").headers}


@pytest.mark.parametrize(("make", "reason"), REFUSED, ids=NAMES)
def test_the_ledger_learns_the_exact_reason(make: Callable[[], str], reason: str) -> None:
    ask(make())
    flush_all()
    assert [event.reason for event in Event.objects.filter(type="refusal.counted")] == [reason]


def test_a_good_key_opens_the_door() -> None:
    assert ask(make_key().plaintext).status_code == 200


def test_a_key_is_accepted_from_its_networks_v4_and_v6() -> None:
    key = elsewhere()
    assert ask(key, address="198.51.100.7").status_code == 200
    assert ask(key, address="2001:db8::7").status_code == 200


def test_a_key_that_expires_in_a_moment_is_accepted_until_then() -> None:
    assert ask(changed(make_key(), expires_at=timezone.now() + timedelta(seconds=30))).status_code == 200


def test_a_resumed_key_is_accepted_again() -> None:
    issued = make_key()
    pause_key(issued.key.pk, reason="", actor=ALICE)
    resume_key(issued.key.pk, reason="", actor=ALICE)
    assert ask(issued.plaintext).status_code == 200


def test_a_key_of_a_suspended_partner_is_known_and_refused() -> None:
    issued = make_key()
    suspend_partner(issued.key.partner_id, reason="unpaid", actor=ALICE)
    assert error_of(ask(issued.plaintext)) == (403, "PARTNER_SUSPENDED")


def test_a_reactivated_partner_is_let_in_with_the_same_key() -> None:
    issued = make_key()
    suspend_partner(issued.key.partner_id, reason="", actor=ALICE)
    reactivate_partner(issued.key.partner_id, reason="", actor=ALICE)
    assert ask(issued.plaintext).status_code == 200


def test_a_key_without_the_scope_is_told_which_one_it_lacks() -> None:
    answer = ask(make_key(scopes=[Scope.SESSION_CREATE]).plaintext, SELF)
    assert error_of(answer) == (403, "FORBIDDEN")
    assert "key:read" in answer.json()["message"]
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_without_any_credential_the_challenge_names_no_error() -> None:
    answer = ask("")
    assert error_of(answer) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sticker"'


def test_problem_json_is_given_to_those_who_ask_for_it() -> None:
    answer = ask("nonsense", Accept="application/problem+json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {name: answer.json()[name] for name in ("status", "code", "instance", "title")} == {
        "status": 401,
        "code": "INVALID_API_KEY",
        "instance": WHOAMI,
        "title": "Invalid API key",
    }


def test_a_request_with_a_good_key_is_one_read_and_no_write() -> None:
    key = make_key().plaintext
    with CaptureQueriesContext(connection) as queries:
        ask(key)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


@pytest.mark.parametrize(
    "junk",
    ["", "x", "sk_test_" + "0" * 50, "sk_live_short", "eyJhbGciOiJub25lIn0.e30.", "a" * 512, "sk_test_" + "-" * 129],
)
def test_junk_costs_no_query_at_all(junk: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert ask(junk).status_code == 401


@pytest.mark.parametrize("make", [unknown, wrong_secret, revoked, lambda: FOREIGN])
def test_a_key_that_has_the_form_costs_one_read(
    make: Callable[[], str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    credential = make()
    with django_assert_num_queries(1):
        assert ask(credential).status_code == 401


def test_an_imported_key_opens_the_door_with_one_read(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    key_hash = KeyHash(hashlib.sha256(FOREIGN.encode()).digest())
    spec = KeySpec(environment=Environment.TEST, scopes=[Scope.KEY_READ])
    import_key(make_partner(), key_hash=key_hash, spec=spec, actor=ALICE)
    with django_assert_num_queries(1):
        assert ask(FOREIGN).status_code == 200


def test_the_kid_of_an_imported_key_opens_nothing() -> None:
    key_hash = KeyHash(hashlib.sha256(FOREIGN.encode()).digest())
    spec = KeySpec(environment=Environment.TEST, scopes=[Scope.KEY_READ])
    key = import_key(make_partner(), key_hash=key_hash, spec=spec, actor=ALICE)
    forged = with_checksum(f"sk_test_{key.kid}" + "0" * 32)
    assert ask(forged).status_code == 401


def test_nothing_of_a_key_is_stored_but_its_public_id_and_a_keyed_digest() -> None:
    issued = make_key()
    row = ApiKey.objects.values().get(pk=issued.key.pk)
    secret = issued.plaintext[20:]
    assert not any(secret in str(value) for value in row.values())
    assert bytes(row["digest"]) != hashlib.sha256(issued.plaintext.encode()).digest()


def test_the_digest_needs_the_pepper(settings: Settings) -> None:
    key = make_key().plaintext
    settings.STICKER_PEPPERS = settings.STICKER_PEPPERS[:-4] + "AAAA"
    assert ask(key).status_code == 401


def test_values_that_carry_a_key_do_not_show_it() -> None:
    issued = make_key()
    minted: MintedKey = mint_key(KeyKind.SECRET, Environment.TEST)
    assert issued.plaintext not in repr(issued)
    assert minted.plaintext not in repr(minted)
    assert issued.plaintext[20:] not in f"{issued.key} {issued.key!r} {issued.key.masked}"
