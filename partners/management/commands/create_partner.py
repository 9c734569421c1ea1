"""`create_partner --name N [--slug S]`: a new, active partner."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from partners.services.partners import create_partner


class Command(ServiceCommand):
    help = "Create an active partner; without --slug one is made from the name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--slug", help="the shop handle: lower-case letters, digits and inner hyphens")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner = create_partner(options["name"], slug=options["slug"], actor=command_actor())
        return Outcome(
            {"id": str(partner.pk), "slug": partner.slug},
            [f"Partner {partner.name} created.", f"  id    {partner.pk}", f"  slug  {partner.slug}"],
        )
