"""Ourselves as an OAuth client: who we are at a provider, and how we prove it to its endpoints."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus, urlencode

from core.egress.fetch import EgressFailedError, EgressRefusedError, Fetched, FetchLimits, fetch
from organizations.models import ClientAuthentication, OAuthProvider
from organizations.oauth.failures import not_reached
from organizations.oauth.sealing import client_secret_place, unseal

LIMITS: Final = FetchLimits(total_seconds=10.0, connect_seconds=3.0, max_body_bytes=64 * 1024)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Our client id and secret at one provider, and where its endpoints are."""

    client_id: str
    client_secret: str = field(repr=False)
    authentication: ClientAuthentication
    token_url: str
    revocation_url: str


def client_of(provider: OAuthProvider) -> OAuthClient:
    """Open a provider's row.

    Raises: DecryptionError when the secret does not open here.
    """
    return OAuthClient(
        client_id=provider.client_id,
        client_secret=unseal(provider.client_secret_sealed, place=client_secret_place(provider)),
        authentication=ClientAuthentication(provider.client_authentication),
        token_url=provider.token_url,
        revocation_url=provider.revocation_url,
    )


def post_form(client: OAuthClient, *, url: str, form: Mapping[str, str], limits: FetchLimits = LIMITS) -> Fetched:
    """Post a form to one of the provider's endpoints, with the proof that it is us.

    Raises: ProviderFailureError when no answer came.
    """
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    fields = dict(form)
    if client.authentication is ClientAuthentication.BASIC:
        headers["Authorization"] = f"Basic {_basic(client)}"
    else:
        fields |= {"client_id": client.client_id, "client_secret": client.client_secret}
    try:
        return fetch(url, method="POST", headers=headers, body=urlencode(fields).encode(), limits=limits)
    except (EgressRefusedError, EgressFailedError) as error:
        raise not_reached(error) from error


def _basic(client: OAuthClient) -> str:
    # Both are form-encoded first (RFC 6749 §2.3.1): a colon or a percent sign in either must not change where it ends.
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return base64.b64encode(pair.encode()).decode()
