"""The few hot statements, sent as prepared statements through libpq's own calls.

The ORM costs more than the query it sends, and the driver's cursor half as much as the query (docs/performance.md), so the
statement of each hot path is written by hand and goes through `fetch_one` or `write_one`. Everything else uses querysets.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from psycopg import Connection, errors, pq
from psycopg.adapt import PyFormat, Transformer

Row = tuple[Any, ...]

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")


def write_one(sql: str, params: Mapping[str, Any]) -> Row | None:
    """Run one statement of its own transaction and return its first row; it is sent once, whatever happens."""
    return _execute(connections[DEFAULT_DB_ALIAS], sql, params)


def fetch_one(sql: str, params: Mapping[str, Any]) -> Row | None:
    """Run one statement of its own transaction and return its first row.

    A connection that died while idle (a database restart) is replaced once; the statement must therefore be safe to send
    twice: a read, or a write that recognises its own repetition.
    """
    # Held by hand: the usual `connection` looks itself up anew at each attribute.
    connection = connections[DEFAULT_DB_ALIAS]
    was_open = connection.connection is not None
    try:
        return _execute(connection, sql, params)
    except (OperationalError, InterfaceError):
        if not was_open or connection.in_atomic_block or not _is_broken(connection.connection):
            raise
        connection.close()
        return _execute(connection, sql, params)


def spread(sql: str, name: str, values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Write out `= ANY(%(name)s)` as an `IN` list of as many parameters as there are values, and name these.

    The planner takes an array of unknown length for ten values; that guess is dearer than planning anew, which it then does
    at every execution. A list of a known length keeps one plan.
    """
    return _spread(sql, name, len(values)), {f"{name}_{position}": value for position, value in enumerate(values)}


@lru_cache(maxsize=32)
def _spread(sql: str, name: str, count: int) -> str:
    listed = ", ".join(f"%({name}_{position})s" for position in range(count))
    return sql.replace(f"= ANY(%({name})s)", f"IN ({listed})")


def _execute(connection: Any, sql: str, params: Mapping[str, Any]) -> Row | None:
    if connection.connection is None:
        connection.ensure_connection()
    raw = connection.connection
    if connection.execute_wrappers or connection.queries_logged or not raw.autocommit:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            row: Row | None = cursor.fetchone()
            return row
    with connection.wrap_database_errors:
        return _channel(raw).run(_statement(sql), params)


def _is_broken(raw: Any) -> bool:
    return raw is None or bool(raw.closed) or bool(raw.broken)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement as the server wants it, `$1` for each parameter, and the parameters' names in that order."""

    sql: bytes
    names: tuple[str, ...]
    formats: tuple[PyFormat, ...]


@lru_cache(maxsize=128)
def _statement(sql: str) -> _Statement:
    numbers: dict[str, int] = {}
    numbered = _PLACEHOLDER.sub(lambda match: f"${numbers.setdefault(match[1], len(numbers) + 1)}", sql)
    return _Statement(numbered.encode(), tuple(numbers), (PyFormat.AUTO,) * len(numbers))


class _Channel:
    """One connection as the hot statements use it: with what adapts values for it, and the names it knows statements by."""

    __slots__ = ("_names", "adapter", "raw")

    def __init__(self, raw: "Connection[Any]") -> None:
        self.raw = raw
        self.adapter = Transformer(raw)
        self._names: dict[tuple[bytes, tuple[int, ...] | None], bytes] = {}

    def run(self, statement: _Statement, params: Mapping[str, Any]) -> Row | None:
        """Run a statement while no transaction is open, in one round trip, and return its first row."""
        values = self.adapter.dump_sequence([params[name] for name in statement.names], statement.formats)
        result = self._run_prepared(statement, values)
        if result.error_field(pq.DiagnosticField.SQLSTATE) == _NOT_PREPARED:
            # The driver deallocates whatever is prepared when it rolls back. Nothing was run.
            self._names.clear()
            result = self._run_prepared(statement, values)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise self._error(result)
        self.adapter.set_pgresult(result)
        return self.adapter.load_row(0, tuple) if result.ntuples else None

    def _run_prepared(self, statement: _Statement, values: Sequence[Any]) -> pq.abc.PGresult:
        name = self._name_of(statement)
        return self.raw.pgconn.exec_prepared(name, values, self.adapter.formats, pq.Format.BINARY)

    def _name_of(self, statement: _Statement) -> bytes:
        """The name of a statement with parameters of the types just dumped; prepared where it has none yet."""
        types = self.adapter.types
        name = self._names.get((statement.sql, types))
        if name is None:
            name = b"hot_%d" % next(_numbers)
            result = self.raw.pgconn.prepare(name, statement.sql, types)
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise self._error(result)
            self._names[statement.sql, types] = name
        return name

    def _error(self, result: pq.abc.PGresult) -> errors.Error:
        if self.raw.closed:
            return errors.OperationalError("the connection was lost")
        return errors.error_from_result(result)


def _channel(raw: "Connection[Any]") -> _Channel:
    """The channel of this thread's connection; a new connection gets a new one."""
    known: _Channel | None = getattr(_local, "channel", None)
    if known is None or known.raw is not raw:
        known = _local.channel = _Channel(raw)
    return known


_NOT_PREPARED: Final = b"26000"
_numbers: Final = count()
_local: Final = threading.local()
