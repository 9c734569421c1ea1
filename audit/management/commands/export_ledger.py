"""Write the sealed ledger to a file for the offline verifier."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from audit.bundle import bundle_lines
from audit.events import EventType
from audit.services import Act, record
from core.commands import BadArgumentsError, Outcome, ServiceCommand, command_actor


class Command(ServiceCommand):
    help = "Write the sealed ledger as JSON Lines; tools/verify_ledger.py checks the file without this service."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="the file to write; it must not exist")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        path: Path = options["out"]
        with transaction.atomic():
            record(Act(EventType.LEDGER_EXPORTED, command_actor(), data={"form": "bundle"}))
        try:
            with path.open("x", encoding="utf-8") as file:
                path.chmod(0o600)
                lines = sum(file.write(f"{line}\n") and 1 for line in bundle_lines())
        except OSError as error:
            raise BadArgumentsError(f"{path} can't be written: {error.strerror}") from error
        return Outcome({"file": str(path), "lines": lines}, [f"{lines:,} lines written to {path}"])
