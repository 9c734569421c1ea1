"""Changing the pepper while traffic runs: nobody is refused, keys move as they are used, and the old one is retired."""

import base64
import hashlib
import re
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from core.batching import flush_all
from core.credentials import KeyHash
from core.principals import Environment
from partners.errors import KeyAlreadyImportedError
from partners.models import ApiKey, RevokeReason
from partners.scopes import Scope
from partners.services.keys import KeySpec, find_key, import_key, pause_key, revoke_key, rotate_key
from partners.services.peppers import report_peppers
from tests.factories import ALICE, make_key, make_partner
from tests.partners.callers import ask

pytestmark = pytest.mark.django_db

FOREIGN = "sk_test_issued-elsewhere_0123456789"


def entry(number: int) -> str:
    return f"{number}:{base64.urlsafe_b64encode(bytes([number]) * 32).decode()}"


ONE, BOTH, STAGED, TWO = entry(1), f"{entry(1)},{entry(2)}", f"{entry(1)},+{entry(2)}", entry(2)


@pytest.fixture(autouse=True)
def _first_pepper(settings: Settings) -> None:
    settings.STICKER_PEPPERS = ONE


def pepper_of(kid: str) -> int:
    return find_key(kid).pepper_id


def import_foreign() -> ApiKey:
    key_hash = KeyHash(hashlib.sha256(FOREIGN.encode()).digest())
    return import_key(
        make_partner(), key_hash=key_hash, spec=KeySpec(environment=Environment.TEST, scopes=[Scope.KEY_READ]), actor=ALICE
    )


def test_a_key_moves_to_the_newest_pepper_when_it_is_used(settings: Settings) -> None:
    issued = make_key()
    settings.STICKER_PEPPERS = BOTH
    assert ask(issued.plaintext).status_code == 200
    flush_all()
    assert pepper_of(issued.key.kid) == 2
    assert ask(issued.plaintext).status_code == 200


def test_a_key_that_moved_needs_the_old_pepper_no_more(settings: Settings) -> None:
    issued = make_key()
    settings.STICKER_PEPPERS = BOTH
    ask(issued.plaintext)
    flush_all()
    settings.STICKER_PEPPERS = TWO
    assert ask(issued.plaintext).status_code == 200


def test_moving_costs_the_request_nothing(settings: Settings, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    issued = make_key()
    settings.STICKER_PEPPERS = BOTH
    with django_assert_num_queries(1):
        ask(issued.plaintext)


def test_a_key_under_the_newest_pepper_is_left_where_it_is(settings: Settings) -> None:
    issued = make_key()
    ask(issued.plaintext)
    flush_all()
    assert pepper_of(issued.key.kid) == 1


def test_a_refused_key_does_not_move(settings: Settings) -> None:
    issued = make_key()
    pause_key(issued.key.pk, reason="", actor=ALICE)
    settings.STICKER_PEPPERS = BOTH
    ask(issued.plaintext)
    flush_all()
    assert pepper_of(issued.key.kid) == 1


def test_in_a_rolling_deployment_processes_with_the_staged_pepper_accept_what_newer_ones_make(settings: Settings) -> None:
    settings.STICKER_PEPPERS = BOTH
    issued = make_key()
    assert pepper_of(issued.key.kid) == 2
    settings.STICKER_PEPPERS = STAGED
    assert ask(issued.plaintext).status_code == 200


def test_a_process_with_the_staged_pepper_signs_with_the_old_one_and_moves_nothing_back(settings: Settings) -> None:
    settings.STICKER_PEPPERS = BOTH
    newer = make_key()
    settings.STICKER_PEPPERS = STAGED
    older = make_key()
    ask(newer.plaintext)
    flush_all()
    assert (pepper_of(older.key.kid), pepper_of(newer.key.kid)) == (1, 2)


def test_two_processes_moving_one_key_do_it_once(settings: Settings) -> None:
    issued = make_key()
    settings.STICKER_PEPPERS = BOTH
    ask(issued.plaintext)
    ApiKey.objects.filter(pk=issued.key.pk).update(pepper_id=2, digest=b"x" * 32)
    flush_all()
    assert bytes(find_key(issued.key.kid).digest) == b"x" * 32


def test_an_imported_key_is_found_under_any_pepper_with_one_read_and_moves(
    settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = import_foreign()
    settings.STICKER_PEPPERS = BOTH
    with django_assert_num_queries(1):
        assert ask(FOREIGN).status_code == 200
    flush_all()
    assert pepper_of(key.kid) == 2
    settings.STICKER_PEPPERS = TWO
    assert ask(FOREIGN).status_code == 200


def test_an_imported_key_stays_imported_once_across_peppers(settings: Settings) -> None:
    import_foreign()
    settings.STICKER_PEPPERS = BOTH
    with pytest.raises(KeyAlreadyImportedError):
        import_foreign()


def test_a_rotation_uses_the_newest_pepper(settings: Settings) -> None:
    issued = make_key()
    settings.STICKER_PEPPERS = BOTH
    successor = rotate_key(issued.key.pk, overlap=timedelta(hours=1), reason="", actor=ALICE)
    assert successor.key.pepper_id == 2


def test_the_report_counts_usable_and_dead_keys_by_pepper(settings: Settings) -> None:
    keys = [make_key().key for _ in range(3)]
    revoke_key(keys[0].pk, reason=RevokeReason.CESSATION, comment="", actor=ALICE)
    pause_key(keys[1].pk, reason="", actor=ALICE)
    settings.STICKER_PEPPERS = BOTH
    make_key()
    report = report_peppers()
    assert report.signing == 2
    assert [(each.id, each.usable_keys, each.dead_keys) for each in report.peppers] == [(1, 2, 1), (2, 1, 0)]
    assert (report.unknown, report.can_be_retired) == ([], [])


def test_a_pepper_with_only_dead_keys_can_be_retired_and_the_signing_one_cannot(settings: Settings) -> None:
    revoke_key(make_key().key.pk, reason=RevokeReason.CESSATION, comment="", actor=ALICE)
    settings.STICKER_PEPPERS = BOTH
    assert report_peppers().can_be_retired == [1]


def test_a_staged_pepper_is_no_candidate_for_retirement(settings: Settings) -> None:
    settings.STICKER_PEPPERS = STAGED
    assert report_peppers().can_be_retired == []


def test_a_pepper_this_process_lacks_is_reported_while_keys_need_it(settings: Settings) -> None:
    make_key()
    settings.STICKER_PEPPERS = TWO
    assert report_peppers().unknown == [1]


def test_no_pepper_is_in_the_database_in_any_form() -> None:
    key = make_key().key
    row = str(ApiKey.objects.values().get(pk=key.pk))
    assert not re.search(re.escape(entry(1)[2:12]), row)
