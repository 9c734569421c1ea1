"""What a seal over ledger rows is made of: the bytes of a row, the digest of a batch, the signed statement that ends it.

Each seal names the rows it covers, holds a SHA-256 for each of them and one over all, and repeats the chain value of the seal
before it. The statement of all that is signed with Ed25519. A row's bytes are the line PostgreSQL's COPY prints for it in UTC;
whatever is personal stands elsewhere (`EventContext`), so that it can go while the chain holds.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection

from core.keyring import RingKey, ledger_ring

DIGEST_BYTES: Final = 32
GENESIS: Final = bytes(DIGEST_BYTES)
COLUMNS: Final = (
    "id, recorded_at, type, severity, actor_kind, actor_id, actor_label, partner_id, environment,"
    " subject_type, subject_id, reason, data, request_id, count, context_hash"
)
_ROW: Final = b"sticker-ledger-row-1\n"
_STATEMENT: Final = "sticker-ledger-seal-1"
# What decides how COPY spells a value.
_SPELLING: Final = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a seal says, and what its signature covers. `sealed_at` is seconds since 1970.

    `awaited` are ids that were missing so far, each span with the instant since when; `newest_id` is the highest id sealed.
    """

    number: int
    ids: str
    count: int
    root: bytes
    previous: bytes
    sealed_at: int
    newest_id: int
    awaited: str

    def text(self) -> bytes:
        """The signed bytes: one field a line."""
        digests = (spell_bytes(self.root), spell_bytes(self.previous))
        fields = (_STATEMENT, self.number, self.ids, self.count, *digests, self.sealed_at, self.newest_id, self.awaited)
        return "".join(f"{field}\n" for field in fields).encode("ascii")

    def chain(self) -> bytes:
        """What the next seal repeats."""
        return hashlib.sha256(self.text()).digest()


def spell_bytes(value: bytes) -> str:
    """Write bytes in base64: what stands in statements and checkpoints. (The log takes long hex for a secret and blanks it.)"""
    return base64.b64encode(value).decode("ascii")


def leaf(line: bytes) -> bytes:
    """The digest of one row, from its line without the line break."""
    return hashlib.sha256(_ROW + line).digest()


def root_of(leaves: bytes) -> bytes:
    """The digest of a batch, from the digests of its rows in the order of their ids."""
    return hashlib.sha256(leaves).digest()


def read_lines(where: str) -> Iterator[bytes]:
    """Read ledger rows in the order of their ids, each as the line COPY prints. Must run inside a transaction.

    `where` is a condition made of literals: COPY takes no parameters.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SPELLING)
        asked = f"SELECT {COLUMNS} FROM audit_event WHERE {where} ORDER BY id"  # noqa: S608  # numbers, by the callers
        with cursor.copy(f"COPY ({asked}) TO STDOUT") as copy:
            rest = b""
            for block in copy:
                *lines, rest = (rest + bytes(block)).split(b"\n")
                yield from lines


def id_of(line: bytes) -> int:
    """The id a line begins with."""
    return int(line[: line.index(b"\t")])


def spans_of(ids: Iterable[int]) -> list[Span]:
    """Gather ascending ids into spans, first and last included."""
    spans: list[Span] = []
    for each in ids:
        if spans and spans[-1][1] == each - 1:
            spans[-1] = (spans[-1][0], each)
        else:
            spans.append((each, each))
    return spans


def spell(spans: Iterable[Span]) -> str:
    """Write spans as `1-100,102-103`."""
    return ",".join(f"{first}-{last}" for first, last in spans)


def parse(ids: str) -> list[Span]:
    """Read what `spell` wrote.

    Raises: ValueError.
    """
    pairs = (span.partition("-") for span in ids.split(",") if span)
    return [(int(first), int(last)) for first, _, last in pairs]


def multirange(spans: Iterable[Span]) -> str:
    """Write spans as PostgreSQL's int8multirange has them; numbers alone, so that it may stand in a statement."""
    return "{" + ",".join(f"[{int(first)},{int(last)}]" for first, last in spans) + "}"


def sign(statement: Statement) -> tuple[int, bytes]:
    """Sign with the newest ledger key: its number, and the signature."""
    key = ledger_ring().active
    return key.id, _private(key).sign(statement.text())


def is_signed(statement: Statement, *, key_id: int, signature: bytes) -> bool:
    """Tell whether a statement was signed with the ledger key of that number; False when this process does not know it."""
    key = ledger_ring().get(key_id)
    if key is None:
        return False
    try:
        _private(key).public_key().verify(signature, statement.text())
    except InvalidSignature:
        return False
    return True


def public_keys() -> dict[int, str]:
    """The public half of every ledger key, in base64, by its number."""
    return {key.id: spell_bytes(_raw(_private(key).public_key())) for key in ledger_ring()}


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


@lru_cache(maxsize=16)
def _private(key: RingKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.secret)
