"""`report_leak`: end a credential found in the wrong place. It is read from standard input, never from the arguments."""

import sys
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from core.commands import BadArgumentsError, Outcome, ServiceCommand, command_actor
from surfaces.leaks.github import MAX_TOKEN_CHARS
from surfaces.services.leaks import Consequence, Finding, LeakSource, report_leaks

_NOBODY: Final = "This is no credential of ours, or one that ended by itself. Nothing was changed."


class Command(ServiceCommand):
    help = "End a leaked credential, read from standard input, with everything that came out of it; its partner is told."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="", help="where it was found")
        parser.add_argument("--comment", default="", help="for the ledger, in your own words")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        credential = sys.stdin.read(MAX_TOKEN_CHARS + 2).strip()
        if not 0 < len(credential) <= MAX_TOKEN_CHARS or not credential.isprintable():
            raise BadArgumentsError("Write the credential, and nothing else, to standard input.")
        finding = Finding(credential, LeakSource.OPERATOR, options["url"], options["comment"])
        (consequence,) = report_leaks([finding], actor=command_actor())
        return Outcome(_facts(consequence), [_sentence(consequence)])


def _facts(consequence: Consequence) -> dict[str, object]:
    return {
        "is_ours": consequence.is_genuine,
        "subject_type": consequence.subject_type or None,
        "subject_id": consequence.subject_id or None,
        "partner_id": consequence.partner_id,
        "environment": consequence.environment or None,
        "ended": list(consequence.ended),
    }


def _sentence(consequence: Consequence) -> str:
    if not consequence.is_genuine:
        return _NOBODY
    subject = f"{consequence.subject_type} {consequence.subject_id} ({consequence.environment})"
    if not consequence.ended:
        return f"The {subject} had ended already. The report stands in the ledger."
    return f"Ended: {', '.join(consequence.ended)}, by the report of the {subject}."
