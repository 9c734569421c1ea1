"""Sends webhooks until told to stop; no broker is needed."""

import re
from argparse import ArgumentTypeError
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand
from webhooks.pump.config import Shard, read_config
from webhooks.pump.running import run_pump

_SHARD: Final = re.compile(r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2})")


class Command(ServiceCommand):
    help = "Send webhooks until SIGTERM or SIGINT, which end it in order. Any number of these share the work."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--shard", type=_shard, default=Shard(), help="only a share of the endpoints, like 1/2 and 2/2")
        parser.add_argument("--drain", type=float, metavar="SECONDS", help="end when nothing is due any more, or after so long")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        calls = run_pump(read_config(shard=options["shard"]), drain_seconds=options["drain"])
        return Outcome({"calls": calls}, [f"{calls:,} calls were made."])


def _shard(text: str) -> Shard:
    match = _SHARD.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise ArgumentTypeError("a shard reads like 1/2: the first of two")
    return Shard(int(match[1]) - 1, int(match[2]))
