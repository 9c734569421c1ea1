"""The one door to the three proofs: which kind a credential is, told by its form and never by trial, and its proof."""

import base64
import binascii
from dataclasses import dataclass

from django.conf import settings

from core.credentials import prefix_of
from core.errors import StickerError
from core.jwt import MAX_TOKEN_CHARS
from core.strict_json import read_json
from surfaces.key_proof import prove_key
from surfaces.names import SurfaceName
from surfaces.player_proof import prove_bearer
from surfaces.token_proof import prove_token
from surfaces.verification import CredentialKind, NotProvenError, Proven


@dataclass(frozen=True, slots=True)
class Asked:
    """What a proof must know of the request: the surface it came to, from where, and for which shop (slug or id)."""

    surface: SurfaceName
    address: str | None = None
    shop: str = ""


def kind_of(credential: str, *, takes_player_tokens: bool) -> CredentialKind:
    """Tell what a credential claims to be. A token that names another issuer than us is a player's, where those are taken."""
    if prefix_of(credential):
        return CredentialKind.API_KEY
    if takes_player_tokens and _names_another_issuer(credential):
        return CredentialKind.PLAYER_TOKEN
    return CredentialKind.ACCESS_TOKEN


def prove(credential: str, *, kind: CredentialKind, asked: Asked) -> Proven:
    """Prove a credential as the kind it claims to be.

    Raises: NotProvenError; ServiceUnavailableError when the keys of a player token's issuer cannot be had.
    """
    if kind is CredentialKind.API_KEY:
        return prove_key(credential, address=asked.address)
    if kind is CredentialKind.ACCESS_TOKEN:
        return prove_token(credential, surface=asked.surface)
    if asked.surface is SurfaceName.STOREFRONT:
        return prove_bearer(credential, shop=asked.shop)
    raise NotProvenError("other_surface")


def _names_another_issuer(token: str) -> bool:
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_CHARS:
        return False
    try:
        claims = read_json(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (StickerError, binascii.Error, ValueError):
        return False
    return claims.get("iss") != settings.PUBLIC_BASE_URL
