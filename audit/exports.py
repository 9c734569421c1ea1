"""The ledger as CSV: streamed row by row, with nothing in it that a spreadsheet would run."""

import csv
import json
from collections.abc import Iterator
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from audit.events import EventType
from audit.models import Event
from audit.services import Act, record
from core.principals import Actor

COLUMNS: Final = [
    "id",
    "recorded_at",
    "type",
    "severity",
    "actor_kind",
    "actor_id",
    "actor_label",
    "partner_id",
    "environment",
    "subject_type",
    "subject_id",
    "reason",
    "count",
    "request_id",
    "data",
]
CONTEXT_COLUMNS: Final = ["address", "user_agent"]
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def record_export(events: QuerySet[Event], *, filters: str, with_context: bool, actor: Actor) -> QuerySet[Event]:
    """Write down that staff take rows out, and return exactly those rows: what is recorded later is not among them."""
    with transaction.atomic():
        newest = events.order_by("-id").values_list("id", flat=True).first() or 0
        data = {"filters": filters, "up_to": newest, "with_context": with_context}
        record(Act(EventType.LEDGER_EXPORTED, actor, subject_type="ledger", data=data))
    return events.filter(id__lte=newest)


def csv_lines(events: QuerySet[Event], *, with_context: bool) -> Iterator[str]:
    """The rows as CSV text, newest first, fetched in chunks."""
    writer = csv.writer(_Echo())
    yield writer.writerow([*COLUMNS, *(CONTEXT_COLUMNS if with_context else [])])
    rows = events.select_related("context") if with_context else events
    for event in rows.order_by("-id").iterator(chunk_size=2000):
        yield writer.writerow([neutral(cell) for cell in _cells(event, with_context=with_context)])


def neutral(cell: object) -> str:
    """The text of a cell, with a quote before whatever a spreadsheet would take for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _cells(event: Event, *, with_context: bool) -> list[object]:
    cells: list[object] = [getattr(event, name) for name in COLUMNS[:-1]]
    cells[1] = event.recorded_at.isoformat()
    cells.append(json.dumps(event.data, ensure_ascii=False))
    if with_context:
        context = getattr(event, "context", None)
        cells += [context.address, context.user_agent] if context else ["", ""]
    return cells


class _Echo:
    """A file that hands back what is written to it, so that the csv module can stream."""

    def write(self, value: str) -> Any:
        return value
