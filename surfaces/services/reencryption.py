"""Sealing everything anew that was not sealed with the newest key, a batch at a time; what does not open is counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import connection, transaction

from audit.events import EventType
from audit.services import Act, record
from core.encryption import DecryptionError, decrypt, encrypt
from core.keyring import encryption_ring
from core.principals import Actor
from surfaces.services.sealed import COLUMNS, SealedColumn

BATCH_ROWS: Final = 200
log = structlog.get_logger("sticker.reencryption")


@dataclass(slots=True)
class Reencryption:
    """How far it is with one kind of values."""

    what: str
    outdated: int
    done: int = 0
    unreadable: int = 0


def reencrypt(*, actor: Actor) -> Iterator[Reencryption]:
    """Seal every value with the newest key that an older one sealed, and tell after each batch how far it is.

    Each batch is a transaction of its own: killed half-way it has done less, and calling it again goes on. Values that do
    not open here are left as they are.
    """
    number = encryption_ring().active.id
    whole = {"done": 0, "unreadable": 0}
    for column in COLUMNS:
        so_far = Reencryption(column.what, _count(column, number))
        yield so_far
        last: Any = None
        while (last := _batch(column, number, so_far, after=last)) is not None:
            yield so_far
        whole = {"done": whole["done"] + so_far.done, "unreadable": whole["unreadable"] + so_far.unreadable}
    if any(whole.values()):
        with transaction.atomic():
            record(Act(EventType.SECRETS_REENCRYPTED, actor, subject_type="ring", subject_id="encryption", data=whole))


def _batch(column: SealedColumn, number: int, so_far: Reencryption, *, after: Any) -> Any:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_select(column, is_first=after is None), {"number": number, "rows": BATCH_ROWS, "after": after})
        rows = cursor.fetchall()
        changes = [(sealed, row[0]) for row in rows if (sealed := _anew(column, row)) is not None]
        if changes:
            cursor.executemany(f"UPDATE {column.table} SET {column.column} = %s WHERE id = %s", changes)  # noqa: S608  # constants
    so_far.done += len(changes)
    so_far.unreadable += len(rows) - len(changes)
    return rows[-1][0] if rows else None


def _anew(column: SealedColumn, row: tuple[Any, ...]) -> bytes | None:
    row_id, partner_id, environment, sealed = row
    place = column.place(row_id, partner_id, environment)
    try:
        return encrypt(decrypt(bytes(sealed), place=place), place=place)
    except DecryptionError as error:
        log.error("reencryption.unreadable", table=column.table, row=str(row_id), reason=str(error))
        return None


def _select(column: SealedColumn, *, is_first: bool) -> str:
    further = "" if is_first else "AND s.id > %(after)s"
    return (
        f"SELECT s.id, o.partner_id, o.environment, s.{column.column} FROM {column.table} s"  # noqa: S608  # constants
        f" JOIN {column.owner} o ON o.id = s.{column.owner_key}"
        f" WHERE {_outdated(column)} {further} ORDER BY s.id LIMIT %(rows)s FOR NO KEY UPDATE OF s"
    )


def _count(column: SealedColumn, number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {column.table} s WHERE {_outdated(column)}", {"number": number})  # noqa: S608  # constants
        return int(cursor.fetchone()[0])


def _outdated(column: SealedColumn) -> str:
    # Where `core.encryption` writes the number of its key; what was erased is empty or null.
    sealed = f"s.{column.column}"
    return f"length({sealed}) > 2 AND get_byte({sealed}, 1) * 256 + get_byte({sealed}, 2) <> %(number)s"
