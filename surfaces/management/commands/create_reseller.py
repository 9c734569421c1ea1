"""`create_reseller`: an account that asks for Reseller tokens with e-mail and password; the password is shown this once."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.management.accounts import add_scopes, password_shown
from surfaces.management.arguments import add_tenant
from surfaces.services.resellers import ResellerSpec, open_reseller


class Command(ServiceCommand):
    help = "Create a reseller's account with a generated password."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tenant(parser)
        parser.add_argument("--email", required=True, help="what it signs in with; one account in the whole service")
        parser.add_argument("--name", default="", help="who it belongs to")
        add_scopes(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        spec = ResellerSpec(Environment(options["environment"]), options["email"], options["name"], options["scopes"])
        return password_shown(open_reseller(find_partner(options["partner"]), spec=spec, actor=command_actor()))
