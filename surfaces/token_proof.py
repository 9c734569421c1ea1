"""Proving an access token of ours: the signature without any I/O, then one read that tells whether its holder still stands.

The read compares the epochs the token carries, or those of the session it names, with the present ones; and it lets the
database's clock decide whether the token has expired. What a token says is never more than its holder may do now: of an
account's and a client's token only the scopes count that they still have.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings

from core.db import fetch_one
from core.jwt import InvalidTokenError, SignedToken, TokenFault, read_signed
from core.principals import Environment
from core.strict_json import JsonObject
from partners.scopes import from_bits
from surfaces.names import SurfaceName
from surfaces.tokens import STOREFRONT_SCOPES, Grantee, audience_of
from surfaces.verification import CredentialKind, NotProvenError, Proven, read_standing, standing_sql

# How far the clock that signed may have been ahead of the one that judges.
_LEEWAY_SECONDS: Final = 5
_BY_AUDIENCE: Final = {audience_of(surface): surface for surface in (SurfaceName.RESELLER, SurfaceName.STOREFRONT)}
_TIMES: Final = f"""
SELECT to_timestamp(%(exp)s) <= clock_timestamp(),
       to_timestamp(%(begins)s) > clock_timestamp() + interval '{_LEEWAY_SECONDS} s',
"""


def _sql(*, holder: str, dead: str, scopes: str, profile: str, tables: str) -> str:
    standing = standing_sql(partner="p.id", environment=f"{holder}.environment")
    return f"""{_TIMES} p.id, p.slug, p.status = 'active', {holder}.environment, CASE {dead} ELSE '' END, {scopes},
      {profile}, {standing} {tables}"""


_OF_ACCOUNT: Final = _sql(
    holder="a",
    dead="""WHEN a.disabled_at IS NOT NULL OR NOT a.is_api_enabled THEN 'account_disabled'
            WHEN a.epoch <> %(subject_epoch)s THEN 'tokens_revoked'
            WHEN p.auth_epoch <> %(partner_epoch)s THEN 'partner_revoked'""",
    scopes="a.scopes",
    profile="NULL::uuid",
    tables="FROM surfaces_reselleraccount a JOIN partners_partner p ON p.id = a.partner_id WHERE a.id = %(subject)s",
)
_OF_CLIENT: Final = _sql(
    holder="c",
    dead="""WHEN c.disabled_at IS NOT NULL THEN 'client_disabled'
            WHEN c.epoch <> %(subject_epoch)s THEN 'tokens_revoked'
            WHEN p.auth_epoch <> %(partner_epoch)s THEN 'partner_revoked'""",
    scopes="c.scopes",
    profile="NULL::uuid",
    tables="""FROM surfaces_resellerclient c JOIN partners_partner p ON p.id = c.partner_id
              WHERE c.id = %(subject)s AND c.client_id = %(client_id)s""",
)
_OF_LOGIN: Final = _sql(
    holder="s",
    dead="""WHEN s.ended_at IS NOT NULL THEN s.end_reason
            WHEN s.expires_at <= clock_timestamp() THEN 'session_expired'
            WHEN p.auth_epoch <> s.partner_epoch THEN 'partner_revoked'
            WHEN f.removed_at IS NOT NULL OR f.auth_epoch <> s.profile_epoch THEN 'user_revoked'
            WHEN a.disabled_at IS NOT NULL THEN 'account_disabled'
            WHEN a.epoch <> s.account_epoch THEN 'tokens_revoked'
            WHEN i.disabled_at IS NOT NULL THEN 'issuer_disabled'""",
    scopes="NULL::bigint",
    profile="f.id",
    tables="""FROM surfaces_loginsession s JOIN partners_partner p ON p.id = s.partner_id
              JOIN organizations_profile f ON f.id = s.profile_id LEFT JOIN surfaces_customeraccount a ON a.id = s.account_id
              LEFT JOIN surfaces_playerissuer i ON i.id = s.issuer_id
              WHERE s.id = %(session)s AND s.profile_id = %(subject)s""",
)
_OF_EMBED: Final = _sql(
    holder="s",
    dead="""WHEN s.ended_at IS NOT NULL THEN s.end_reason
            WHEN s.expires_at <= clock_timestamp() THEN 'session_expired'
            WHEN s.idle_expires_at <= clock_timestamp() THEN 'session_idle'
            WHEN p.auth_epoch <> s.partner_epoch THEN 'partner_revoked'
            WHEN f.removed_at IS NOT NULL OR f.auth_epoch <> s.profile_epoch THEN 'user_revoked'
            WHEN k.revoked_at IS NOT NULL THEN 'key_revoked'""",
    scopes="NULL::bigint",
    profile="f.id",
    tables="""FROM sessions_app_embedsession s JOIN partners_partner p ON p.id = s.partner_id
              JOIN organizations_profile f ON f.id = s.profile_id JOIN partners_apikey k ON k.id = s.key_id
              WHERE s.id = %(session)s AND s.profile_id = %(subject)s""",
)


class _Record(NamedTuple):
    """What the one read tells about a token's holder."""

    is_expired: bool
    is_early: bool
    partner_id: UUID
    partner_slug: str
    partner_is_active: bool
    environment: str
    dead_because: str
    scope_bits: int | None
    profile_id: UUID | None
    standing: list[int]


def prove_token(credential: str, *, surface: SurfaceName | None) -> Proven:
    """Prove an access token made for a surface (None: for any): no query for one that we did not sign, else exactly one.

    Raises: NotProvenError with the exact reason.
    """
    wanted = [audience_of(surface)] if surface else list(_BY_AUDIENCE)
    try:
        signed = read_signed(credential, issuer=settings.PUBLIC_BASE_URL, audiences=wanted)
    except InvalidTokenError as error:
        raise NotProvenError(error.reason.value) from error
    claims, made_for = signed.claims, _BY_AUDIENCE.get(signed.claims["aud"])
    if made_for is None or claims["surface"] != made_for.value:
        raise NotProvenError(TokenFault.AUDIENCE.value)
    record = _look_up(claims, made_for)
    if record is None:
        raise NotProvenError("token_holder_unknown")
    reason = _refusal(claims, record)
    if reason:
        raise NotProvenError(
            reason,
            partner_id=record.partner_id,
            environment=record.environment,
            key_id=signed.kid,
            version=read_standing(record.standing).version,
        )
    return _proven(signed, record, made_for)


def _look_up(claims: JsonObject, surface: SurfaceName) -> _Record | None:
    session, client_id = claims.get("sid"), claims.get("client_id", "")
    epochs = claims.get("epochs", {})
    try:
        params: dict[str, Any] = {
            "exp": float(claims["exp"]),
            "begins": float(max(claims["iat"], claims["nbf"])),
            "subject": UUID(claims["sub"]),
            "session": UUID(session) if session else None,
            "client_id": client_id,
            "subject_epoch": epochs.get("subject", -1),
            "partner_epoch": epochs.get("partner", -1),
        }
    except ValueError as error:
        raise NotProvenError(TokenFault.CLAIMS.value) from error
    row = fetch_one(_statement(surface, client_id), params)
    return _Record._make(row) if row else None


def _statement(surface: SurfaceName, client_id: str) -> str:
    if surface is SurfaceName.RESELLER:
        return _OF_ACCOUNT if client_id == Grantee.RESELLER_LOGIN else _OF_CLIENT
    return _OF_LOGIN if client_id == Grantee.STOREFRONT_LOGIN else _OF_EMBED


def _refusal(claims: JsonObject, record: _Record) -> str:
    if record.is_expired:
        return TokenFault.EXPIRED.value
    if record.is_early:
        return TokenFault.NOT_YET.value
    if claims["tenant"] != str(record.partner_id) or claims["env"] != record.environment:
        return "token_tenant"
    return record.dead_because


def _proven(signed: SignedToken, record: _Record, surface: SurfaceName) -> Proven:
    claims = signed.claims
    may = STOREFRONT_SCOPES if record.scope_bits is None else from_bits(record.scope_bits)
    said = set(claims["scope"].split())
    return Proven(
        kind=CredentialKind.ACCESS_TOKEN,
        partner_id=record.partner_id,
        partner_slug=record.partner_slug,
        partner_is_active=record.partner_is_active,
        environment=Environment(record.environment),
        subject=claims["sub"],
        scopes=frozenset(scope for scope in may if scope in said),
        standing=read_standing(record.standing),
        surface=surface,
        key_id=signed.kid,
        client_id=claims.get("client_id", ""),
        session_id=claims.get("sid", ""),
        token_id=claims["jti"],
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        profile_id=record.profile_id,
    )
