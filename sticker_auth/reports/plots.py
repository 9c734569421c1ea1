"""A report by day as bars, drawn on the server."""

from datetime import date
from typing import Final

from audit.admin_display import thousands
from partners.admin.usage_plot import HEIGHT, Bar, Plot
from sticker_auth.reports.numbers import Report, ReportRow

_SLOT: Final = 10.0
_BAR: Final = 8.0
_LEAST: Final = 1.5


def plot_of(report: Report, *, title: str) -> Plot:
    """Draw the first column, and on top of it, in the other colour, what went wrong where the report has that."""
    most = max((_good(row) + _bad(row) for row in report.rows), default=0)
    bars = [_bar(index, row, report.columns, most) for index, row in enumerate(report.rows)]
    summary = ", ".join(f"{thousands(total)} {name}" for name, total in report.totals().items())
    ends = [_spoken(row.group) for row in (report.rows[0], report.rows[-1])]
    return Plot(title, bars, len(report.rows) * _SLOT, HEIGHT, thousands(most), summary, *ends)


def _bar(index: int, row: ReportRow, columns: tuple[str, ...], most: int) -> Bar:
    unit = HEIGHT / most if most else 0.0
    good, bad = _height(_good(row) * unit), _height(_bad(row) * unit)
    said = ", ".join(
        f"{thousands(int(value))} {name}" for name, value in zip(columns, row.values, strict=True) if value is not None
    )
    return Bar(
        x=index * _SLOT + (_SLOT - _BAR) / 2,
        accepted_y=round(HEIGHT - good, 2),
        accepted_height=good,
        refused_y=round(HEIGHT - good - bad, 2),
        refused_height=bad,
        label=f"{_spoken(row.group)}: {said}",
    )


def _good(row: ReportRow) -> int:
    return int(row.values[0] or 0)


def _bad(row: ReportRow) -> int:
    return int(row.values[1] or 0) if len(row.values) > 1 else 0


def _height(height: float) -> float:
    """One call among a million still shows as a line."""
    return round(max(height, _LEAST), 2) if height else 0.0


def _spoken(day: str) -> str:
    return f"{date.fromisoformat(day):%d %b}"
