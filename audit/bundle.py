"""The sealed ledger as one file that can be checked without this service: seals, and under each the lines it covers.

JSON Lines: a header with the public keys, then for each seal its checkpoint and the digests of its rows, and one
`{"row": line}` for each row.
"""

import json
from collections.abc import Iterator

from django.db import transaction

from audit.chain import COLUMNS, multirange, parse, public_keys, read_lines, spell_bytes
from audit.models import Seal
from audit.sealing import checkpoint

FORMAT = "sticker-ledger-1"


def bundle_lines() -> Iterator[str]:
    """Write the whole sealed ledger, a line at a time."""
    with transaction.atomic():
        yield json.dumps({"format": FORMAT, "columns": COLUMNS.split(", "), "public_keys": public_keys()})
        for seal in Seal.objects.order_by("number").iterator(chunk_size=20):
            yield json.dumps({"seal": checkpoint(seal), "leaves": spell_bytes(bytes(seal.leaves))})
            spans = parse(seal.ids)
            where = f"id BETWEEN {spans[0][0]} AND {spans[-1][1]} AND id <@ '{multirange(spans)}'::int8multirange"
            for line in read_lines(where):
                yield json.dumps({"row": line.decode()})
