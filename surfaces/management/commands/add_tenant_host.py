"""`add_tenant_host`: say that requests to a host ask for a tenant."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.management.arguments import add_reason, add_tenant
from surfaces.services.hosts import add_tenant_host


class Command(ServiceCommand):
    help = "Give a host name to a tenant in one environment. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tenant(parser)
        parser.add_argument("--host", required=True, help="such as shop.example.com, without scheme, port and path")
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner = find_partner(options["partner"])
        row = add_tenant_host(
            options["host"],
            partner_id=partner.pk,
            environment=Environment(options["environment"]),
            reason=options["reason"],
            actor=command_actor(),
        )
        facts = {"host": row.host, "partner": partner.slug, "environment": row.environment}
        return Outcome(facts, [f"{row.host} is {partner.slug}'s in {row.environment}."])
