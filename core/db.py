"""The few hot statements, sent as prepared statements straight through the driver.

The ORM costs more than the query it sends (measured in docs/performance.md), so the statement of each hot path is written
by hand and goes through `fetch_one`. Everything else uses querysets.
"""

from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

Row = tuple[Any, ...]


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


def _execute(connection: Any, sql: str, params: Mapping[str, Any]) -> Row | None:
    if connection.execute_wrappers or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return _row(cursor)
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return _row(_cursor_of(connection.connection).execute(sql, params, prepare=True))


def _cursor_of(raw: Any) -> Any:
    """The one cursor that a connection keeps for hot statements; making one costs a third of what such a statement costs."""
    cursor = _cursors.get(raw)
    if cursor is None:
        cursor = _cursors[raw] = raw.cursor(binary=True)
    return cursor


_cursors: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()


def _row(cursor: Any) -> Row | None:
    row: Row | None = cursor.fetchone()
    return row


def _is_broken(raw: Any) -> bool:
    return raw is None or bool(raw.closed) or bool(raw.broken)
