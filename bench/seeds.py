"""What the seeding programs share: spreading the credentials in use evenly over a table, and printing what they are."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection


def spread(used: int, rows: int) -> Iterator[int]:
    """The positions, from 1, of the rows that the load will use: evenly over the whole table, so that no page is hot."""
    return (1 + index * rows // used for index in range(used))


def copy(target: str, rows: Iterable[Sequence[Any]]) -> None:
    """Send rows with COPY."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def execute(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run one statement; the first value of its first row, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0] if cursor.description else None


def rows(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one query and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def disk_per_row(table: str, rows: int) -> float:
    """Bytes on disk a row costs, with all indexes, as the server counts them."""
    execute(f"VACUUM (ANALYZE) {table}")
    return float(execute("SELECT pg_total_relation_size(%s::regclass)", [table])) / rows


def hand_over(answer: object) -> None:
    """Give the result to the program that started this one."""
    json.dump(answer, sys.stdout)
