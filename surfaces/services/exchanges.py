"""Exchanging a player token of a partner's own issuer for a Storefront token of ours (RFC 8693)."""

from django.db import transaction

from core.principals import RequestContext
from partners.scopes import Scope
from surfaces import attempts, rulebook
from surfaces.models import LoginOrigin
from surfaces.names import SurfaceNumber
from surfaces.players.checks import Use
from surfaces.players.proof import ProvenPlayer, prove_player
from surfaces.services.login_sessions import Opener, SignedIn, open_session
from surfaces.token_errors import InvalidGrantError, InvalidScopeError, UnauthorizedClientError
from surfaces.tokens import STOREFRONT_SCOPES
from surfaces.verification import NotProvenError


def exchange_player_token(
    player_token: str, *, shop: str, scopes: frozenset[Scope] | None, context: RequestContext
) -> SignedIn:
    """Sign a player in by a token that their partner signed; one whose `jti` is good once is used up by it.

    Raises: InvalidGrantError; UnauthorizedClientError when the tenant may not use the surface; InvalidScopeError;
    RateLimitExceededError after too many failures from this address; ServiceUnavailableError when the issuer's keys cannot
    be had.
    """
    if scopes is not None and not scopes <= STOREFRONT_SCOPES:
        raise InvalidScopeError(reason="scope_not_held")
    try:
        player = prove_player(player_token, shop=shop, use=Use.EXCHANGE, context=context)
        _check_entitlement(player)
        with transaction.atomic():
            if player.single_use is not None:
                player.single_use.settle()
            return open_session(_opener(player, scopes), data={"issuer_id": str(player.issuer_id)}, context=context)
    except NotProvenError as error:
        attempts.check_source(context.address)
        attempts.count_source(context.address)
        raise InvalidGrantError(reason=error.reason) from error


def _check_entitlement(player: ProvenPlayer) -> None:
    if not player.partner_is_active:
        raise UnauthorizedClientError(reason="partner_suspended")
    rules = rulebook.current().rules
    storefront = {rule.id for rule in rules.values() if rule.surface.number == SurfaceNumber.STOREFRONT}
    if not player.standing.grants & {-SurfaceNumber.STOREFRONT, *storefront}:
        raise UnauthorizedClientError(reason="not_entitled")


def _opener(player: ProvenPlayer, scopes: frozenset[Scope] | None) -> Opener:
    return Opener(
        origin=LoginOrigin.PLAYER_TOKEN,
        partner_id=player.partner_id,
        environment=player.environment,
        profile_id=player.profile_id,
        partner_epoch=player.partner_epoch,
        profile_epoch=player.profile_epoch,
        issuer_id=player.issuer_id,
        scopes=STOREFRONT_SCOPES if scopes is None else scopes,
    )
