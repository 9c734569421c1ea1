"""Ending a credential by presenting it (RFC 7009): effective on the next request, everywhere.

A caller ends credentials of its own partner and environment alone. What is not one of those ends nothing, and the caller
cannot tell. An access token has no row of its own: it ends with what it hangs on, which is the session it names, or all
tokens of the account or client it was made for.
"""

from typing import Final
from uuid import UUID

from core.credentials import is_session_token, parse_key
from core.errors import ForbiddenError, SessionExpiredError
from core.principals import Actor, Environment, Principal
from partners.models import RevokeReason
from partners.scopes import Scope
from partners.services.keys import revoke_key
from partners.verification import verify_key
from sessions_app.handles import parse_handle
from sessions_app.services import embed
from sessions_app.services.peek import peek_token
from sessions_app.services.revoke import revoke_own_session
from surfaces.models import LoginSession, ResellerAccount, ResellerClient
from surfaces.names import SurfaceName
from surfaces.services.accounts import find_account, revoke_tokens
from surfaces.services.login_sessions import find_login, revoke_login
from surfaces.token_errors import InvalidGrantError
from surfaces.token_proof import prove_token
from surfaces.tokens import Grantee
from surfaces.verification import NotProvenError, Proven

_WHY: Final = "Revoked by whoever holds it."


def revoke_token(token: str, *, caller: Principal, actor: Actor) -> None:
    """End a credential of the caller's own; anything else ends nothing. Safe to call twice.

    Raises: ForbiddenError when the credential is the caller's own and its key may not end such ones.
    """
    if parse_key(token):
        _revoke_key(token, caller, actor)
    elif is_session_token(token):
        _revoke_session_token(token, caller, actor)
    elif parse_handle(token):
        _revoke_session(token, caller, actor)
    else:
        _revoke_access_token(token, caller, actor)


def _revoke_key(token: str, caller: Principal, actor: Actor) -> None:
    record = verify_key(token, address=None).record
    if record is None or not _is_own(caller, record.partner_id, record.environment):
        return
    _require(caller, Scope.KEY_REVOKE)
    revoke_key(record.id, reason=RevokeReason.CESSATION, comment=_WHY, actor=actor)


def _revoke_session_token(token: str, caller: Principal, actor: Actor) -> None:
    peeked = peek_token(token)
    if peeked is None or not _is_own(caller, peeked.partner_id, peeked.environment):
        return
    _require(caller, Scope.SESSION_REVOKE)
    revoke_own_session(caller, session_id=peeked.session_id, actor=actor)


def _revoke_session(token: str, caller: Principal, actor: Actor) -> None:
    """An embed session by its handle, or a customer's login by its refresh token: both have one form."""
    handle = parse_handle(token)
    try:
        session = embed.session_of(handle) if handle else None
    except SessionExpiredError:
        session = None
    if session is None:
        _revoke_login_of(token, caller, actor)
    elif _is_own(caller, session.partner_id, session.environment):
        _require(caller, Scope.SESSION_REVOKE)
        revoke_own_session(caller, session_id=session.token_id, actor=actor)


def _revoke_login_of(refresh_token: str, caller: Principal, actor: Actor) -> None:
    try:
        login = find_login(refresh_token)
    except InvalidGrantError:
        return
    if _is_own(caller, login.partner_id, login.environment):
        _require(caller, Scope.SESSION_REVOKE)
        _revoke_login(login.id, actor)


def _revoke_access_token(token: str, caller: Principal, actor: Actor) -> None:
    try:
        proven = prove_token(token, surface=None)
    except NotProvenError:
        return
    if not _is_own(caller, proven.partner_id, proven.environment):
        return
    _require(caller, Scope.SESSION_REVOKE)
    if proven.surface is SurfaceName.RESELLER:
        _revoke_reseller_tokens(proven, actor)
    elif proven.client_id == Grantee.STOREFRONT_LOGIN:
        _revoke_login(UUID(proven.session_id), actor)
    else:
        session = embed.read_session(UUID(proven.session_id))
        if session is not None:
            revoke_own_session(caller, session_id=session.token_id, actor=actor)


def _revoke_reseller_tokens(proven: Proven, actor: Actor) -> None:
    if proven.client_id == Grantee.RESELLER_LOGIN:
        revoke_tokens(find_account(ResellerAccount, proven.subject), reason=_WHY, actor=actor)
    else:
        revoke_tokens(find_account(ResellerClient, proven.subject), reason=_WHY, actor=actor)


def _revoke_login(login_id: UUID, actor: Actor) -> None:
    login = LoginSession.objects.filter(pk=login_id).first()
    if login is not None:
        revoke_login(login, reason=_WHY, actor=actor)


def _is_own(caller: Principal, partner_id: UUID, environment: str | Environment) -> bool:
    return caller.partner_id == partner_id and caller.environment.value == str(environment)


def _require(caller: Principal, scope: Scope) -> None:
    if scope.value not in caller.scopes:
        raise ForbiddenError(f"This key does not carry the scope '{scope.value}'.", reason=f"scope:{scope.value}")
