"""`disable_route`: refuse what a rule decides."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.arguments import add_reason, add_route, route_facts
from surfaces.services.routes import disable_route, find_route


class Command(ServiceCommand):
    help = "Refuse what a rule decides, until it is enabled again. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        add_route(parser)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        known = find_route(options["method"], options["path"])
        route = disable_route(known.pk, reason=options["reason"], actor=command_actor())
        return Outcome(route_facts(route), [f"{route} is refused, from the next request on."])
