"""`import_key`: let in a key that was issued elsewhere, known only by the SHA-256 of its text."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from core.commands import BadArgumentsError, Outcome, ServiceCommand, argument, command_actor
from core.credentials import KeyHash
from partners.management.arguments import add_partner, add_policy, key_spec
from partners.management.reports import instant
from partners.services.keys import import_key
from partners.services.partners import find_partner

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


class Command(ServiceCommand):
    help = "Import a key issued elsewhere. Its text matches (sk|ak)_(live|test)_[0-9A-Za-z_-]{16,128}; only its hash is needed."

    def add_arguments(self, parser: CommandParser) -> None:
        add_partner(parser)
        add_policy(parser)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--sha256", type=argument(_key_hash), metavar="HEX", help="SHA-256 of the whole key, 64 hex digits")
        source.add_argument("--sha256-file", metavar="PATH", help="a file that holds it, or - for standard input")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        key_hash = options["sha256"] or _from_file(options["sha256_file"])
        partner = find_partner(options["partner"])
        key = import_key(partner, key_hash=key_hash, spec=key_spec(options), actor=command_actor())
        lines = [f"Key imported for {partner.name}.", f"  kid      {key.kid}", f"  expires  {instant(key.expires_at)}"]
        return Outcome({"kid": key.kid, "expires_at": key.expires_at}, lines)


def _key_hash(text: str) -> KeyHash:
    if not _SHA256.fullmatch(text.strip()):
        raise ValueError("a SHA-256 is 64 hexadecimal digits")
    return KeyHash(bytes.fromhex(text.strip()))


def _from_file(path: str) -> KeyHash:
    try:
        # `sha256sum` writes the file's name behind the hash.
        words = (sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")).split()
        return _key_hash(words[0] if words else "")
    except (OSError, ValueError) as error:
        raise BadArgumentsError(f"--sha256-file: {error}") from error
