"""Everything that is stored encrypted, wherever it stands: counted by key, and sealed anew under the newest one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from core.encryption import Place, decrypt, encrypt
from core.keyring import encryption_ring

BATCH_ROWS: Final = 200
# Where `core.encryption` writes the number of its key.
_KEY_ID: Final = "get_byte(s.{column}, 1) * 256 + get_byte(s.{column}, 2)"


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, and the table that knows whose the row is, joined by `owner_key`."""

    table: str
    column: str
    owner: str
    owner_key: str
    what: str

    def place(self, row_id: Any, partner_id: UUID, environment: str) -> Place:
        """What a value of this column is bound to."""
        return Place(self.table, self.column, row_id, partner_id, environment)


COLUMNS: Final = (
    SealedColumn("webhooks_endpointsecret", "sealed", "webhooks_endpoint", "endpoint_id", "webhook secrets"),
    SealedColumn("surfaces_playerkey", "sealed", "surfaces_playerissuer", "issuer_id", "shared secrets of player issuers"),
    SealedColumn("organizations_oauthprovider", "client_secret_sealed", "organizations_oauthprovider", "id", "client secrets"),
    SealedColumn("organizations_oauthgrant", "access_sealed", "organizations_oauthgrant", "id", "OAuth access tokens"),
    SealedColumn("organizations_oauthgrant", "refresh_sealed", "organizations_oauthgrant", "id", "OAuth refresh tokens"),
    SealedColumn(
        "organizations_connectlink", "verifier_sealed", "organizations_organization", "organization_id", "PKCE verifiers"
    ),
)


def count_sealed(number: int) -> dict[str, int]:
    """Count the values that one key sealed, by what they are."""
    return {column.what: _count(column, number) for column in COLUMNS}


def reseal(number: int) -> int:
    """Seal everything that an older key sealed with the newest one, in small transactions; tell how many values.

    Safe to call again after it was killed: what is done stays done.
    Raises: DecryptionError when a value does not open; those before it are done.
    """
    if number == encryption_ring().active.id:
        return 0
    return sum(_reseal_batches(column, number) for column in COLUMNS)


def _reseal_batches(column: SealedColumn, number: int) -> int:
    done = 0
    while batch := _reseal_batch(column, number):
        done += batch
    return done


def _reseal_batch(column: SealedColumn, number: int) -> int:
    with transaction.atomic():
        rows = list(_locked_rows(column, number))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {column.table} SET {column.column} = %s WHERE id = %s",  # noqa: S608  # names of this module
                [(_sealed_anew(column, row), row[0]) for row in rows],
            )
    return len(rows)


def _sealed_anew(column: SealedColumn, row: tuple[Any, UUID, str, bytes]) -> bytes:
    row_id, partner_id, environment, sealed = row
    place = column.place(row_id, partner_id, environment)
    return encrypt(decrypt(bytes(sealed), place=place), place=place)


def _locked_rows(column: SealedColumn, number: int) -> Iterator[tuple[Any, UUID, str, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.id, o.partner_id, o.environment, s.{column.column} FROM {column.table} s"  # noqa: S608  # as above
            f" JOIN {column.owner} o ON o.id = s.{column.owner_key}"
            f" WHERE {_KEY_ID.format(column=column.column)} = %s ORDER BY s.id LIMIT %s FOR NO KEY UPDATE OF s",
            [number, BATCH_ROWS],
        )
        yield from cursor.fetchall()


def _count(column: SealedColumn, number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {column.table} s WHERE {_KEY_ID.format(column=column.column)} = %s",  # noqa: S608  # as above
            [number],
        )
        row: tuple[int] = cursor.fetchone()
        return row[0]
