"""The ledger in the console: found, filtered, shown with its context, and exported without anything that runs."""

import csv
import io
from typing import Any, Final

import pytest
from django.db import transaction
from django.http import StreamingHttpResponse
from django.urls import reverse

from audit.admin_base import MAX_COUNTED, CappedPaginator
from audit.events import NOTES, EventType
from audit.exports import neutral
from audit.models import Event
from audit.services import Act, record
from core.principals import Actor, ActorKind, RequestContext
from sticker_auth.roles import Role
from tests.admin.staff import World, signed_in

LIST: Final = "admin:audit_event_changelist"
EXPORT: Final = "admin:audit_event_export"
FORMULA: Final = "=HYPERLINK(1)"


def write(event: EventType = EventType.KEY_PAUSED, **fields: Any) -> Event:
    """A row of the ledger that names its actor, its request and its address."""
    context = RequestContext("request-12345678", "198.51.100.7", "curl/8")
    with transaction.atomic():
        return Event.objects.get(pk=record(Act(event, Actor(ActorKind.STAFF, "42", "mia", context), **fields)))


def rows_for(client: Any, **query: str) -> list[Event]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def exported(client: Any, query: str = "", **fields: str) -> list[dict[str, str]]:
    answer = client.post(reverse(EXPORT) + query, fields)
    assert isinstance(answer, StreamingHttpResponse)
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[arg-type]  # not async


def test_a_row_is_found_by_kid_request_partner_type_number_and_actor(world: World) -> None:
    row = write(partner_id=world.partner.pk, subject_type="key", subject_id="abcdefghijkl")
    client = signed_in(Role.AUDITOR)
    for text in ("abcdefghijkl", "request-12345678", "key.paused", "MIA", "42", str(row.pk)):
        assert row in rows_for(client, q=text), text
    for text in (world.partner.slug, world.partner.name, str(world.partner.pk), "key."):
        assert row in rows_for(client, q=text), text
    assert rows_for(client, q="nothing like this") == []


def test_filters_keep_their_rows(world: World) -> None:
    row = write(partner_id=world.partner.pk, environment="live", subject_id="abcdefghijkl", reason="why")
    client = signed_in(Role.AUDITOR)
    for query in (
        {"type": "key.paused"},
        {"severity": "warning"},
        {"severity": "warnings"},
        {"time": "1h", "environment": "live", "severity": "warnings"},
        {"subject": "abcdefghijkl"},
        {"reason": "why"},
        {"before": str(row.pk + 1), "type": "key."},
        {"partner": str(world.partner.pk), "severity": "warning"},
    ):
        assert row in rows_for(client, **query), query
    for query in ({"before": str(row.pk)}, {"type": "session."}, {"environment": "test"}, {"partner": "not-an-id"}):
        assert row not in rows_for(client, **query), query


def test_a_page_shows_the_row_with_its_context_and_seal(world: World) -> None:
    row = write(reason="SEC-4", data={"note": "<b>bold</b>"})
    url = reverse("admin:audit_event_change", args=[row.pk])
    text = signed_in(Role.AUDITOR).get(url).content.decode()
    for expected in ("SEC-4", "198.51.100.7", "curl/8", "intact", NOTES[EventType.KEY_PAUSED].meaning):
        assert expected in text
    assert "<b>bold" not in text


def test_the_personal_part_is_for_those_who_may_see_it(world: World) -> None:
    url = reverse("admin:audit_event_change", args=[write().pk])
    assert "198.51.100.7" not in signed_in(Role.VIEWER).get(url).content.decode()
    assert "198.51.100.7" in signed_in(Role.RESPONDER).get(url).content.decode()


def test_rows_of_one_request_stand_together(world: World) -> None:
    first, second = write(), write(EventType.KEY_RESUMED)
    answer = signed_in(Role.VIEWER).get(reverse("admin:audit_event_change", args=[first.pk]))
    assert [line.event for line in answer.context["ledger"]] == [second]


def test_an_export_holds_the_filtered_rows_and_is_itself_on_record(world: World) -> None:
    row = write(reason="SEC-4", partner_id=world.partner.pk)
    lines = exported(signed_in(Role.AUDITOR), "?type=key.paused")
    assert [line["id"] for line in lines] == [str(row.pk)]
    assert lines[0]["reason"] == "SEC-4"
    assert "address" not in lines[0]
    export = Event.objects.get(type="ledger.exported")
    assert export.data["filters"] == "type=key.paused"
    assert export.actor_kind == "staff"


def test_an_export_with_context_says_so_in_the_ledger(world: World) -> None:
    write()
    lines = exported(signed_in(Role.AUDITOR), "?type=key.paused", with_context="on")
    assert (lines[0]["address"], lines[0]["user_agent"]) == ("198.51.100.7", "curl/8")
    assert Event.objects.get(type="ledger.exported").data["with_context"] is True


def test_an_export_does_not_hold_its_own_row(world: World) -> None:
    lines = exported(signed_in(Role.AUDITOR))
    assert lines
    assert not [line for line in lines if line["type"] == "ledger.exported"]


def test_an_export_runs_nothing_in_a_spreadsheet(world: World) -> None:
    write(reason=FORMULA, subject_id="@sum", subject_type="+1")
    line = exported(signed_in(Role.AUDITOR), "?type=key.paused")[0]
    assert (line["reason"], line["subject_id"], line["subject_type"]) == (f"'{FORMULA}", "'@sum", "'+1")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_would_be_a_formula_is_quoted(start: str) -> None:
    assert neutral(f"{start}1+1") == f"'{start}1+1"
    assert neutral(f"a{start}") == f"a{start}"


def test_a_filter_that_makes_no_sense_leads_back_to_the_list(world: World) -> None:
    answer = signed_in(Role.AUDITOR).get(f"{reverse(EXPORT)}?nonsense=1")
    assert answer.status_code == 302


def test_a_large_list_counts_no_further_than_its_cap(world: World) -> None:
    statement = """INSERT INTO audit_event (type, severity, actor_kind, actor_id, actor_label, environment, subject_type,
                     subject_id, reason, data, request_id)
                   SELECT 'session.created', 'info', 'key', 'k', '', 'live', '', '', '', '{}', ''
                   FROM generate_series(1, %s)"""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, [MAX_COUNTED + 50])
    assert CappedPaginator(Event.objects.order_by("-id"), 50).count == MAX_COUNTED
    answer = signed_in(Role.VIEWER).get(reverse(LIST), {"p": "200"})
    oldest = answer.context["cl"].result_list[-1]
    assert answer.context["older_url"] == f"?before={oldest.pk}"
    assert all(row.pk < oldest.pk for row in rows_for(signed_in(Role.VIEWER), before=str(oldest.pk)))
