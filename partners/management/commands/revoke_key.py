"""`revoke_key`: the end of a key, at once and for good."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from partners.management.arguments import add_kid
from partners.models import RevokeReason
from partners.services.keys import find_key, revoke_key


class Command(ServiceCommand):
    help = "End a key for good, with its sessions and every key that came out of it."

    def add_arguments(self, parser: CommandParser) -> None:
        add_kid(parser)
        parser.add_argument("--reason", required=True, choices=RevokeReason.values)
        parser.add_argument("--comment", default="", help="for the ledger, in your own words")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        key = find_key(options["kid"])
        reason = RevokeReason(options["reason"])
        ended = revoke_key(key.pk, reason=reason, comment=options["comment"], actor=command_actor())
        said = f"Revoked: {', '.join(ended)}." if ended else f"{key.kid} was revoked already; nothing was changed."
        return Outcome({"kid": key.kid, "revoked": ended}, [said])
