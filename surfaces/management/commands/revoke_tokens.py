"""`revoke_tokens`: end every token and session of an account or client; it may sign in again at once."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.accounts import account_facts, add_account, add_reason, named_account
from surfaces.services.accounts import revoke_tokens


class Command(ServiceCommand):
    help = "End every token and session of an account or client; it may sign in again at once."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account(parser)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        account = revoke_tokens(named_account(options), reason=options["reason"], actor=command_actor())
        return Outcome(account_facts(account), [f"{account} has no token left that is accepted."])
