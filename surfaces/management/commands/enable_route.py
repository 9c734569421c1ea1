"""`enable_route`: let a disabled rule decide again."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.arguments import add_reason, add_route, route_facts
from surfaces.services.routes import enable_route, find_route


class Command(ServiceCommand):
    help = "Let a disabled rule decide again. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        add_route(parser)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        known = find_route(options["method"], options["path"])
        route = enable_route(known.pk, reason=options["reason"], actor=command_actor())
        return Outcome(route_facts(route), [f"{route} is decided by its rule again, from the next request on."])
