"""`configure_oauth`: where a partner's organizations of one environment are synced from; safe to run again."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from core.commands import BadArgumentsError, Outcome, ServiceCommand, argument, command_actor
from core.principals import Environment
from organizations.models import ClientAuthentication, OAuthProvider, RefreshOwner
from organizations.oauth.data import PLACEHOLDER
from organizations.services.connect_links import callback_address
from organizations.services.oauth_providers import change_provider, settings_of
from partners.management.arguments import add_partner
from partners.services.partners import find_partner

MAX_SECRET_BYTES: Final = 4096
_PLAIN: Final = ("metadata_url", "issuer", "token_url", "authorization_url", "revocation_url", "data_url", "client_id")


class Command(ServiceCommand):
    help = "Configure where a partner's organizations are synced from. Options left out stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        add_partner(parser)
        parser.add_argument("--environment", required=True, choices=[each.value for each in Environment])
        parser.add_argument("--metadata-url", metavar="URL", help="of RFC 8414; fills in the endpoints")
        parser.add_argument("--issuer", metavar="URL", help="what 'iss' must say when codes come back")
        parser.add_argument("--token-url", metavar="URL")
        parser.add_argument("--authorization-url", metavar="URL")
        parser.add_argument("--revocation-url", metavar="URL")
        parser.add_argument("--data-url", metavar="URL", help=f"with {PLACEHOLDER} in it")
        parser.add_argument("--client-id", metavar="ID")
        parser.add_argument("--client-secret-file", metavar="PATH", help="a file with the secret, or - for standard input")
        parser.add_argument("--auth-method", choices=ClientAuthentication.values, help="default basic")
        parser.add_argument("--scopes", metavar="A B", help="as the provider writes them, with spaces")
        parser.add_argument(
            "--field", action="append", type=argument(_field), metavar="OURS=THEIRS", help="for example users.email=mail"
        )
        parser.add_argument("--interval-seconds", type=int, metavar="N", help="default 3600")
        parser.add_argument("--refresh-owner", choices=RefreshOwner.values, help="default us")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner = find_partner(options["partner"])
        environment, changes = Environment(options["environment"]), _changes(options)
        provider = change_provider(partner, environment=environment, changes=changes, actor=command_actor())
        return Outcome(_facts(provider), _lines(provider))


def _changes(options: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {name: options[name] for name in _PLAIN if options[name] is not None}
    if options["client_secret_file"]:
        changes["client_secret"] = _secret(options["client_secret_file"])
    if options["auth_method"]:
        changes["client_authentication"] = ClientAuthentication(options["auth_method"])
    if options["scopes"] is not None:
        changes["scopes"] = tuple(options["scopes"].split())
    if options["field"]:
        changes["field_names"] = dict(options["field"])
    if options["interval_seconds"] is not None:
        changes["interval"] = timedelta(seconds=options["interval_seconds"])
    if options["refresh_owner"]:
        changes["refresh_owner"] = RefreshOwner(options["refresh_owner"])
    return changes


def _secret(path: str) -> str:
    try:
        raw = sys.stdin.buffer.read(MAX_SECRET_BYTES + 1) if path == "-" else Path(path).read_bytes()
        return raw.decode("ascii").strip("\r\n")
    except OSError as error:
        raise BadArgumentsError(f"The secret's file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadArgumentsError("The secret's file holds something else than ASCII text.") from error


def _field(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals or not ours or not theirs:
        raise ValueError("write OURS=THEIRS")
    return ours, theirs


def _facts(provider: OAuthProvider) -> dict[str, object]:
    found = settings_of(provider).columns()
    return {
        "id": str(provider.pk),
        "partner": str(provider.partner_id),
        "environment": provider.environment,
        **found,
        "redirect_uri": callback_address(),
    }


def _lines(provider: OAuthProvider) -> list[str]:
    return [
        f"Organizations of {provider.partner.name} ({provider.environment}) are synced from {provider.data_url}.",
        f"  tokens        {provider.token_url}",
        f"  client        {provider.client_id} ({provider.client_authentication})",
        f"  every         {provider.interval_seconds} seconds",
        f"  redirect URI  {callback_address()}",
    ]
