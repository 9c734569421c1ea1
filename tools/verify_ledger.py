#!/usr/bin/env python3
"""Check an exported ledger without the service that wrote it: Python 3.9 or newer, and nothing else.

    python3 verify_ledger.py LEDGER.jsonl --key BASE64 [--key BASE64] [--checkpoints FILE]

LEDGER.jsonl is what `manage.py export_ledger` wrote. `--key` is a public Ed25519 key you trust, in base64: from a checkpoint
you kept, not from the file that is being checked. Exits 0 when all is as it was sealed, 1 when it is not, 2 when it can't tell.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

Point = tuple[int, int, int, int]
ROW, STATEMENT = b"sticker-ledger-row-1\n", "sticker-ledger-seal-1"
FIELDS = ("number", "ids", "count", "root", "previous", "sealed_at", "newest_id", "awaited")

# Ed25519 (RFC 8032), verification alone; points in extended homogeneous coordinates.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def add(a: Point, b: Point) -> Point:
    """Add two points."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P


def times(number: int, point: Point) -> Point:
    """Add a point to itself that many times."""
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def point_of(raw: bytes) -> Point | None:
    """Decode 32 bytes; None when they are no point of the curve."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if len(raw) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the holder of a public key signed a message."""
    base = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    a, r = point_of(key), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if base is None or a is None or r is None or len(signature) != 64 or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, base), add(r, times(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def statement_of(seal: dict[str, Any]) -> bytes:
    """The bytes a seal's signature covers."""
    return "".join(f"{field}\n" for field in (STATEMENT, *(seal[name] for name in FIELDS))).encode("ascii")


def ids_of(spelled: str) -> Iterator[int]:
    """The ids of `1-3,7-7`."""
    for span in filter(None, spelled.split(",")):
        first, _, last = span.partition("-")
        yield from range(int(first), int(last) + 1)


class Ledger:
    """What was read so far, and what was wrong with it."""

    def __init__(self, keys: list[bytes]) -> None:
        self.keys = keys
        self.faults: list[str] = []
        self.seals: dict[int, dict[str, Any]] = {}
        self.number, self.count, self.previous = 0, 0, "A" * 43 + "="
        self.sealed: set[int] = set()
        self.wanted: dict[int, bytes] = {}

    def take(self, line: str) -> None:
        """Read one line of the file."""
        entry = json.loads(line)
        if "row" in entry:
            self.take_row(entry["row"].encode())
        elif "seal" in entry:
            self.close()
            self.take_seal(entry["seal"], base64.b64decode(entry["leaves"]))

    def take_seal(self, seal: dict[str, Any], leaves: bytes) -> None:
        """Check what a seal says of itself, and remember which rows it promises."""
        number, text = seal["number"], statement_of(seal)
        if number != self.number + 1:
            self.faults.append(f"seal {self.number + 1} is missing")
        if seal["previous"] != self.previous:
            self.faults.append(f"seal {number} does not follow the one before it")
        if not any(is_signed(key, text, base64.b64decode(seal["signature"])) for key in self.keys):
            self.faults.append(f"seal {number} is not signed by a key you trust")
        ids = list(ids_of(seal["ids"]))
        if (
            hashlib.sha256(leaves).digest() != base64.b64decode(seal["root"])
            or len(leaves) != 32 * len(ids)
            or len(ids) != seal["count"]
        ):
            self.faults.append(f"seal {number} was changed")
        self.faults += [f"row {row} is sealed twice" for row in self.sealed.intersection(ids)]
        self.sealed.update(ids)
        self.wanted = {row: leaves[32 * place : 32 * place + 32] for place, row in enumerate(ids)}
        self.previous, self.number = base64.b64encode(hashlib.sha256(text).digest()).decode(), number
        self.seals[number] = seal

    def take_row(self, row: bytes) -> None:
        """Compare a row with what its seal promises."""
        row_id = int(row[: row.index(b"\t")])
        promised = self.wanted.pop(row_id, None)
        if promised is None:
            self.faults.append(f"row {row_id} is not under seal {self.number}")
        elif hashlib.sha256(ROW + row).digest() != promised:
            self.faults.append(f"row {row_id} was changed (seal {self.number})")
        self.count += 1

    def close(self) -> None:
        """End a seal: what it promised and did not come is missing."""
        self.faults += [f"row {row} is missing (seal {self.number})" for row in sorted(self.wanted)]
        self.wanted = {}

    def compare(self, checkpoints: Iterable[str]) -> None:
        """Hold the seals against those kept elsewhere."""
        for line in checkpoints:
            kept = json.loads(line)
            ours = self.seals.get(kept["number"])
            if ours is None:
                self.faults.append(f"seal {kept['number']} of your checkpoints is not in the file: it ends too early")
            elif any(ours[name] != kept[name] for name in FIELDS):
                self.faults.append(f"seal {kept['number']} is another one than in your checkpoints")


def main() -> int:
    """Check the file and print what is wrong."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("ledger", type=argparse.FileType("r", encoding="utf-8"))
    parser.add_argument("--key", action="append", required=True, type=base64.b64decode)
    parser.add_argument("--checkpoints", type=argparse.FileType("r", encoding="ascii"))
    given = parser.parse_args()
    ledger = Ledger(given.key)
    try:
        for line in given.ledger:
            ledger.take(line)
        ledger.close()
        ledger.compare(given.checkpoints or ())
    except (ValueError, KeyError, TypeError) as error:
        print(f"This is no ledger this program can read: {error}", file=sys.stderr)
        return 2
    for fault in ledger.faults:
        print(fault)
    print(f"{'NOT SOUND' if ledger.faults else 'Sound'}: {ledger.count} rows under {ledger.number} seals")
    return 1 if ledger.faults else 0


if __name__ == "__main__":
    sys.exit(main())
