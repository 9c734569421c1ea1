"""Ending a credential by presenting it (RFC 7009): effective on the next request, everywhere.

A caller ends credentials of its own partner and environment alone. What is not one of those ends nothing, and the caller
cannot tell.
"""

from typing import Final

from core.errors import ForbiddenError
from core.principals import Actor, Principal
from partners.models import RevokeReason
from partners.scopes import Scope
from surfaces.services.endings import Ending, find_ending

_WHY: Final = "Revoked by whoever holds it."


def revoke_token(token: str, *, caller: Principal, actor: Actor) -> None:
    """End a credential of the caller's own; anything else ends nothing. Safe to call twice.

    Raises: ForbiddenError when the credential is the caller's own and its key may not end such ones.
    """
    found = find_ending(token)
    if found is None or not _is_own(caller, found):
        return
    _require(caller, found.scope)
    found.end(why=RevokeReason.CESSATION, comment=_WHY, actor=actor)


def _is_own(caller: Principal, found: Ending) -> bool:
    return caller.partner_id == found.partner_id and caller.environment.value == found.environment


def _require(caller: Principal, scope: Scope) -> None:
    if scope.value not in caller.scopes:
        raise ForbiddenError(f"This key does not carry the scope '{scope.value}'.", reason=f"scope:{scope.value}")
