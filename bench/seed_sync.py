"""Make partners whose organizations are all due to be synced; a program of its own, with the service's environment.

`python -m bench.seed_sync PARTNERS ORGANIZATIONS PORT` makes them; `python -m bench.seed_sync due` makes them due again, with
every access token at its end; `python -m bench.seed_sync fresh` the same with the tokens fresh.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import django

django.setup()

from django.db.models.functions import Now  # noqa: E402  # models need the setup

from bench import seeds  # noqa: E402
from core.principals import SYSTEM, Environment  # noqa: E402
from organizations.models import OAuthGrant, Organization  # noqa: E402
from organizations.oauth.tokens import TokenSet  # noqa: E402
from organizations.services.grants import connect_organization  # noqa: E402
from organizations.services.oauth_providers import ProviderSettings, configure_provider  # noqa: E402
from partners.services.partners import create_partner  # noqa: E402

_TOKENS: Final = TokenSet("at-first", "rt-first", 3600)


def main(arguments: Sequence[str]) -> None:
    """Make rows, or make them due."""
    if arguments[0] in ("due", "fresh"):
        fields: dict[str, Any] = {"next_sync_at": Now()}
        if arguments[0] == "due":
            fields |= {"obtained_at": Now() - timedelta(hours=2), "access_expires_at": Now() - timedelta(hours=1)}
        OAuthGrant.objects.update(**fields)
        return
    partners, organizations, port = map(int, arguments)
    base_url = f"http://127.0.0.1:{port}"
    wanted = ProviderSettings(
        token_url=f"{base_url}/token",
        data_url=f"{base_url}/organizations/{{internalOrgId}}",
        client_id="bench",
        client_secret="a-secret",
    )
    made = [create_partner(f"Sync {number}", slug=f"sync-{number}", actor=SYSTEM) for number in range(partners)]
    for partner in made:
        configure_provider(partner, environment=Environment.TEST, wanted=wanted, actor=SYSTEM)
    for number in range(organizations):
        organization = Organization.objects.create(
            partner=made[number % partners], environment="test", external_id=f"org-{number}", name="Before"
        )
        connect_organization(organization, tokens=_TOKENS, actor=SYSTEM)
    seeds.execute("VACUUM (ANALYZE)")


if __name__ == "__main__":
    main(sys.argv[1:])
