"""`rotate_client_secret`: a new secret for a client, shown this once; the one before works on for a while."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.management.accounts import add_overlap, add_reason, secret_shown
from surfaces.models import ResellerClient
from surfaces.services.accounts import find_account
from surfaces.services.clients import rotate_secret


class Command(ServiceCommand):
    help = "Give a reseller's client a new secret. At most two are good at a time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", required=True, metavar="ID", help="the client id (rc_…)")
        add_overlap(parser)
        add_reason(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        client = find_account(ResellerClient, options["client"])
        return secret_shown(rotate_secret(client, overlap=options["overlap"], reason=options["reason"], actor=command_actor()))
