"""`issue_key`: a key of a new family, whose text is shown this once."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from partners.management.arguments import add_partner, add_policy, key_spec
from partners.management.reports import shown_once
from partners.services.keys import issue_key
from partners.services.partners import find_partner


class Command(ServiceCommand):
    help = "Issue an API key to a partner."

    def add_arguments(self, parser: CommandParser) -> None:
        add_partner(parser)
        add_policy(parser)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        issued = issue_key(find_partner(options["partner"]), spec=key_spec(options), actor=command_actor())
        facts = {"key": issued.plaintext, "kid": issued.key.kid, "expires_at": issued.key.expires_at}
        return Outcome(facts, shown_once(issued))
