"""`set_password`: a new generated password for an account, shown this once; its tokens end."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.accounts import add_account, add_reason, named_person, password_shown
from surfaces.services.resellers import set_password


class Command(ServiceCommand):
    help = "Give a reseller's or customer's account a new password. Every token and session of it ends."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account(parser, with_clients=False)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        return password_shown(set_password(named_person(options), reason=options["reason"], actor=command_actor()))
