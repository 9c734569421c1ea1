"""A report as it goes out: JSON, or CSV with nothing in it that a spreadsheet would run."""

import csv
import io

from audit.exports import neutral
from core.strict_json import JsonObject
from sticker_auth.reports.numbers import Grouping, Report, Subject
from sticker_auth.reports.periods import Period


def as_object(report: Report, *, subject: Subject, period: Period) -> JsonObject:
    """The report as one JSON object."""
    return {
        "success": True,
        "report": report.name.value,
        "environment": subject.environment.value,
        "from": str(period.first),
        "to": str(period.last),
        "group_by": report.grouping.value,
        "rows": [dict(zip(columns_of(report), cells, strict=True)) for cells in cells_of(report)],
        "totals": report.totals(),
    }


def as_csv(report: Report) -> str:
    """The report as CSV (RFC 4180), with a line of names."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns_of(report))
    writer.writerows([neutral(cell) for cell in cells] for cells in cells_of(report))
    return out.getvalue()


def columns_of(report: Report) -> list[str]:
    """What the cells of each row are called."""
    return [*(["day"] if report.grouping is Grouping.DAY else ["key", "name"]), *report.columns]


def cells_of(report: Report) -> list[list[object]]:
    """Every row's cells, in the order of the columns."""
    if report.grouping is Grouping.DAY:
        return [[row.group, *row.values] for row in report.rows]
    return [[row.group, row.name, *row.values] for row in report.rows]
