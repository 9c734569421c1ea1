"""`withdraw_surface`: take a surface, or one route of it, from a tenant."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.management.arguments import add_entitlement, named_route
from surfaces.names import SurfaceName
from surfaces.services.entitlements import withdraw_surface


class Command(ServiceCommand):
    help = "Take a surface, or one route of it, from a tenant in one environment. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        add_entitlement(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner, route = find_partner(options["partner"]), named_route(options["route"])
        was_held = withdraw_surface(
            partner.pk,
            environment=Environment(options["environment"]),
            surface=SurfaceName(options["surface"]),
            route_id=route.pk if route else None,
            reason=options["reason"],
            actor=command_actor(),
        )
        said = "Withdrawn, from the next request on." if was_held else "Nothing was held; nothing was changed."
        return Outcome({"partner": partner.slug, "withdrawn": was_held}, [said])
