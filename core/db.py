"""The few hot statements, sent as prepared statements straight through the driver.

The ORM costs more than the query it sends (measured in docs/performance.md), so the statement of each hot path is written
by hand and goes through `fetch_one`. Everything else uses querysets.
"""

from collections.abc import Mapping
from typing import Any

from django.db import InterfaceError, OperationalError, connection

Row = tuple[Any, ...]


def fetch_one(sql: str, params: Mapping[str, Any]) -> Row | None:
    """Run one statement of its own transaction and return its first row.

    A connection that died while idle (a database restart) is replaced once; the statement must therefore be safe to send
    twice: a read, or a write that recognises its own repetition.
    """
    was_open = connection.connection is not None
    try:
        return _execute(sql, params)
    except (OperationalError, InterfaceError):
        if not was_open or connection.in_atomic_block or not _is_broken():
            raise
        connection.close()
        return _execute(sql, params)


def _execute(sql: str, params: Mapping[str, Any]) -> Row | None:
    if connection.execute_wrappers or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return _row(cursor)
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return _row(connection.connection.execute(sql, params, prepare=True))


def _row(cursor: Any) -> Row | None:
    row: Row | None = cursor.fetchone()
    return row


def _is_broken() -> bool:
    raw = connection.connection
    return raw is None or bool(raw.closed) or bool(raw.broken)
