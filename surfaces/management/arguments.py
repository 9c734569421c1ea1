"""Arguments that several commands share: which surface of which tenant, and which route."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.principals import Environment
from partners.management.arguments import add_partner
from surfaces.models import Route
from surfaces.names import Method, SurfaceName
from surfaces.services.routes import find_route


def add_tenant(parser: CommandParser) -> None:
    """Add `--partner` and `--environment`."""
    add_partner(parser)
    parser.add_argument("--environment", required=True, choices=[each.value for each in Environment])


def add_entitlement(parser: CommandParser) -> None:
    """Add what an entitlement is about: tenant, surface, and the route where it is about one alone."""
    add_tenant(parser)
    parser.add_argument("--surface", required=True, choices=[each.value for each in SurfaceName])
    parser.add_argument("--route", default="", metavar="'POST /PATH'", help="one route of the surface; default all of it")
    add_reason(parser)


def add_route(parser: CommandParser) -> None:
    """Add `--method` and `--path` of a rule."""
    parser.add_argument("--method", required=True, choices=[each.value for each in Method])
    parser.add_argument("--path", required=True, help="as it is written in the rule, such as /Orders/{id}")


def add_reason(parser: CommandParser) -> None:
    """Add `--reason`."""
    parser.add_argument("--reason", default="", help="for the ledger, in your own words")


def named_route(text: str) -> Route | None:
    """Find the route of a `POST /Path` argument; None where none was given.

    Raises: RouteNotFoundError.
    """
    method, _, path = text.strip().partition(" ")
    return find_route(method.upper(), path.strip()) if text.strip() else None


def route_facts(route: Route) -> Mapping[str, Any]:
    """Say everything a rule says."""
    return {
        "id": route.pk,
        "surface": route.surface.name,
        "method": route.method,
        "path": route.pattern,
        "scope": route.scope or None,
        "calls_per_minute": route.calls_per_minute,
        "is_enabled": route.is_enabled,
    }
