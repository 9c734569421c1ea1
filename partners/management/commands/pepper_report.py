"""`pepper_report`: which pepper keys how many API keys, which this process does not know, and which can be retired."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.commands import Outcome, ServiceCommand
from partners.services.peppers import PepperUse, report_peppers


class Command(ServiceCommand):
    help = "Count the API keys under each pepper. A pepper can be retired when it neither signs nor verifies a usable key."

    def act(self, options: Mapping[str, Any]) -> Outcome:
        report = report_peppers()
        facts = {
            "signing": report.signing,
            "peppers": [asdict(each) for each in report.peppers],
            "unknown": report.unknown,
            "can_be_retired": report.can_be_retired,
        }
        return Outcome(facts, [_line(each, report.signing) for each in report.peppers])


def _line(use: PepperUse, signing: int) -> str:
    state = "signs" if use.id == signing else "verifies" if use.is_known else "UNKNOWN to this process: its keys are refused"
    advice = ", can be retired" if use.can_be_retired else ""
    return f"pepper {use.id}: {use.usable_keys} usable keys, {use.dead_keys} dead ones; {state}{advice}"
