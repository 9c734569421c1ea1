"""`sync_organizations`: sync what is due, here and now; what the scheduled task does, without a broker."""

import signal
import threading
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from core.commands import BadArgumentsError, Outcome, ServiceCommand, command_actor
from core.principals import Environment
from organizations.models import RunOutcome
from organizations.services.grants import find_partners_organization
from organizations.services.sync_notices import send_notices
from organizations.services.sync_pass import sync_due, sync_organization
from partners.services.partners import find_partner

_PASS_SECONDS: Final = 30.0
_BETWEEN_SECONDS: Final = 2.0


class Command(ServiceCommand):
    help = "Sync the organizations that are due, until none is. Any number of these share the work, with the scheduled task."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--threads", type=_threads, default=settings.SYNC_THREADS, help="default SYNC_THREADS")
        parser.add_argument("--seconds", type=float, default=3600.0, help="begin nothing more after so long; default an hour")
        parser.add_argument("--partner", metavar="ID", help="with --environment and --organization: only this one, due or not")
        parser.add_argument("--environment", choices=[each.value for each in Environment])
        parser.add_argument("--organization", metavar="ID", help="the partner's id for it")
        parser.add_argument("--watch", action="store_true", help="go on until SIGTERM or SIGINT, which end it in order")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        named = [options[name] for name in ("partner", "environment", "organization")]
        if any(named):
            return _one(*named)
        outcomes = _watched(options["threads"]) if options["watch"] else _synced(options["threads"], options["seconds"])
        facts = {each.value: outcomes[each] for each in RunOutcome}
        lines = [f"{count} {outcome.label.lower()}" for outcome, count in outcomes.most_common()]
        return Outcome({"runs": outcomes.total(), **facts}, lines or ["Nothing was due."])


def _one(partner: str | None, environment: str | None, organization: str | None) -> Outcome:
    if not (partner and environment and organization):
        raise BadArgumentsError("--partner, --environment and --organization belong together.")
    place = Environment(environment)
    found = find_partners_organization(find_partner(partner), environment=place, external_id=organization)
    outcome = sync_organization(found.pk, actor=command_actor())
    if outcome is None:
        return Outcome({"outcome": None}, ["A worker is at it just now."])
    return Outcome({"outcome": outcome.value}, [f"{organization}: {outcome.label.lower()}."])


def _synced(threads: int, seconds: float) -> Counter[RunOutcome]:
    actor = command_actor()
    outcomes = sync_due(threads=threads, seconds=seconds, actor=actor)
    send_notices(actor=actor)
    return outcomes


def _watched(threads: int) -> Counter[RunOutcome]:
    stop = threading.Event()

    def ask_to_stop(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, ask_to_stop)
    outcomes: Counter[RunOutcome] = Counter()
    while not stop.is_set():
        outcomes += _synced(threads, _PASS_SECONDS)
        stop.wait(_BETWEEN_SECONDS)
    return outcomes


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise ArgumentTypeError("choose 1 to 64 threads")
    return int(text)
