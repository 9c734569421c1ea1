"""`configure_player_issuer`: bring an issuer of a partner's player tokens to a described state; safe to run again."""

import base64
import binascii
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from core.commands import BadArgumentsError, Outcome, ServiceCommand, argument, comma_list, command_actor
from core.principals import Environment
from partners.management.arguments import add_partner
from partners.services.partners import find_partner
from surfaces.models.players import Algorithm, JtiPolicy, KeySource
from surfaces.players.policy import IssuerIdentity
from surfaces.services.player_configuration import Configured, configure_issuer
from surfaces.services.player_keys import NewKey

MAX_KEY_BYTES: Final = 64 * 1024
_POLICY: Final = (
    "name",
    "audience",
    "algorithms",
    "jwks_url",
    "leeway_seconds",
    "max_age_seconds",
    "jti_policy",
    "subject_claim",
    "email_claim",
    "name_claim",
    "allows_profile_creation",
    "organization_external_id",
)


class Command(ServiceCommand):
    help = "Register an issuer of player tokens, or change the one with this --iss and --audience. Options left out stay."

    def add_arguments(self, parser: CommandParser) -> None:
        add_partner(parser)
        parser.add_argument("--environment", required=True, choices=[each.value for each in Environment])
        parser.add_argument("--iss", required=True, help="what 'iss' says, to the letter")
        parser.add_argument("--audience", help="what 'aud' must name; default our host and the environment")
        self._add_keys(parser)
        self._add_policy(parser)

    def _add_keys(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--secret-file", metavar="PATH", help="a file with the shared secret, or - for standard input")
        source.add_argument("--public-key-file", metavar="PATH", help="a file with PEM or one JWK, or - for standard input")
        source.add_argument("--jwks-url", metavar="URL", help="where the key set is fetched")
        parser.add_argument("--secret-coding", choices=["text", "base64", "hex"], default="text", help="how it is written")
        parser.add_argument("--kid", default="", help="'kid' of the tokens that this key signs")

    def _add_policy(self, parser: CommandParser) -> None:
        parser.add_argument("--name", help="what staff call it")
        parser.add_argument("--algorithms", type=argument(_algorithms), metavar="A,B", help="of RS256, ES256, EdDSA; or HS256")
        parser.add_argument("--leeway", type=int, dest="leeway_seconds", metavar="SECONDS", help="for nbf and iat; default 30")
        parser.add_argument("--max-age", type=int, dest="max_age_seconds", metavar="SECONDS", help="default 3600")
        parser.add_argument("--jti", type=JtiPolicy, dest="jti_policy", choices=list(JtiPolicy), metavar="off|exchange|always")
        parser.add_argument("--subject-claim", metavar="CLAIM", help="default sub")
        parser.add_argument("--email-claim", metavar="CLAIM", help="default email; empty: not read")
        parser.add_argument("--name-claim", metavar="CLAIM", help="default name; empty: not read")
        parser.add_argument("--organization", dest="organization_external_id", metavar="ID", help="default players")
        creation = parser.add_mutually_exclusive_group()
        creation.add_argument("--allow-profile-creation", action="store_true", default=None, dest="allows_profile_creation")
        creation.add_argument("--refuse-unknown-players", action="store_false", default=None, dest="allows_profile_creation")

    def act(self, options: Mapping[str, Any]) -> Outcome:
        partner = find_partner(options["partner"])
        identity = IssuerIdentity(Environment(options["environment"]), options["iss"], _source(options))
        changes = {name: options[name] for name in _POLICY if options[name] is not None}
        done = configure_issuer(partner.pk, identity=identity, changes=changes, key=_key(options), actor=command_actor())
        return Outcome(_facts(done), _lines(done))


def _source(options: Mapping[str, Any]) -> KeySource:
    if options["jwks_url"]:
        return KeySource.JWKS
    return KeySource.SECRET if options["secret_file"] else KeySource.PUBLIC


def _key(options: Mapping[str, Any]) -> NewKey | None:
    if options["secret_file"]:
        return NewKey(options["kid"], secret=_secret(_content(options["secret_file"]), options["secret_coding"]))
    if options["public_key_file"]:
        return NewKey(options["kid"], public=_content(options["public_key_file"]).decode("utf-8", "replace"))
    return None


def _content(path: str) -> bytes:
    try:
        content = sys.stdin.buffer.read(MAX_KEY_BYTES) if path == "-" else Path(path).read_bytes()[:MAX_KEY_BYTES]
    except OSError as error:
        raise BadArgumentsError(f"{path}: {error.strerror}") from error
    return content.strip(b"\r\n")


def _secret(content: bytes, coding: str) -> bytes:
    if coding == "text":
        return content
    try:
        if coding == "hex":
            return bytes.fromhex(content.decode("ascii"))
        plain = content.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadArgumentsError(f"the secret is not written in {coding}") from error


def _algorithms(text: str) -> list[Algorithm]:
    return [Algorithm(each) for each in comma_list(text)]


def _facts(done: Configured) -> dict[str, object]:
    issuer = done.issuer
    return {
        "issuer_id": str(issuer.pk),
        "partner": issuer.partner.slug,
        "environment": issuer.environment,
        "iss": issuer.iss,
        "audience": issuer.audience,
        "algorithms": issuer.algorithms,
        "key_source": issuer.key_source,
        "created": done.is_new,
        "key_added": done.is_key_added,
        "is_enabled": issuer.is_enabled,
    }


def _lines(done: Configured) -> list[str]:
    issuer = done.issuer
    lines = [
        f"Issuer {'registered' if done.is_new else 'configured'} for {issuer.partner.name} ({issuer.environment}).",
        f"  iss       {issuer.iss}",
        f"  aud       {issuer.audience}",
        f"  handle    {issuer.partner.slug}",
    ]
    return lines if issuer.is_enabled else [*lines, "It is disabled: its tokens are refused until it is enabled."]
