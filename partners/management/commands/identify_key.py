"""`identify_key`: whose key is this. A whole key is read from standard input or a file, never from the arguments."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from core.commands import BadArgumentsError, Outcome, ServiceCommand
from partners.management.reports import key_facts, key_lines
from partners.services.keys import identify, is_whole_key


class Command(ServiceCommand):
    help = "Say whose key this is, what it may do and what state it is in."

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("key", nargs="?", metavar="KID_OR_-", help="the key's public id, or - to read from standard input")
        source.add_argument("--file", metavar="PATH", help="a file that holds the kid or the whole key")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        text = _text(options)
        key = identify(text)
        is_genuine = None if text == key.kid else is_whole_key(text, of=key)
        return Outcome(key_facts(key, is_genuine=is_genuine), key_lines(key, is_genuine=is_genuine))


def _text(options: Mapping[str, Any]) -> str:
    try:
        if options["file"]:
            return Path(options["file"]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadArgumentsError(f"--file: {error}") from error
    text: str = sys.stdin.read() if options["key"] == "-" else options["key"]
    return text.strip()
