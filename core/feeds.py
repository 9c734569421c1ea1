"""Reading rows in the order of their commits: a column with the writer's transaction, and the horizon nothing comes below.

Numbers of rows are taken before the commit, so that "id greater than the last one seen" skips a row whose transaction took
longer than its neighbour's. A row below the horizon (`xid < oldest running transaction`) is committed, and nothing else will
ever appear there: whoever reads by (xid, id) up to the horizon sees each row exactly once. One transaction that writes and
stays open for long holds the horizon back for as long; it delays the reader and loses nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import models

if TYPE_CHECKING:
    _Field = models.Field[int | None, int | None]
else:
    _Field = models.Field

# The lowest transaction that is still running, as an SQL expression.
HORIZON_SQL: Final = "pg_snapshot_xmin(pg_current_snapshot())"


class CurrentXid(models.Func):
    """The number of the writing transaction; taking it costs nothing where the row is written anyway."""

    function = "pg_current_xact_id"
    template = "%(function)s()"

    @property
    def output_field(self) -> "Xid8Field":
        return Xid8Field()


class Xid8Field(_Field):
    """A 64-bit transaction number: never wraps around, ordered like a number, an integer in Python."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, *_args: object) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(int(value))


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a feed: everything up to and including it has been read."""

    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


START: Final = Position(0, 0)
# The greatest number a row can have.
LAST_ID: Final = 2**63 - 1
_MAX_DIGITS: Final = len(str(LAST_ID))


def parse_position(text: str) -> Position | None:
    """Read a position as it was given out; None for anything else."""
    xid, dash, row_id = text.partition("-")
    if not dash or any(not (part.isascii() and part.isdecimal() and len(part) <= _MAX_DIGITS) for part in (xid, row_id)):
        return None
    position = Position(int(xid), int(row_id))
    return position if max(position.xid, position.id) <= LAST_ID else None
