"""`create_customer`: let a user sign in to Storefront with a password, which is shown this once."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, argument, command_actor
from surfaces.management.accounts import password_shown, profile_id
from surfaces.services.customers import find_profile, open_customer


class Command(ServiceCommand):
    help = "Create a customer's account with a generated password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--profile", required=True, type=argument(profile_id), metavar="ID", help="the user's profile id")
        parser.add_argument("--email", required=True, help="what they sign in with; one account of the shop and environment")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        profile = find_profile(options["profile"])
        return password_shown(open_customer(profile, email=options["email"], actor=command_actor()))
