"""`emergency_revoke`: everything of a partner at once. Needs the database and nothing else."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from partners.management.arguments import add_partner
from partners.services.partners import emergency_revoke, find_partner


class Command(ServiceCommand):
    help = "Revoke every key and end every session of a partner, in one act. Safe to run twice."

    def add_arguments(self, parser: CommandParser) -> None:
        add_partner(parser)
        parser.add_argument("--reason", required=True, help="for the ledger, in your own words")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner = find_partner(options["partner"])
        result = emergency_revoke(partner.pk, reason=options["reason"], actor=command_actor())
        facts = {"partner": str(partner.pk), "revoked": result.kids, "auth_epoch": result.auth_epoch}
        said = f"{len(result.kids)} keys of {partner.name} were revoked and every session ended."
        return Outcome(facts, [said, *(f"  {kid}" for kid in result.kids)])
