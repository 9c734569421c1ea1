"""Arguments that several commands share: which partner, which key, and what a new key may do."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import CommandParser

from core.commands import argument, comma_list
from core.credentials import KeyKind
from core.net import parse_networks
from core.principals import Environment
from partners.scopes import Scope, parse_scopes
from partners.services.keys import DEFAULT_LIFETIME, KeySpec

MAX_EXPIRES_DAYS: Final = 3650


def add_partner(parser: CommandParser) -> None:
    """Add `--partner`."""
    parser.add_argument("--partner", required=True, metavar="ID", help="the partner's id or slug")


def add_kid(parser: CommandParser) -> None:
    """Add `--kid`."""
    parser.add_argument("--kid", required=True, help="the key's public id: the 12 characters after sk_live_")


def add_policy(parser: CommandParser) -> None:
    """Add what a new key may do and for how long."""
    parser.add_argument("--environment", required=True, choices=[each.value for each in Environment])
    parser.add_argument("--scopes", required=True, type=argument(_scopes), metavar="A,B", help="scope names, or 'all'")
    parser.add_argument("--kind", default="sk", choices=[each.value for each in KeyKind], help="sk: partner, ak: surface")
    parser.add_argument("--name", default="API key", type=argument(_name), help="what people call this key")
    parser.add_argument(
        "--networks", default=[], type=argument(_networks), metavar="CIDR,CIDR", help="where it may be used; default anywhere"
    )
    life = parser.add_mutually_exclusive_group()
    life.add_argument("--expires-days", type=argument(_days), default=DEFAULT_LIFETIME, metavar="N", help="default 365")
    life.add_argument("--never-expires", action="store_true")


def key_spec(options: Mapping[str, Any]) -> KeySpec:
    """Put the policy arguments together."""
    return KeySpec(
        environment=Environment(options["environment"]),
        scopes=options["scopes"],
        name=options["name"],
        kind=KeyKind(options["kind"]),
        networks=options["networks"],
        lifetime=None if options["never_expires"] else options["expires_days"],
    )


def _scopes(text: str) -> list[Scope]:
    scopes = list(Scope) if text.strip() == "all" else parse_scopes(comma_list(text))
    if not scopes:
        raise ValueError("name at least one scope, or 'all'")
    return scopes


def _networks(text: str) -> list[str]:
    return parse_networks(comma_list(text))


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise ValueError("a name has 1 to 120 printable characters")
    return name


def _days(text: str) -> timedelta:
    days = int(text)
    if not 1 <= days <= MAX_EXPIRES_DAYS:
        raise ValueError(f"choose 1 to {MAX_EXPIRES_DAYS} days")
    return timedelta(days=days)
