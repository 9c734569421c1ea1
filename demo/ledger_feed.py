"""Read the latest ledger rows of one partner, for showing them beside the partner's calls; never writes."""

import threading
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from audit.events import NOTES, EventType

LATEST: Final = """
    SELECT id, recorded_at, type, severity, actor_kind, actor_id, actor_label,
           subject_type, subject_id, reason, data, count, request_id
    FROM audit_event WHERE partner_id = %s::uuid ORDER BY id DESC LIMIT %s
"""


class LedgerFeed:
    """One read-only connection, opened when first needed and again after a fault."""

    def __init__(self, database_url: str, *, partner_id: str) -> None:
        self._database_url = database_url
        self._partner_id = partner_id
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._lock = threading.Lock()

    def latest(self, limit: int = 40) -> list[dict[str, Any]]:
        """Return the newest rows, newest first, each with the plain meaning of its type.

        Raises: psycopg.Error when the database cannot be read.
        """
        with self._lock:
            try:
                rows = self._open().execute(LATEST, (self._partner_id, limit)).fetchall()
            except psycopg.Error:
                self._connection = None
                raise
        return [{**row, "meaning": NOTES[EventType(row["type"])].meaning} for row in rows]

    def _open(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None:
            connection = psycopg.connect(self._database_url, row_factory=dict_row, autocommit=True, connect_timeout=3)
            connection.read_only = True
            self._connection = connection
        return self._connection
