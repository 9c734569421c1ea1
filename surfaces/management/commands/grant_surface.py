"""`grant_surface`: let a tenant use a surface, or one route of it."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.management.arguments import add_entitlement, named_route
from surfaces.names import SurfaceName
from surfaces.services.entitlements import grant_surface


class Command(ServiceCommand):
    help = "Let a tenant use a surface in one environment, or one route of it. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        add_entitlement(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner, route = find_partner(options["partner"]), named_route(options["route"])
        entitlement = grant_surface(
            partner.pk,
            environment=Environment(options["environment"]),
            surface=SurfaceName(options["surface"]),
            route_id=route.pk if route else None,
            reason=options["reason"],
            actor=command_actor(),
        )
        facts = {
            "partner": partner.slug,
            "environment": entitlement.environment,
            "surface": entitlement.surface.name,
            "route": str(entitlement.route) if entitlement.route else None,
        }
        what = facts["route"] or f"all of {entitlement.surface}"
        return Outcome(facts, [f"{partner.slug} may use {what} in {entitlement.environment}, from its next request on."])
