"""`disable_account`: give an account or client no more tokens, and end those it has."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.accounts import account_facts, add_account, add_reason, named_account
from surfaces.services.accounts import disable_account


class Command(ServiceCommand):
    help = "Give an account or client no more tokens, and end those it has."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account(parser)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        account = disable_account(named_account(options), reason=options["reason"], actor=command_actor())
        return Outcome(account_facts(account), [f"{account} is disabled; its tokens are refused from the next request on."])
