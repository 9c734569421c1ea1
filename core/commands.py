"""The shape of our management commands: never a prompt, one JSON object on stdout with --json, exit codes that mean something.

0 done, 1 refused (the object is then `{"error", "message"}`), 2 wrong arguments. Logs and advice go to stderr.
"""

import os
import pwd
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from core.credentials import keys_within
from core.errors import StickerError
from core.principals import Actor, ActorKind

DATABASE_DOWN: Final = "The database does not answer. Nothing was changed."
KEY_IN_ARGUMENTS: Final = (
    "A whole key was given as an argument. Every user of this machine can read the arguments of a running program, and the"
    " shell may keep them in its history: treat the key as leaked and rotate it. Name a key by its kid, or pass the whole"
    " key to 'identify_key -' on standard input."
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has to say: the object for programs, the lines for people."""

    facts: Mapping[str, object]
    lines: Sequence[str]


class BadArgumentsError(CommandError):
    """An argument that only the command itself can judge; exits 2, as argparse does for the others."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


class ServiceCommand(BaseCommand):
    """A door to one service. A subclass adds its arguments and states in `act` the one call it makes."""

    requires_system_checks = ()
    _is_json_asked = False

    def run_from_argv(self, argv: list[str]) -> None:
        self._is_json_asked = "--json" in argv
        text = " ".join(argv)
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            self._refuse_arguments("The arguments are not UTF-8.")
        if keys_within(text):
            self._refuse_arguments(KEY_IN_ARGUMENTS)
        super().run_from_argv(argv)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object on stdout")
        if self._is_json_asked:
            parser.error = self._refuse_arguments  # type: ignore[method-assign]  # argparse offers no other way in
        return parser

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            outcome = self.act(options)
        except StickerError as error:
            self._refuse(options, error.slug, _sentence(error))
        except (OperationalError, InterfaceError):
            self._refuse(options, "SERVICE_UNAVAILABLE", DATABASE_DOWN)
        except BadArgumentsError as error:
            self._say(options, {"error": "BAD_ARGUMENTS", "message": str(error)})
            raise
        else:
            self._say(options, outcome.facts, outcome.lines)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        """Make the service call."""
        raise NotImplementedError

    def _say(self, options: Mapping[str, Any], facts: Mapping[str, object], lines: Sequence[str] = ()) -> None:
        text = as_json(facts) if options["as_json"] else "\n".join(lines)
        if text:
            self.stdout.write(text)

    def _refuse(self, options: Mapping[str, Any], slug: str, message: str) -> NoReturn:
        self._say(options, {"error": slug, "message": message})
        raise CommandError(f"{message} ({slug})")

    def _refuse_arguments(self, message: str) -> NoReturn:
        if self._is_json_asked:
            self.stdout.write(as_json({"error": "BAD_ARGUMENTS", "message": message}))
        self.stderr.write(f"error: {message}")
        sys.exit(2)


def as_json(facts: Mapping[str, object]) -> str:
    """Write facts as one line of JSON; instants become ISO 8601 in UTC."""
    return orjson.dumps(dict(facts), default=str).decode()


def command_actor() -> Actor:
    """Who runs a command, by the operating system's word: an environment variable could say anything."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Actor(ActorKind.COMMAND, name, name)


def argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """Make an argparse type of a function that raises ValueError; its message becomes the refusal."""

    def convert(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from error

    return convert


def comma_list(text: str) -> list[str]:
    """Split `a,b` into its non-empty parts."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _sentence(error: StickerError) -> str:
    wrong = "; ".join(f"{problem.field}: {problem.message}" for problem in error.details)
    return f"{error.text} {wrong}".strip()
