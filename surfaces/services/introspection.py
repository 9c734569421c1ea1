"""What a credential is worth at this moment (RFC 7662): any kind of ours, told by its form, never spent by the question.

A caller learns about the credentials of its own partner and environment alone. Keys of a partner that the operator lists in
`PLATFORM_PARTNERS`, the platform's own services, learn about every partner's in their environment. About anything else, and
about whatever is not good right now, all of them learn the same: that it is not active.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from core.credentials import is_session_token, parse_key
from core.errors import SessionExpiredError
from core.principals import Principal
from partners.scopes import from_bits
from partners.usage import ACCEPTED, note_use
from partners.verification import verify_key
from sessions_app.handles import Handle, parse_handle
from sessions_app.services import embed
from sessions_app.services.peek import peek_token
from surfaces.names import SurfaceName
from surfaces.player_proof import prove_bearer
from surfaces.proofs import kind_of
from surfaces.services.login_sessions import find_login
from surfaces.token_errors import InvalidGrantError
from surfaces.token_proof import prove_token
from surfaces.tokens import audience_of, scope_text
from surfaces.verification import CredentialKind, NotProvenError, Proven

Members = Mapping[str, object]

INACTIVE: Final[Members] = {"active": False}
_ENDPOINT: Final = "introspect"
_SESSION_TOKEN: Final = "session_token"  # noqa: S105  # a name
_EMBED_SESSION: Final = "embed_session"
_REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105  # a name


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and from which address the credential came to them, where they say so."""

    caller: Principal
    client_address: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A credential that is good: whose it is, and what is told of it."""

    partner_id: UUID
    environment: str
    members: Members = field(repr=False)


def introspect(token: str, *, asking: Asking) -> Members:
    """Tell what a credential is worth, or that it is not active.

    Raises: ServiceUnavailableError when the keys of a player token's issuer cannot be had.
    """
    known = _examiner(token)(token, asking)
    if known is None or not _may_see(asking.caller, known):
        return INACTIVE
    facts = {"active": True, "tenant": str(known.partner_id), "env": known.environment, **known.members}
    return {name: value for name, value in facts.items() if value not in ("", None)}


def _examiner(token: str) -> "Callable[[str, Asking], _Known | None]":
    if parse_key(token):
        return _api_key
    if is_session_token(token):
        return _session_token
    return _session if parse_handle(token) else _jwt


def _may_see(caller: Principal, known: _Known) -> bool:
    if known.environment != caller.environment.value:
        return False
    return known.partner_id == caller.partner_id or is_platform(caller)


def is_platform(caller: Principal) -> bool:
    """Tell whether a key belongs to one of the platform's own services."""
    return caller.partner_slug in settings.PLATFORM_PARTNERS


def _api_key(token: str, asking: Asking) -> _Known | None:
    verification = verify_key(token, address=asking.client_address)
    record, parsed = verification.record, verification.parsed
    if record is None or parsed is None:
        return None
    outcome = verification.refusal or ACCEPTED
    note_use(record, parsed, outcome=outcome, endpoint=_ENDPOINT, address=asking.client_address)
    if verification.refusal or not record.partner_is_active:
        return None
    members = {
        "credential": CredentialKind.API_KEY.value,
        "token_type": "ApiKey",
        "kind": record.kind,
        "scope": scope_text(from_bits(record.scope_bits)),
        "client_id": record.kid,
        "sub": record.kid,
        "exp": _seconds(record.expires_at),
    }
    return _Known(record.partner_id, record.environment, members)


def _jwt(token: str, asking: Asking) -> _Known | None:
    try:
        if kind_of(token, takes_player_tokens=True) is CredentialKind.PLAYER_TOKEN:
            # Its issuer is one of the asking partner's; to the platform the token has to say whose it is.
            shop = "" if is_platform(asking.caller) else str(asking.caller.partner_id)
            proven = prove_bearer(token, shop=shop)
        else:
            proven = prove_token(token, surface=None)
    except NotProvenError:
        return None
    return _of_proven(proven) if proven.partner_is_active else None


def _of_proven(proven: Proven) -> _Known:
    is_ours = proven.kind is CredentialKind.ACCESS_TOKEN
    members = {
        "credential": proven.kind.value,
        "token_type": "Bearer",
        "surface": proven.surface.value if proven.surface else None,
        "scope": scope_text(proven.scopes),
        "client_id": proven.client_id,
        "sub": proven.subject,
        "aud": audience_of(proven.surface) if is_ours and proven.surface else None,
        "iss": settings.PUBLIC_BASE_URL if is_ours else None,
        "jti": proven.token_id,
        "sid": proven.session_id,
        "iat": _seconds(proven.issued_at),
        "exp": _seconds(proven.expires_at),
    }
    return _Known(proven.partner_id, proven.environment.value, members)


def _session(token: str, _asking: Asking) -> _Known | None:
    """An embed session by its handle, or a customer's login by its refresh token: both have one form."""
    handle = parse_handle(token)
    if handle is None:
        return None
    return _embed_session(handle) or _login(token)


def _embed_session(handle: Handle) -> _Known | None:
    try:
        session = embed.session_of(handle)
    except SessionExpiredError:
        return None
    members = {
        "credential": _EMBED_SESSION,
        "surface": SurfaceName.STOREFRONT.value,
        "scope": embed.SCOPE,
        "sub": str(session.profile_id),
        "sid": str(session.id),
        "exp": _seconds(session.expires_at),
    }
    return _Known(session.partner_id, session.environment, members)


def _login(token: str) -> _Known | None:
    try:
        login = find_login(token)
    except InvalidGrantError:
        return None
    members = {
        "credential": _REFRESH_TOKEN,
        "surface": SurfaceName.STOREFRONT.value,
        "sub": str(login.profile_id),
        "sid": str(login.id),
        "exp": _seconds(login.expires_at),
    }
    return _Known(login.partner_id, login.environment, members)


def _session_token(token: str, _asking: Asking) -> _Known | None:
    peeked = peek_token(token)
    if peeked is None or not peeked.is_redeemable:
        return None
    members = {
        "credential": _SESSION_TOKEN,
        "sub": str(peeked.profile_id),
        "sid": str(peeked.session_id),
        "iat": _seconds(peeked.created_at),
        "exp": _seconds(peeked.expires_at),
    }
    return _Known(peeked.partner_id, peeked.environment, members)


def _seconds(instant: datetime | None) -> int | None:
    return int(instant.timestamp()) if instant else None
