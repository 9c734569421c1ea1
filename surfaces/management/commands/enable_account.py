"""`enable_account`: let a disabled account or client have tokens again; those that ended stay ended."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.accounts import account_facts, add_account, add_reason, named_account
from surfaces.services.accounts import enable_account


class Command(ServiceCommand):
    help = "Let a disabled account or client have tokens again; those that ended stay ended."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account(parser)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        account = enable_account(named_account(options), reason=options["reason"], actor=command_actor())
        return Outcome(account_facts(account), [f"{account} is enabled."])
