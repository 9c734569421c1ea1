"""`rotate_key`: a successor with the same policy; the old key works on for the chosen overlap."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from partners.management.arguments import add_kid
from partners.management.reports import instant, shown_once
from partners.services.keys import Overlap, find_key, rotate_key


class Command(ServiceCommand):
    help = "Issue a key's successor; the old key works on for --overlap."

    def add_arguments(self, parser: CommandParser) -> None:
        add_kid(parser)
        parser.add_argument("--overlap", choices=[each.value for each in Overlap], default=Overlap.DAY.value)
        parser.add_argument("--reason", required=True, help="for the ledger, in your own words")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        old = find_key(options["kid"])
        overlap = Overlap(options["overlap"]).delta
        issued = rotate_key(old.pk, overlap=overlap, reason=options["reason"], actor=command_actor())
        works_until = find_key(old.kid).grace_until
        facts = {
            "key": issued.plaintext,
            "kid": issued.key.kid,
            "expires_at": issued.key.expires_at,
            "previous": old.kid,
            "previous_works_until": works_until,
        }
        return Outcome(facts, [*shown_once(issued), f"The old key {old.kid} works until {instant(works_until)}."])
