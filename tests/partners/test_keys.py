"""The life of a key: issue, import, rotate, pause, resume, change, revoke; each act on record once."""

import hashlib
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.models import Event
from core.credentials import KeyHash, KeyKind
from core.principals import Actor, ActorKind, Environment
from partners.errors import KeyAlreadyImportedError, KeyNotFoundError, KeyNotRotatableError, KeyStateError
from partners.models import ApiKey, KeyStatus, Partner, RevokeReason
from partners.scopes import Scope, from_bits, parse_scopes, to_bits
from partners.services.keys import (
    IssuedKey,
    KeySpec,
    Overlap,
    find_key,
    identify,
    import_key,
    is_whole_key,
    issue_key,
    pause_key,
    resume_key,
    revoke_key,
    rotate_key,
    update_key,
)
from tests.factories import ALICE, make_key, make_partner
from tests.partners.callers import ask

pytestmark = pytest.mark.django_db

DAY = Overlap.DAY.delta
SPEC = KeySpec(environment=Environment.TEST, scopes=[Scope.KEY_READ])


def sha256(text: str) -> KeyHash:
    return KeyHash(hashlib.sha256(text.encode()).digest())


def rotate(key: ApiKey, overlap: timedelta = DAY) -> IssuedKey:
    return rotate_key(key.pk, overlap=overlap, reason="yearly", actor=ALICE)


def use(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())


def revoke(key: ApiKey, reason: RevokeReason = RevokeReason.COMPROMISE) -> list[str]:
    return revoke_key(key.pk, reason=reason, comment="found in a repository", actor=ALICE)


def events(event_type: str) -> list[Event]:
    return list(Event.objects.filter(type=event_type).order_by("id"))


def works(issued: IssuedKey) -> bool:
    return bool(ask(issued.plaintext).status_code == 200)


# Issue


def test_a_new_key_is_active_for_a_year_and_starts_its_own_family() -> None:
    key = make_key().key
    assert key.status == KeyStatus.ACTIVE
    assert key.expires_at is not None
    assert abs(key.expires_at - key.created_at - timedelta(days=365)) < timedelta(minutes=1)
    assert (key.family_id, key.generation) == (key.pk, 1)


def test_a_key_can_be_issued_for_ever() -> None:
    assert make_key(lifetime=None).key.expires_at is None


def test_issuing_is_on_record_with_the_policy_and_without_the_key() -> None:
    issued = make_key(scopes=[Scope.ORDERS_READ], networks=["10.0.0.0/8"])
    (event,) = events("key.issued")
    assert (event.subject_id, event.actor_label, event.partner_id) == (issued.key.kid, "alice", issued.key.partner_id)
    assert event.data["scopes"] == ["orders:read"]
    assert event.data["networks"] == ["10.0.0.0/8"]
    assert issued.plaintext[20:] not in str(event.data)


def test_a_malformed_network_issues_nothing() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        make_key(networks=["10.0.0.1/8"])
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("kind", list(KeyKind))
@pytest.mark.parametrize("environment", list(Environment))
def test_a_key_says_its_kind_and_environment(kind: KeyKind, environment: Environment) -> None:
    assert make_key(kind=kind, environment=environment).plaintext.startswith(f"{kind}_{environment}_")


# Import


def test_an_imported_key_is_told_apart_and_on_record() -> None:
    key = import_key(make_partner(), key_hash=sha256("sk_test_elsewhere-0123456789"), spec=SPEC, actor=ALICE)
    assert key.is_imported
    assert [event.subject_id for event in events("key.imported")] == [key.kid]


def test_a_key_is_imported_once_for_all_partners() -> None:
    import_key(make_partner(), key_hash=sha256("sk_test_elsewhere-0123456789"), spec=SPEC, actor=ALICE)
    with pytest.raises(KeyAlreadyImportedError):
        import_key(make_partner(), key_hash=sha256("sk_test_elsewhere-0123456789"), spec=SPEC, actor=ALICE)


def test_an_imported_key_rotates_to_a_key_of_ours() -> None:
    key = import_key(make_partner(), key_hash=sha256("sk_test_elsewhere-0123456789"), spec=SPEC, actor=ALICE)
    successor = rotate(key)
    assert not successor.key.is_imported
    assert works(successor)
    assert ask("sk_test_elsewhere-0123456789").status_code == 200


# Identify


def test_a_key_is_found_from_its_kid_the_whole_text_or_what_logs_show_of_it() -> None:
    issued = make_key()
    for text in (issued.key.kid, issued.plaintext, f" {issued.plaintext}\n", issued.key.masked):
        assert identify(text).pk == issued.key.pk


def test_an_imported_key_is_found_from_its_text() -> None:
    key = import_key(make_partner(), key_hash=sha256("sk_test_elsewhere-0123456789"), spec=SPEC, actor=ALICE)
    assert identify("sk_test_elsewhere-0123456789").pk == key.pk


@pytest.mark.parametrize("text", ["", "x", "0" * 12, "sk_test_" + "0" * 50, "é" * 12, "sk_test_é"])
def test_what_nobody_issued_is_not_found(text: str) -> None:
    with pytest.raises(KeyNotFoundError):
        identify(text)


def test_a_text_that_only_carries_the_kid_is_not_the_whole_key() -> None:
    issued = make_key()
    assert is_whole_key(issued.plaintext, of=issued.key)
    assert not is_whole_key(issued.plaintext[:-1] + "0", of=issued.key)
    assert not is_whole_key("é", of=issued.key)


# Rotate


def test_both_keys_work_during_the_overlap() -> None:
    old = make_key()
    new = rotate(old.key)
    assert works(old)
    assert works(new)
    assert find_key(old.key.kid).status == KeyStatus.GRACE


def test_without_an_overlap_the_old_key_ends_at_once() -> None:
    old = make_key()
    new = rotate(old.key, timedelta(0))
    assert not works(old)
    assert works(new)


def test_a_successor_has_the_policy_of_its_predecessor_and_a_life_of_its_own() -> None:
    old = make_key(scopes=[Scope.ORDERS_READ], networks=["127.0.0.0/8"], kind=KeyKind.SURFACE, handshake_per_minute=7).key
    ApiKey.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=300))
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now() + timedelta(days=65))
    new = rotate(old).key
    assert (new.scopes, new.networks, new.kind, new.name) == (old.scopes, old.networks, old.kind, old.name)
    assert (new.handshake_per_minute, new.generation, new.family_id) == (7, 2, old.family_id)
    assert new.expires_at is not None
    assert new.expires_at > timezone.now() + timedelta(days=364)


def test_rotation_is_on_record_with_the_successor_and_the_overlap() -> None:
    old = make_key().key
    new = rotate(old).key
    (event,) = events("key.rotated")
    assert (event.subject_id, event.reason) == (old.kid, "yearly")
    assert event.data == {"successor": new.kid, "overlap_seconds": 86_400}


def test_a_successor_nobody_used_is_replaced() -> None:
    old = make_key()
    lost = rotate(old.key)
    new = rotate(old.key)
    assert not works(lost)
    assert works(new)
    assert find_key(lost.key.kid).revoke_reason == RevokeReason.SUPERSEDED


def test_a_key_whose_successor_is_in_use_cannot_be_rotated_again() -> None:
    old = make_key()
    use(rotate(old.key).key)
    with pytest.raises(KeyNotRotatableError) as refusal:
        rotate(old.key)
    assert refusal.value.reason == "successor_in_use"


def test_at_most_two_generations_are_in_use() -> None:
    first = make_key()
    second = rotate(first.key)
    use(second.key)
    third = rotate(second.key)
    assert [works(each) for each in (first, second, third)] == [False, True, True]


def test_a_dead_key_cannot_be_rotated() -> None:
    revoked, expired, ended = make_key().key, make_key().key, make_key().key
    revoke(revoked)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    ApiKey.objects.filter(pk=ended.pk).update(grace_until=timezone.now())
    for key in (revoked, expired, ended):
        with pytest.raises(KeyNotRotatableError):
            rotate(key)


def test_a_refused_rotation_changes_nothing() -> None:
    old = make_key().key
    use(rotate(old).key)
    before = list(ApiKey.objects.order_by("pk").values())
    with pytest.raises(KeyNotRotatableError):
        rotate(old)
    assert list(ApiKey.objects.order_by("pk").values()) == before
    assert len(events("key.rotated")) == 1


# Pause, resume, change


def test_pausing_twice_is_one_act() -> None:
    issued = make_key()
    for _ in range(2):
        pause_key(issued.key.pk, reason="suspicious", actor=ALICE)
    assert not works(issued)
    assert [event.reason for event in events("key.paused")] == ["suspicious"]


def test_resuming_a_key_that_is_not_paused_is_no_act() -> None:
    issued = make_key()
    resume_key(issued.key.pk, reason="", actor=ALICE)
    assert works(issued)
    assert events("key.resumed") == []


def test_a_revoked_key_can_be_neither_paused_resumed_nor_changed() -> None:
    key = make_key().key
    revoke(key)
    with pytest.raises(KeyStateError):
        pause_key(key.pk, reason="", actor=ALICE)
    with pytest.raises(KeyStateError):
        resume_key(key.pk, reason="", actor=ALICE)
    with pytest.raises(KeyStateError):
        update_key(key.pk, name="x", networks=[], reason="", actor=ALICE)


def test_a_changed_allow_list_holds_for_the_next_call_and_the_ledger_knows_both() -> None:
    issued = make_key()
    update_key(issued.key.pk, name="office", networks=["198.51.100.0/24"], reason="moved", actor=ALICE)
    assert not works(issued)
    (event,) = events("key.updated")
    assert event.data["before"]["networks"] == []
    assert event.data["after"] == {"name": "office", "networks": ["198.51.100.0/24"]}


# Revoke


def test_a_revoked_key_is_refused_from_the_next_call_on() -> None:
    issued = make_key()
    assert works(issued)
    assert revoke(issued.key) == [issued.key.kid]
    assert not works(issued)
    assert find_key(issued.key.kid).status == KeyStatus.COMPROMISED


def test_revoking_again_is_no_act_and_keeps_the_first_reason() -> None:
    key = make_key().key
    revoke(key)
    assert revoke(key, RevokeReason.CESSATION) == []
    assert find_key(key.kid).revoke_reason == RevokeReason.COMPROMISE
    assert len(events("key.revoked")) == 1


def test_revoking_a_key_takes_an_unused_successor_with_it() -> None:
    old = make_key()
    new = rotate(old.key)
    assert revoke(old.key) == [old.key.kid, new.key.kid]
    assert not works(new)
    assert [event.data["with"] for event in events("key.revoked")] == [old.key.kid, old.key.kid]


def test_a_successor_staff_issued_and_the_partner_uses_survives_its_predecessor() -> None:
    old = make_key()
    new = rotate(old.key)
    use(new.key)
    assert revoke(old.key) == [old.key.kid]
    assert works(new)


def test_successors_a_leaked_key_made_for_itself_end_with_it_even_when_used() -> None:
    leaked = make_key()
    thief = Actor(ActorKind.KEY, leaked.key.kid)
    second = rotate_key(leaked.key.pk, overlap=DAY, reason="", actor=thief)
    use(second.key)
    third = rotate_key(second.key.pk, overlap=DAY, reason="", actor=Actor(ActorKind.KEY, second.key.kid))
    use(third.key)
    assert revoke(leaked.key) == [leaked.key.kid, second.key.kid, third.key.kid]


def test_revoking_a_successor_leaves_its_predecessor_alone() -> None:
    old = make_key()
    new = rotate(old.key)
    assert revoke(new.key) == [new.key.kid]
    assert works(old)


def test_a_comment_that_quotes_the_key_is_masked_in_the_ledger() -> None:
    issued = make_key()
    revoke_key(issued.key.pk, reason=RevokeReason.COMPROMISE, comment=f"saw {issued.plaintext} in chat", actor=ALICE)
    (event,) = events("key.revoked")
    assert event.reason == f"saw {issued.plaintext[:12]}*** in chat"


def test_an_unknown_key_cannot_be_acted_on() -> None:
    for act in (rotate, revoke):
        with pytest.raises(KeyNotFoundError):
            act(ApiKey(pk=0))
    with pytest.raises(KeyNotFoundError):
        find_key("nobody")


# What the database itself refuses


@pytest.mark.parametrize(
    "change",
    [
        {"digest": b"short"},
        {"kid": "has-a-dash12"},
        {"kid": "short"},
        {"kind": "pk"},
        {"environment": "prod"},
        {"revoked_at": timezone.now()},
        {"revoke_reason": "compromise"},
        {"revoked_at": timezone.now(), "revoke_reason": "bored"},
    ],
)
def test_a_row_that_makes_no_sense_is_refused_by_the_database(change: dict[str, object]) -> None:
    key = make_key().key
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(**change)


def test_a_generation_exists_once_in_a_family() -> None:
    old = make_key().key
    new = rotate(old).key
    other = make_key().key
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=other.pk).update(family_id=old.family_id, generation=new.generation)


def test_a_partner_with_keys_cannot_be_deleted() -> None:
    partner_id = make_key().key.partner_id
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute("DELETE FROM partners_partner WHERE id = %s", [partner_id])
    assert Partner.objects.filter(pk=partner_id).exists()


# Scopes


def test_scopes_are_kept_as_bits_and_come_back_in_the_order_of_the_list() -> None:
    wanted = [Scope.PAYMENTS_WRITE, Scope.ORGANIZATION_WRITE, Scope.PAYMENTS_WRITE]
    assert find_key(make_key(scopes=wanted).key.kid).scopes == [Scope.ORGANIZATION_WRITE, Scope.PAYMENTS_WRITE]


def test_every_scope_has_a_bit_of_its_own() -> None:
    assert from_bits(to_bits(Scope)) == frozenset(Scope)
    assert len({to_bits([scope]) for scope in Scope}) == len(Scope)


def test_a_bit_nobody_knows_any_more_grants_nothing() -> None:
    assert from_bits(1 << 62) == frozenset()


def test_an_unknown_scope_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="orders:delete"):
        parse_scopes(["orders:read", "orders:delete"])


def test_issue_key_leaves_the_plaintext_out_of_the_row() -> None:
    issued = issue_key(make_partner(), spec=SPEC, actor=ALICE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM partners_apikey k WHERE id = %s", [issued.key.pk])
        row = cursor.fetchone()[0]
    assert issued.plaintext[20:] not in row
