"""`allow_customer_passwords`: say whether a shop's customers may sign in with a password."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.management.accounts import add_reason
from surfaces.management.arguments import add_tenant
from surfaces.services.customers import allow_customer_passwords


class Command(ServiceCommand):
    help = "Let a shop's customers sign in with a password, or with --off no longer. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tenant(parser)
        parser.add_argument("--off", action="store_true", help="no longer; sessions that are open stay open")
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner, is_allowed = find_partner(options["partner"]), not options["off"]
        allow_customer_passwords(
            partner,
            environment=Environment(options["environment"]),
            allowed=is_allowed,
            reason=options["reason"],
            actor=command_actor(),
        )
        facts = {"partner": partner.slug, "environment": options["environment"], "allows_customer_passwords": is_allowed}
        may = "may" if is_allowed else "may not"
        return Outcome(facts, [f"Customers of {partner.slug} {may} sign in with a password in {options['environment']}."])
