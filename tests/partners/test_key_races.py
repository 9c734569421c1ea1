"""Many acts on one key or partner at the same moment: each outcome is one that some order of them would give."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections, transaction

from audit.models import Event
from core.credentials import mint_key
from core.principals import Environment
from partners.errors import KeyNotRotatableError
from partners.models import ApiKey, Partner, RevokeReason
from partners.services.keys import IssuedKey, Overlap, find_key, issue_key, revoke_key, rotate_key
from partners.services.partners import create_partner, emergency_revoke, suspend_partner
from tests.databases import FreshDatabase
from tests.factories import ALICE, make_key, make_partner
from tests.partners.callers import ROTATE, ask, post
from tests.partners.test_keys import SPEC

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ended:
    """How one of several concurrent acts ended."""

    result: Any = None
    error: Exception | None = None


@pytest.fixture(autouse=True)
def committed(fresh_database: FreshDatabase) -> Iterator[None]:
    yield
    connections.close_all()


def at_once(*acts: Act) -> list[Ended]:
    """Let every act start at the same moment in a thread and transaction of its own."""
    barrier = Barrier(len(acts))

    def run(act: Act) -> Ended:
        barrier.wait()
        try:
            return Ended(result=act())
        except Exception as error:
            return Ended(error=error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def rotation(key: ApiKey) -> Callable[[], IssuedKey]:
    return lambda: rotate_key(key.pk, overlap=Overlap.HOUR.delta, reason="", actor=ALICE)


def unexpected(endings: list[Ended], *expected: type[Exception]) -> list[Exception]:
    return [each.error for each in endings if each.error and not isinstance(each.error, expected)]


def test_twenty_rotations_at_once_leave_the_old_key_and_one_successor() -> None:
    key = make_key().key
    endings = at_once(*[rotation(key)] * 20)
    assert unexpected(endings) == []
    usable = ApiKey.objects.filter(revoked_at=None).order_by("generation")
    assert [each.generation for each in usable] == [1, 21]
    assert Event.objects.filter(type="key.rotated").count() == 20


def test_of_the_keys_twenty_rotations_gave_out_exactly_one_works() -> None:
    key = make_key().key
    plaintexts = [each.result.plaintext for each in at_once(*[rotation(key)] * 20)]
    assert sum(ask(plaintext).status_code == 200 for plaintext in plaintexts) == 1


def test_one_idempotency_key_sent_ten_times_at_once_makes_one_successor() -> None:
    issued = make_key()
    answers = at_once(*[lambda: post(issued.plaintext, ROTATE, **{"Idempotency-Key": "the-same"})] * 10)
    assert unexpected(answers) == []
    assert len({each.result.json()["kid"] for each in answers}) == 1
    assert sorted(each.result.status_code for each in answers) == [200] * 9 + [201]
    assert ApiKey.objects.count() == 2


def test_an_emergency_amid_rotations_leaves_no_key_of_before_alive() -> None:
    partner = make_partner()
    keys = [make_key(partner).key for _ in range(6)]
    emergency = lambda: emergency_revoke(partner.pk, reason="drill", actor=ALICE)  # noqa: E731  # one of a list of acts
    endings = at_once(*[rotation(key) for key in keys], emergency, *[rotation(key) for key in keys])
    assert unexpected(endings, KeyNotRotatableError) == []
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_an_emergency_amid_issues_deadlocks_nobody_and_ends_what_was_there() -> None:
    partner = make_partner()
    old = [make_key(partner).key.pk for _ in range(5)]
    issue = lambda: issue_key(partner, spec=SPEC, actor=ALICE)  # noqa: E731  # one of a list of acts
    emergency = lambda: emergency_revoke(partner.pk, reason="drill", actor=ALICE)  # noqa: E731  # one of a list of acts
    endings = at_once(*[issue] * 8, emergency, *[issue] * 8)
    assert unexpected(endings) == []
    assert not ApiKey.objects.filter(pk__in=old, revoked_at=None).exists()


def test_two_emergencies_at_once_name_each_key_once() -> None:
    partner = make_partner()
    kids = sorted(make_key(partner).key.kid for _ in range(5))
    endings = at_once(*[lambda: emergency_revoke(partner.pk, reason="drill", actor=ALICE)] * 2)
    assert unexpected(endings) == []
    assert sorted(kid for each in endings for kid in each.result.kids) == kids
    assert Partner.objects.get(pk=partner.pk).auth_epoch == 2


def test_a_revocation_and_a_rotation_at_once_never_leave_an_unused_successor_alive() -> None:
    keys = [make_key().key for _ in range(8)]
    revocations = [lambda key=key: revoke_key(key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE) for key in keys]
    endings = at_once(*[act for key, revoke in zip(keys, revocations, strict=True) for act in (rotation(key), revoke)])
    assert unexpected(endings, KeyNotRotatableError) == []
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_revoking_at_once_from_ten_sides_is_one_act() -> None:
    key = make_key().key
    endings = at_once(*[lambda: revoke_key(key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE)] * 10)
    assert sum(len(each.result) for each in endings) == 1
    assert Event.objects.filter(type="key.revoked").count() == 1


def test_suspending_at_once_from_ten_sides_is_one_act() -> None:
    partner = make_partner()
    at_once(*[lambda: suspend_partner(partner.pk, reason="", actor=ALICE)] * 10)
    assert Partner.objects.get(pk=partner.pk).auth_epoch == 1
    assert Event.objects.filter(type="partner.suspended").count() == 1


def test_partners_of_one_name_at_once_get_slugs_of_their_own() -> None:
    endings = at_once(*[lambda: create_partner("Acme", actor=ALICE)] * 10)
    assert unexpected(endings) == []
    assert len({each.result.slug for each in endings}) == 10


def test_revocation_holds_from_the_next_call_on_while_others_call() -> None:
    issued = make_key()
    statuses = [ask(issued.plaintext).status_code]
    revoke_key(issued.key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=ALICE)
    endings = at_once(*[lambda: ask(issued.plaintext).status_code] * 8)
    assert statuses + [each.result for each in endings] == [200] + [401] * 8


def test_a_made_up_key_and_a_real_one_do_not_disturb_each_other() -> None:
    real = make_key().plaintext
    fake = mint_key(find_kind(real), Environment.TEST).plaintext
    endings = at_once(*[lambda: ask(real).status_code, lambda: ask(fake).status_code] * 4)
    assert [each.result for each in endings] == [200, 401] * 4


def find_kind(plaintext: str) -> Any:
    return find_key(plaintext[8:20]).kind


def test_grace_ends_for_older_generations_however_rotations_interleave() -> None:
    first = make_key().key
    second = rotation(first)().key
    ApiKey.objects.filter(pk=second.pk).update(last_used_at=second.created_at)
    at_once(*[rotation(second)] * 5)
    assert find_key(first.kid).grace_until <= find_key(second.kid).rotated_at + timedelta(seconds=1)  # type: ignore[operator]  # both set


def meanwhile(act: Act) -> Ended:
    """Run an act in another thread while this one is inside a transaction; a lock it would wait for fails it."""
    return at_once(act)[0]


@pytest.mark.parametrize("lock", ["emergency", "rotation", "suspension"])
def test_an_act_on_a_key_does_not_hold_up_calls_and_handshakes_that_refer_to_it(lock: str) -> None:
    # Rows that refer to a key or partner lock it until they are stored. Waiting for an act that in turn waits for another
    # of their locks would be a deadlock, and the emergency its likely victim.
    issued = make_key()
    acts: dict[str, Act] = {
        "emergency": lambda: emergency_revoke(issued.key.partner_id, reason="", actor=ALICE),
        "rotation": rotation(issued.key),
        "suspension": lambda: suspend_partner(issued.key.partner_id, reason="", actor=ALICE),
    }
    with transaction.atomic():
        acts[lock]()
        assert unexpected([meanwhile(lambda: refer_to(issued.key))]) == []


def refer_to(key: ApiKey) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '500ms'")
        cursor.execute("SELECT 1 FROM partners_apikey WHERE id = %s FOR KEY SHARE", [key.pk])
        cursor.execute("SELECT 1 FROM partners_partner WHERE id = %s FOR KEY SHARE", [key.partner_id])
