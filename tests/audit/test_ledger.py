"""The ledger: append-only for everyone, both or neither, personal data apart, nothing secret in it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit.events import NOTES, EventType
from audit.models import Event, EventContext
from audit.services import Act, context_hash, record
from core.credentials import mint_session_token
from core.principals import NO_CONTEXT, Actor, ActorKind, RequestContext
from partners.models import ApiKey, Partner, RevokeReason
from partners.services.keys import Overlap, issue_key, pause_key, revoke_key, rotate_key
from partners.services.partners import create_partner, emergency_revoke, suspend_partner
from tests.factories import ALICE, make_key, make_partner
from tests.partners.test_keys import SPEC

pytestmark = pytest.mark.django_db

CONTEXT = RequestContext("request-1", "203.0.113.77", "browser/1")
BOB = Actor(ActorKind.STAFF, "2", "bob", CONTEXT)


def one_event(**changes: Any) -> Event:
    """Record one act and return its row."""
    act = Act(**{"type": EventType.PARTNER_UPDATED, "actor": BOB, **changes})
    with transaction.atomic():
        return Event.objects.get(pk=record(act))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET reason = 'nothing happened'",
        "UPDATE audit_event SET actor_id = 'someone else' WHERE false OR id > 0",
        "DELETE FROM audit_event",
        "INSERT INTO audit_event SELECT * FROM audit_event ON CONFLICT (id) DO UPDATE SET reason = 'rewritten'",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_a_row_never_changes_and_never_goes_not_even_for_a_session_that_skips_triggers(statement: str, role: str) -> None:
    event = one_event(reason="as it was")
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {role}")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert Event.objects.get(pk=event.pk).reason == "as it was"


@pytest.mark.parametrize("act", [lambda event: event.delete(), lambda event: event.save()], ids=["delete", "save"])
def test_django_cannot_change_a_row_either(act: Callable[[Event], object]) -> None:
    event = one_event()
    EventContext.objects.all().delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        act(event)


def test_the_personal_part_may_go_and_the_row_stays() -> None:
    event = one_event()
    EventContext.objects.filter(event=event).delete()
    assert Event.objects.filter(pk=event.pk).exists()


ACTS: list[Callable[[Partner, ApiKey], object]] = [
    lambda _partner, _key: create_partner("Other", actor=BOB),
    lambda partner, _key: suspend_partner(partner.pk, reason="", actor=BOB),
    lambda partner, _key: emergency_revoke(partner.pk, reason="", actor=BOB),
    lambda partner, _key: issue_key(partner, spec=SPEC, actor=BOB),
    lambda _partner, key: rotate_key(key.pk, overlap=Overlap.HOUR.delta, reason="", actor=BOB),
    lambda _partner, key: pause_key(key.pk, reason="", actor=BOB),
    lambda _partner, key: revoke_key(key.pk, reason=RevokeReason.COMPROMISE, comment="", actor=BOB),
]
ACT_NAMES = ["create", "suspend", "emergency", "issue", "rotate", "pause", "revoke"]


@pytest.mark.parametrize("act", ACTS, ids=ACT_NAMES)
def test_an_act_whose_row_cannot_be_written_did_not_happen(act: Callable[[Partner, ApiKey], object]) -> None:
    key = make_key().key
    before = everything()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ADD CONSTRAINT broken CHECK (actor_label <> 'bob')")
    with pytest.raises(DatabaseError):
        act(key.partner, key)
    assert everything() == before


@pytest.mark.parametrize("act", ACTS, ids=ACT_NAMES)
def test_an_act_that_is_rolled_back_leaves_no_row(act: Callable[[Partner, ApiKey], object]) -> None:
    key = make_key().key
    before = everything()
    with transaction.atomic():
        act(key.partner, key)
        transaction.set_rollback(True)
    assert everything() == before


@pytest.mark.parametrize("act", ACTS, ids=ACT_NAMES)
def test_an_act_is_one_row_with_its_actor_and_context(act: Callable[[Partner, ApiKey], object]) -> None:
    key = make_key().key
    before = Event.objects.count()
    act(key.partner, key)
    assert Event.objects.count() == before + 1
    event = Event.objects.newest_first().select_related("context")[0]
    assert (event.actor_kind, event.actor_label, event.request_id) == ("staff", "bob", "request-1")
    assert event.context.address == "203.0.113.77"


def everything() -> list[object]:
    tables = (Partner, ApiKey, Event, EventContext)
    return [list(model._default_manager.order_by("pk").values()) for model in tables]


def test_the_personal_part_stands_apart_and_the_row_proves_it() -> None:
    event = one_event()
    context = EventContext.objects.get(event=event)
    assert bytes(event.context_hash or b"") == context_hash(CONTEXT, bytes(context.salt or b""))
    assert "203.0.113" not in json.dumps(
        Event.objects.filter(pk=event.pk).values("data", "reason", "actor_id", "subject_id")[0]
    )


@pytest.mark.parametrize(
    "other",
    [RequestContext("request-1", "203.0.113.78", "browser/1"), RequestContext("request-1", "203.0.113.77", "browser/2")],
)
def test_another_personal_part_does_not_fit_the_row(other: RequestContext) -> None:
    event = one_event()
    salt = bytes(EventContext.objects.get(event=event).salt or b"")
    assert bytes(event.context_hash or b"") != context_hash(other, salt)


def test_equal_contexts_cannot_be_linked_by_their_hashes() -> None:
    first, second = one_event(), one_event()
    assert first.context_hash != second.context_hash


def test_an_act_without_a_request_has_no_personal_part() -> None:
    event = one_event(actor=Actor(ActorKind.SYSTEM, "system", context=NO_CONTEXT))
    assert event.context_hash is None
    assert not EventContext.objects.exists()


@pytest.mark.parametrize("where", ["reason", "data", "user_agent"])
def test_a_secret_that_someone_typed_in_is_masked(where: str) -> None:
    secrets = (make_key().plaintext, mint_session_token())
    text = f"saw {secrets[0]} and {secrets[1]}"
    changes: dict[str, Any] = {"reason": text} if where == "reason" else {"data": {"note": [text]}} if where == "data" else {}
    agent = Actor(ActorKind.STAFF, "2", "bob", RequestContext("r", None, text))
    event = one_event(**changes, actor=agent if where == "user_agent" else BOB)
    stored = str(Event.objects.values().get(pk=event.pk)) + str(EventContext.objects.values().get(event=event))
    assert "saw " in stored
    assert secrets[0][20:] not in stored
    assert secrets[1] not in stored


def test_overlong_texts_are_cut_not_refused() -> None:
    event = one_event(reason="x" * 900, actor=Actor(ActorKind.STAFF, "i" * 100, "l" * 300))
    assert (len(event.reason), len(event.actor_id), len(event.actor_label)) == (500, 64, 150)


def test_rows_are_ordered_by_writing_and_timed_by_the_databases_clock_of_the_statement() -> None:
    first, second = one_event(), one_event()
    assert first.pk < second.pk
    assert first.recorded_at < second.recorded_at


def test_the_ledger_answers_by_partner_subject_and_time() -> None:
    issued = make_key()
    about = Event.objects.about("key", issued.key.kid)
    assert [event.type for event in about] == ["key.issued"]
    assert Event.objects.for_partner(issued.key.partner_id).count() == 2
    assert Event.objects.since(about[0].recorded_at).newest_first()[0] == about[0]


def test_rows_outlive_what_they_speak_of() -> None:
    partner = make_partner()
    Partner.objects.filter(pk=partner.pk).delete()
    assert Event.objects.for_partner(partner.pk).exists()


def test_every_event_type_has_a_note_and_a_well_formed_name() -> None:
    assert set(NOTES) == set(EventType)
    assert all(each.value == f"{noun}.{verb}" for each in EventType for noun, verb in [each.value.split(".")])


def test_staff_may_look_and_export_but_neither_add_change_nor_delete() -> None:
    assert Event._meta.default_permissions == ("view",)
    assert [name for name, _ in Event._meta.permissions] == ["export_event"]


def test_factories_act_as_staff() -> None:
    make_partner()
    assert Event.objects.get().actor_label == ALICE.label
