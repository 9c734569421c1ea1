"""Checking the sealed ledger: every seal, every row under it, and that no row stands where none was sealed.

Goes on after the first finding, so that one tampered row does not hide another; each finding names the first bad row it knows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction

from audit.chain import (
    DIGEST_BYTES,
    GENESIS,
    Span,
    Statement,
    id_of,
    is_signed,
    leaf,
    multirange,
    parse,
    read_lines,
    root_of,
)
from audit.models import Seal
from audit.sealing import checkpoint, parse_gaps, statement_of
from audit.services import context_hash
from core.principals import RequestContext

_MAX_FINDINGS: Final = 100


class Fault(StrEnum):
    """What can be wrong with a sealed ledger."""

    ROW_CHANGED = "row_changed"
    ROW_MISSING = "row_missing"
    ROW_ADDED = "row_added"
    ROW_COVERED_TWICE = "row_covered_twice"
    SEAL_MISSING = "seal_missing"
    SEAL_CHANGED = "seal_changed"
    SEAL_NOT_SIGNED = "seal_not_signed"
    CHAIN_BROKEN = "chain_broken"
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_DIFFERS = "checkpoint_differs"
    CONTEXT_CHANGED = "context_changed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: in which seal, and at which row where one is known."""

    fault: Fault
    seal: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        at = [f"row {self.row}" if self.row is not None else "", f"seal {self.seal}" if self.seal is not None else ""]
        return f"{self.fault.replace('_', ' ')} ({', '.join(filter(None, at))})"


@dataclass(slots=True)
class Report:
    """What a check saw. `unsealed` rows are too new to be sealed yet, or awaited."""

    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Note a fault; beyond a hundred only that there are more would be news."""
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(finding)


def check_ledger(*, checkpoints: Sequence[Mapping[str, Any]] = ()) -> Report:
    """Check the whole ledger and change nothing. `checkpoints` are those kept outside the database."""
    with _one_snapshot():
        report, spans = Report(), list[Span]()
        previous, expected = GENESIS, 1
        for seal in Seal.objects.order_by("number").iterator(chunk_size=20):
            statement = statement_of(seal)
            for missing in range(expected, min(seal.number, expected + _MAX_FINDINGS)):
                report.add(Finding(Fault.SEAL_MISSING, seal=missing))
            spans += _check_seal(seal, statement, previous if seal.number == expected else statement.previous, report)
            previous, expected = statement.chain(), seal.number + 1
        _check_others(spans, report)
        _check_contexts(report)
        _compare(checkpoints, report)
        return report


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """See the ledger as it is at one instant; inside a caller's transaction, as that one sees it."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def read_checkpoints(path: Path) -> list[dict[str, Any]]:
    """Read a file of checkpoints, one JSON object a line.

    Raises: ValueError for a line that is none.
    """
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines() if line.strip()]


def _check_seal(seal: Seal, statement: Statement, previous: bytes, report: Report) -> list[Span]:
    report.seals += 1
    if statement.previous != previous:
        report.add(Finding(Fault.CHAIN_BROKEN, seal=seal.number))
    if not is_signed(statement, key_id=seal.key_id, signature=bytes(seal.signature)):
        report.add(Finding(Fault.SEAL_NOT_SIGNED, seal=seal.number))
    spans, leaves = _spans(seal), bytes(seal.leaves)
    count = sum(last - first + 1 for first, last in spans)
    if count != seal.count or len(leaves) != count * DIGEST_BYTES or root_of(leaves) != statement.root:
        report.add(Finding(Fault.SEAL_CHANGED, seal=seal.number))
    if spans:
        _check_rows(seal.number, spans, leaves, report)
    return spans


def _spans(seal: Seal) -> list[Span]:
    try:
        spans = parse(seal.ids)
    except ValueError:
        return []
    return spans if all(first <= last for first, last in spans) else []


def _check_rows(number: int, spans: list[Span], leaves: bytes, report: Report) -> None:
    """Compare the rows of a seal with their digests, both in the order of the ids."""
    where = f"id BETWEEN {spans[0][0]} AND {spans[-1][1]}"
    if len(spans) > 1:
        where += f" AND id <@ '{multirange(spans)}'::int8multirange"
    wanted, position = _ids(spans), 0
    for line in read_lines(where):
        found = id_of(line)
        for awaited in wanted:
            if awaited == found:
                break
            report.add(Finding(Fault.ROW_MISSING, seal=number, row=awaited))
            position += DIGEST_BYTES
        if leaf(line) != leaves[position : position + DIGEST_BYTES]:
            report.add(Finding(Fault.ROW_CHANGED, seal=number, row=found))
        position += DIGEST_BYTES
        report.rows += 1
    for awaited in wanted:
        report.add(Finding(Fault.ROW_MISSING, seal=number, row=awaited))


def _ids(spans: list[Span]) -> Iterator[int]:
    for first, last in spans:
        yield from range(first, last + 1)


def _check_others(spans: list[Span], report: Report) -> None:
    """Find rows under the newest sealed id that no seal covers and none awaits, and ids that two seals cover."""
    twice = next((second for one, second in pairwise(sorted(spans)) if second[0] <= one[1]), None)
    if twice is not None:
        report.add(Finding(Fault.ROW_COVERED_TWICE, row=twice[0]))
    newest = max((last for _, last in spans), default=0)
    known = [*spans, *_awaited()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(id) FILTER (WHERE id <= %s), count(*) FROM audit_event WHERE NOT id <@ %s::int8multirange",
            [newest, multirange(known)],
        )
        added, others = cursor.fetchone()
    report.unsealed = others
    if added is not None:
        report.add(Finding(Fault.ROW_ADDED, row=added))


def _awaited() -> list[Span]:
    text = Seal.objects.order_by("-number").values_list("awaited", flat=True).first() or ""
    try:
        return [(gap.first, gap.last) for gap in parse_gaps(text)]
    except ValueError:
        return []


def _check_contexts(report: Report) -> None:
    """Compare each address that is still whole with the digest in its sealed row; one that was cut proves nothing more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.id, c.salt, host(c.address), c.user_agent, e.context_hash
               FROM audit_eventcontext c JOIN audit_event e ON e.id = c.event_id
               WHERE c.salt IS NOT NULL AND NOT c.is_cut ORDER BY e.id"""
        )
        for row_id, salt, address, agent, expected in cursor:
            if context_hash(RequestContext("", address, agent), bytes(salt)) != bytes(expected or b""):
                report.add(Finding(Fault.CONTEXT_CHANGED, row=row_id))


def _compare(checkpoints: Sequence[Mapping[str, Any]], report: Report) -> None:
    """Hold the chain against what was kept elsewhere: an older backup lacks the newest, another chain differs."""
    numbers = [int(each["number"]) for each in checkpoints]
    stored = {seal.number: seal for seal in Seal.objects.filter(number__in=numbers).defer("leaves")}
    for each in checkpoints:
        number = int(each["number"])
        seal = stored.get(number)
        if seal is None:
            report.add(Finding(Fault.CHECKPOINT_MISSING, seal=number, row=parse(each["ids"])[0][0]))
        elif checkpoint(seal) != each:
            report.add(Finding(Fault.CHECKPOINT_DIFFERS, seal=number, row=parse(each["ids"])[0][0]))


def first_bad_row(report: Report) -> int | None:
    """The lowest row any finding names."""
    return min((finding.row for finding in report.findings if finding.row is not None), default=None)
