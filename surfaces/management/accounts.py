"""What the commands about accounts share: which account, and a secret shown once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from core.commands import Outcome, argument, comma_list
from partners.scopes import Scope, parse_scopes
from partners.services.keys import Overlap
from surfaces.models import CustomerAccount, ResellerAccount, ResellerClient
from surfaces.services.accounts import Account, find_account
from surfaces.services.clients import IssuedSecret
from surfaces.services.resellers import PasswordSet

_ONCE = "It is shown this once: the service keeps only a digest. Hand it over through a secrets manager, not by mail or chat."


def add_account(parser: CommandParser, *, with_clients: bool = True) -> None:
    """Add the arguments that name one account of one kind."""
    kinds = parser.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--reseller", metavar="EMAIL", help="a reseller's account, by e-mail address or id")
    if with_clients:
        kinds.add_argument("--client", metavar="ID", help="a reseller's client, by its client id (rc_…)")
    kinds.add_argument("--customer", metavar="ID", help="a customer's account, by id")


def named_account(options: Mapping[str, Any]) -> Account:
    """The account that the arguments name.

    Raises: AccountNotFoundError.
    """
    if options["reseller"]:
        return find_account(ResellerAccount, options["reseller"])
    if options.get("client"):
        return find_account(ResellerClient, options["client"])
    return find_account(CustomerAccount, options["customer"])


def named_person(options: Mapping[str, Any]) -> ResellerAccount | CustomerAccount:
    """The account with a password that the arguments name.

    Raises: AccountNotFoundError.
    """
    if options["reseller"]:
        return find_account(ResellerAccount, options["reseller"])
    return find_account(CustomerAccount, options["customer"])


def add_scopes(parser: CommandParser) -> None:
    """Add `--scopes`."""
    parser.add_argument("--scopes", default=[], type=argument(_scopes), metavar="A,B", help="what its tokens may do")


def add_reason(parser: CommandParser) -> None:
    """Add `--reason`."""
    parser.add_argument("--reason", required=True, help="kept in the ledger")


def add_overlap(parser: CommandParser) -> None:
    """Add `--overlap`."""
    parser.add_argument(
        "--overlap",
        type=argument(_overlap),
        default=Overlap.DAY.delta,
        metavar="TIME",
        help=f"how long the secret before works on: {', '.join(each.value for each in Overlap)}; default 24h",
    )


def profile_id(text: str) -> UUID:
    """Read a UUID for argparse."""
    return UUID(text)


def account_facts(account: Account) -> dict[str, object]:
    """Say what an account is, for programs."""
    facts: dict[str, object] = {
        "id": str(account.pk),
        "partner": account.partner.slug,
        "environment": account.environment,
        "is_enabled": account.is_enabled,
    }
    if isinstance(account, ResellerClient):
        return {**facts, "client_id": account.client_id, "scopes": [str(scope) for scope in account.scopes]}
    return {**facts, "email": account.email}


def password_shown(made: PasswordSet) -> Outcome:
    """Show a new password to the person who asked for it."""
    account = made.account
    lines = [f"Password of {account.email}, {account.environment}:", "", f"  {made.password}", "", _ONCE]
    return Outcome({**account_facts(account), "password": made.password}, lines)


def secret_shown(made: IssuedSecret) -> Outcome:
    """Show a new secret to the person who asked for it."""
    client = made.client
    lines = [f"Secret of {client.client_id}, {client.environment}:", "", f"  {made.secret}", "", _ONCE]
    return Outcome({**account_facts(client), "client_secret": made.secret}, lines)


def _scopes(text: str) -> list[Scope]:
    return parse_scopes(comma_list(text))


def _overlap(text: str) -> timedelta:
    return Overlap(text).delta
