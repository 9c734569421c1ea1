"""The pump's own connections to the database: asynchronous, in autocommit, and made anew after every loss."""

import os
from collections.abc import Mapping
from typing import Any, Final

from django.db import connections
from psycopg import AsyncConnection, Error
from psycopg.rows import TupleRow

from webhooks.services.invariants import APPLICATION_NAME

# What Django adds for its own cursors.
_OF_DJANGO: Final = frozenset({"context", "cursor_factory", "prepare_threshold", "server_side_binding"})
_PREPARE_AFTER: Final = 2

Params = Mapping[str, object]


class Link:
    """One connection that comes back: a statement that fails for a lost connection raises, and the next one reconnects."""

    def __init__(self) -> None:
        self._connection: AsyncConnection[TupleRow] | None = None

    async def fetch(self, sql: str, params: Params) -> list[TupleRow]:
        """Run one statement in a transaction of its own and return its rows.

        Raises: psycopg.OperationalError when the database cannot be reached; it may have run the statement all the same.
        """
        connection = await self._connected()
        try:
            cursor = await connection.execute(sql, params, binary=True)
            return await cursor.fetchall() if cursor.description else []
        except Error:
            await self._drop_broken()
            raise

    async def fetch_after(self, first: str, sql: str, params: Params) -> list[TupleRow]:
        """Run two statements in one transaction and one round trip, and return the rows of the second.

        Raises: as `fetch`.
        """
        connection = await self._connected()
        try:
            async with connection.pipeline():
                await connection.execute(first)
                cursor = await connection.execute(sql, params, binary=True)
            return await cursor.fetchall()
        except Error:
            await self._drop_broken()
            raise

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connected(self) -> AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(**_parameters(), autocommit=True, prepare_threshold=_PREPARE_AFTER)
        return self._connection

    async def _drop_broken(self) -> None:
        if self._connection is not None and (self._connection.broken or self._connection.closed):
            await self.close()


def _name() -> str:
    return f"{APPLICATION_NAME} {os.getpid()}"


def _parameters() -> dict[str, Any]:
    given = connections["default"].get_connection_params()
    return {name: value for name, value in given.items() if name not in _OF_DJANGO}
