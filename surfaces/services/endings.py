"""Which credential of ours a text is, whoever holds it, and the one way in which it ends.

An access token has no row of its own: it ends with what it hangs on, which is the session it names, or all tokens of the
account or client it was made for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from core.credentials import is_session_token, parse_key
from core.errors import SessionExpiredError
from core.keyring import pepper_ring
from core.principals import Actor
from partners.models import RevokeReason
from partners.scopes import Scope
from partners.services.keys import revoke_key
from partners.verification import verify_key
from sessions_app.handles import parse_handle
from sessions_app.models import EmbedSession, SessionToken
from sessions_app.services import embed
from sessions_app.services.peek import peek_token
from sessions_app.services.revoke import revoke_session
from surfaces.client_secrets import is_client_secret, secret_row_digest
from surfaces.models import ClientSecret, LoginSession, ResellerAccount, ResellerClient
from surfaces.names import SurfaceName
from surfaces.services.accounts import find_account, revoke_tokens
from surfaces.services.clients import revoke_secret
from surfaces.services.login_sessions import find_login, revoke_login
from surfaces.token_errors import InvalidGrantError
from surfaces.token_proof import prove_token
from surfaces.tokens import Grantee
from surfaces.verification import NotProvenError, Proven


class End(Protocol):
    """Ends a credential, and tells the ids of what it ended: nothing where all of it had ended before."""

    def __call__(self, *, why: RevokeReason, comment: str, actor: Actor) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """A credential that was proved genuine: whose it is, the scope a key of its partner needs to end it, and how it ends."""

    partner_id: UUID
    environment: str
    subject_type: str
    subject_id: str
    scope: Scope
    end: End = field(repr=False)


def find_ending(text: str) -> Ending | None:
    """Find the credential of ours that a text is; None for anything else. Writes nothing, and spends nothing."""
    return _finder(text)(text)


def _finder(text: str) -> "Callable[[str], Ending | None]":
    if is_client_secret(text):
        return _client_secret
    if parse_key(text):
        return _api_key
    if is_session_token(text):
        return _session_token
    return _handle if parse_handle(text) else _access_token


def _api_key(text: str) -> Ending | None:
    record = verify_key(text, address=None).record
    if record is None:
        return None

    def end(*, why: RevokeReason, comment: str, actor: Actor) -> Sequence[str]:
        return revoke_key(record.id, reason=why, comment=comment, actor=actor)

    return Ending(record.partner_id, record.environment, "key", record.kid, Scope.KEY_REVOKE, end)


def _session_token(text: str) -> Ending | None:
    peeked = peek_token(text)
    return _of_session(peeked.session_id, peeked.partner_id, peeked.environment) if peeked else None


def _handle(text: str) -> Ending | None:
    """An embed session by its handle, or a customer's login by its refresh token: both have one form."""
    handle = parse_handle(text)
    try:
        session = embed.session_of(handle) if handle else None
    except SessionExpiredError:
        session = None
    if session is not None:
        return _of_session(session.token_id, session.partner_id, session.environment)
    try:
        return _of_login(find_login(text).id)
    except InvalidGrantError:
        return None


def _client_secret(text: str) -> Ending | None:
    digests = [bytes(secret_row_digest(text, pepper)) for pepper in pepper_ring()]
    secret = ClientSecret.objects.select_related("client").filter(digest__in=digests).first()
    if secret is None:
        return None
    client = secret.client

    def end(*, why: RevokeReason, comment: str, actor: Actor) -> Sequence[str]:
        if secret.revoked_at is not None:
            return []
        revoke_secret(client, secret_id=secret.pk, reason=comment, actor=actor)
        return [client.client_id]

    return Ending(client.partner_id, client.environment, "client", client.client_id, Scope.KEY_REVOKE, end)


def _access_token(text: str) -> Ending | None:
    try:
        proven = prove_token(text, surface=None)
    except NotProvenError:
        return None
    if proven.surface is SurfaceName.RESELLER:
        return _of_reseller(proven)
    if proven.client_id == Grantee.STOREFRONT_LOGIN:
        return _of_login(UUID(proven.session_id))
    session = embed.read_session(UUID(proven.session_id))
    return _of_session(session.token_id, session.partner_id, session.environment) if session else None


def _of_session(token_id: UUID, partner_id: UUID, environment: str) -> Ending:
    def end(*, why: RevokeReason, comment: str, actor: Actor) -> Sequence[str]:
        token = SessionToken.objects.filter(pk=token_id).first()
        if token is None or not _is_open(token):
            return []
        revoke_session(token, reason=comment, actor=actor)
        return [str(token_id)]

    return Ending(partner_id, environment, "session", str(token_id), Scope.SESSION_REVOKE, end)


def _is_open(token: SessionToken) -> bool:
    return token.revoked_at is None or EmbedSession.objects.filter(session_token_id=token.pk, ended_at=None).exists()


def _of_login(login_id: UUID) -> Ending | None:
    login = LoginSession.objects.filter(pk=login_id).first()
    if login is None:
        return None

    def end(*, why: RevokeReason, comment: str, actor: Actor) -> Sequence[str]:
        return [str(login.pk)] if revoke_login(login, reason=comment, actor=actor) else []

    return Ending(login.partner_id, login.environment, "login", str(login.pk), Scope.SESSION_REVOKE, end)


def _of_reseller(proven: Proven) -> Ending:
    is_account = proven.client_id == Grantee.RESELLER_LOGIN
    kind = "reseller" if is_account else "client"

    def end(*, why: RevokeReason, comment: str, actor: Actor) -> Sequence[str]:
        if is_account:
            revoke_tokens(find_account(ResellerAccount, proven.subject), reason=comment, actor=actor)
        else:
            revoke_tokens(find_account(ResellerClient, proven.subject), reason=comment, actor=actor)
        return [proven.subject]

    return Ending(proven.partner_id, proven.environment.value, kind, proven.subject, Scope.SESSION_REVOKE, end)
