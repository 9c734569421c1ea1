"""The walk through a provider's authorization endpoint: what the browser is sent with, and what it must bring back."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from organizations.models import OAuthProvider

_VERIFIER_BYTES: Final = 48


def make_verifier() -> str:
    """A PKCE verifier of 64 characters (RFC 7636 §4.1)."""
    return secrets.token_urlsafe(_VERIFIER_BYTES)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorization_address(
    provider: OAuthProvider, *, redirect_uri: str, state: str, verifier: str, scopes: Sequence[str]
) -> str:
    """Where the browser is sent; nothing in this address is a secret (RFC 6749 §4.1.1)."""
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    if scopes:
        query["scope"] = " ".join(scopes)
    separator = "&" if "?" in provider.authorization_url else "?"
    return f"{provider.authorization_url}{separator}{urlencode(query)}"


def is_right_issuer(provider: OAuthProvider, issuer: str | None) -> bool:
    """Tell whether an answer comes from the provider that was asked (RFC 9207 §2.4).

    An issuer that is named must be the right one; a provider that always names it must name it.
    """
    if issuer is None:
        return not provider.sends_issuer
    return not provider.issuer or secrets.compare_digest(issuer.encode(), provider.issuer.encode())
