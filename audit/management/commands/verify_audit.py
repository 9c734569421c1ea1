"""Check the sealed ledger and say what is wrong with it; exits 1 when anything is."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from audit.checking import Report, check_ledger, first_bad_row, read_checkpoints
from core.commands import BadArgumentsError, Outcome, ServiceCommand


class Command(ServiceCommand):
    help = "Check every seal of the ledger and every row under it, and compare with the checkpoints kept outside."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--checkpoints", type=Path, help="a file of checkpoints; default LEDGER_CHECKPOINT_FILE")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        checkpoints = _checkpoints(options["checkpoints"])
        began = time.perf_counter()
        report = check_ledger(checkpoints=checkpoints)
        seconds = time.perf_counter() - began
        self._is_sound = report.is_sound
        facts = {
            "is_sound": report.is_sound,
            "seals": report.seals,
            "rows": report.rows,
            "unsealed_rows": report.unsealed,
            "checkpoints": len(checkpoints),
            "seconds": round(seconds, 3),
            "first_bad_row": first_bad_row(report),
            "findings": [{"fault": each.fault, "seal": each.seal, "row": each.row} for each in report.findings],
        }
        return Outcome(facts, _lines(report, seconds, len(checkpoints)))

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not self._is_sound:
            raise CommandError("The ledger is not what was sealed.")


def _checkpoints(given: Path | None) -> list[dict[str, Any]]:
    path = given or (Path(settings.LEDGER_CHECKPOINT_FILE) if settings.LEDGER_CHECKPOINT_FILE else None)
    if path is None or (given is None and not path.exists()):
        return []
    try:
        return read_checkpoints(path)
    except (OSError, ValueError) as error:
        raise BadArgumentsError(f"{path} can't be read as checkpoints: {error}") from error


def _lines(report: Report, seconds: float, checkpoints: int) -> list[str]:
    seen = f"{report.rows:,} rows under {report.seals:,} seals and {checkpoints:,} checkpoints in {seconds:.1f} s"
    if report.is_sound:
        return [f"Sound: {seen}. {report.unsealed:,} rows are not sealed yet."]
    return [f"NOT SOUND: {seen}.", *(f"- {finding}" for finding in report.findings)]
