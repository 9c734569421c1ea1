"""Seal what is settled now, without waiting for the schedule."""

from collections.abc import Mapping
from typing import Any

from audit.sealing import seal_ledger
from core.commands import Outcome, ServiceCommand


class Command(ServiceCommand):
    help = "Cover settled ledger rows with signed seals; the schedule does this every minute."

    def act(self, options: Mapping[str, Any]) -> Outcome:
        seals = list(seal_ledger())
        rows = sum(seal.count for seal in seals)
        newest = seals[-1].number if seals else None
        said = f"{rows:,} rows sealed, up to seal {newest}." if seals else "Nothing was waiting to be sealed."
        return Outcome({"seals": len(seals), "rows": rows, "newest_seal": newest}, [said])
