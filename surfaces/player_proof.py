"""Proving a player token that comes as it is to a surface that takes them: `Authorization: Bearer` and `X-Shop-Handle`."""

import re
from typing import Final

from surfaces.names import SurfaceName
from surfaces.players.checks import Use
from surfaces.players.proof import ProvenPlayer, prove_player
from surfaces.tokens import STOREFRONT_SCOPES
from surfaces.verification import CredentialKind, Proven

# `client_id` of a caller whose own shop's issuer vouches for them.
CLIENT_ID: Final = "player-token"
# A key's id is a partner's choice; only a plain one goes into headers and rows.
_PLAIN: Final = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)


def prove_bearer(credential: str, *, shop: str) -> Proven:
    """Prove a player token, which may do on Storefront what a customer who signed in may do.

    Raises: NotProvenError; ServiceUnavailableError when the issuer's keys cannot be had.
    """
    player = prove_player(credential, shop=shop, use=Use.BEARER)
    return Proven(
        kind=CredentialKind.PLAYER_TOKEN,
        partner_id=player.partner_id,
        partner_slug=player.partner_slug,
        partner_is_active=player.partner_is_active,
        environment=player.environment,
        subject=str(player.profile_id),
        scopes=STOREFRONT_SCOPES,
        standing=player.standing,
        surface=SurfaceName.STOREFRONT,
        key_id=_key_id(player),
        client_id=CLIENT_ID,
        token_id=player.jti if _PLAIN.fullmatch(player.jti) else "",
        issued_at=player.issued_at,
        expires_at=player.expires_at,
        profile_id=player.profile_id,
        settle=player.single_use.settle if player.single_use else None,
    )


def _key_id(player: ProvenPlayer) -> str:
    return player.kid if _PLAIN.fullmatch(player.kid) else str(player.issuer_id)
