"""`remove_tenant_host`: take a host name from its tenant."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.arguments import add_reason
from surfaces.services.hosts import remove_tenant_host


class Command(ServiceCommand):
    help = "Take a host name from its tenant. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", required=True)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        was_known = remove_tenant_host(options["host"], reason=options["reason"], actor=command_actor())
        said = "Removed, from the next request on." if was_known else "It was nobody's; nothing was changed."
        return Outcome({"host": options["host"], "removed": was_known}, [said])
