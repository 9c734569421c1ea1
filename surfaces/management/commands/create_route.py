"""`create_route`: a rule that a method and path belong to a surface and need a scope."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from partners.scopes import Scope
from surfaces.management.arguments import add_reason, add_route, route_facts
from surfaces.names import Method, SurfaceName
from surfaces.services.routes import RouteSpec, create_route


class Command(ServiceCommand):
    help = "Add a rule: requests of this method and path belong to a surface and need a scope."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--surface", required=True, choices=[each.value for each in SurfaceName])
        add_route(parser)
        parser.add_argument("--scope", choices=[each.value for each in Scope], help="default: any caller of the surface")
        parser.add_argument("--calls-per-minute", type=int, metavar="N", help="per tenant and environment; default no limit")
        parser.add_argument("--description", default="")
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        spec = RouteSpec(
            surface=SurfaceName(options["surface"]),
            method=Method(options["method"]),
            pattern=options["path"],
            scope=Scope(options["scope"]) if options["scope"] else None,
            calls_per_minute=options["calls_per_minute"],
            description=options["description"],
        )
        route = create_route(spec, reason=options["reason"], actor=command_actor())
        return Outcome(route_facts(route), [f"{route} belongs to {route.surface}, from the next request on."])
