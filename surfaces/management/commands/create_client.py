"""`create_client`: a program that asks for Reseller tokens with a client id and secret; the secret is shown this once."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from core.principals import Environment
from partners.services.partners import find_partner
from surfaces.management.accounts import add_scopes, secret_shown
from surfaces.management.arguments import add_tenant
from surfaces.services.clients import ClientSpec, create_client


class Command(ServiceCommand):
    help = "Create a reseller's client with its first secret."

    def add_arguments(self, parser: CommandParser) -> None:
        add_tenant(parser)
        parser.add_argument("--name", required=True, help="what will use it")
        add_scopes(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        spec = ClientSpec(Environment(options["environment"]), options["name"], options["scopes"])
        return secret_shown(create_client(find_partner(options["partner"]), spec=spec, actor=command_actor()))
