"""Everything a secret could end up in and outlive its request: the whole database, Redis, and every file of the service."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import redis
from psycopg import sql

_TABLES: Final = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


def tables(database_url: str) -> Iterator[tuple[str, bytes]]:
    """Every table as text, as a dump would hold it."""
    with psycopg.connect(database_url) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema, table))
            with connection.cursor() as cursor, cursor.copy(statement) as rows:
                yield f"table {table}", b"".join(bytes(row) for row in rows)


def redis_values(url: str) -> Iterator[tuple[str, bytes]]:
    """Every key of Redis with its serialised value: limits, and the tasks that wait in the broker."""
    with redis.Redis.from_url(url) as client:
        for name in client.scan_iter():
            yield f"redis {name!r}", name + (client.dump(name) or b"") + repr(_value(client, name)).encode()


def _value(client: "redis.Redis", name: bytes) -> object:
    kind = client.type(name)
    return client.lrange(name, 0, -1) if kind == b"list" else client.get(name) if kind == b"string" else None


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, logs among them, without the database's own, whose content the tables tell."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and "data" not in path.relative_to(folder).parts:
            yield f"file {path.name}", path.read_bytes()
