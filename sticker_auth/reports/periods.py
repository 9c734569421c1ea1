"""The days a report is about: whole days of UTC, the last one included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

MAX_DAYS: Final = 366
USUAL_DAYS: Final = 30
_END_OF_TIME: Final = date(9999, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both counted."""

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        """The first instant of it."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def days(self) -> Iterator[date]:
        """Every day of it, in order."""
        return (self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1))


def period_of(first: date | None, last: date | None, *, today: date) -> Period:
    """The period that was asked for; what is not said is the last thirty days, or as many before the last.

    Raises: ValueError for one that is empty or longer than a year.
    """
    end = last or max(today, first or today)
    start = first or end - timedelta(days=USUAL_DAYS - 1)
    if end >= _END_OF_TIME:
        raise ValueError("The last day is too far away.")
    if not start <= end:
        raise ValueError("The first day is after the last.")
    if (end - start).days >= MAX_DAYS:
        raise ValueError(f"Ask for at most {MAX_DAYS} days at once.")
    return Period(start, end)
