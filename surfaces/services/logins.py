"""Signing in with e-mail and password: a reseller's account, or a tenant's customer.

Whatever is wrong (no account, a wrong password, an account or tenant that may not), the caller is told the same after the same
work: one look-up, one look at the limits, one hash. The ledger has the exact reason.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from audit.events import EventType
from audit.services import Act, record
from core.db import Row, fetch_one
from core.principals import Actor, ActorKind, Environment, RequestContext
from partners.scopes import from_bits
from surfaces import attempts, passwords
from surfaces.attempts import Attempt
from surfaces.models import CustomerAccount, LoginOrigin, ResellerAccount
from surfaces.names import SurfaceName, SurfaceNumber
from surfaces.services.login_sessions import Opener, SignedIn, open_session
from surfaces.tenants import WantedTenant, require_named
from surfaces.token_errors import LoginFailedError
from surfaces.tokens import AccessToken, Grant, Grantee, mint_token

_TENANT: Final = """(%(name)s = '' OR p.slug = %(name)s OR p.id::text = %(name)s)"""
_ENTITLED: Final = """EXISTS (SELECT 1 FROM surfaces_entitlement e WHERE e.partner_id = a.partner_id
  AND e.environment = a.environment AND e.surface_id = %(surface)s)"""
_RESELLER: Final = f"""
SELECT a.id, a.partner_id, a.environment, a.password, a.scopes, p.auth_epoch, a.epoch, clock_timestamp(), NULL::uuid, 0,
       CASE WHEN NOT {_TENANT} OR NOT coalesce(h.partner_id = a.partner_id AND h.environment = a.environment, true)
              THEN 'wrong_tenant'
            WHEN a.disabled_at IS NOT NULL THEN 'account_disabled'
            WHEN NOT a.is_api_enabled THEN 'not_enabled_for_api'
            WHEN p.status <> 'active' THEN 'partner_suspended'
            WHEN NOT {_ENTITLED} THEN 'not_entitled' ELSE '' END
FROM surfaces_reselleraccount a JOIN partners_partner p ON p.id = a.partner_id
LEFT JOIN surfaces_tenanthost h ON h.host = %(host)s
WHERE lower(a.email) = lower(%(email)s)
"""  # noqa: S608  # constants
_CUSTOMER: Final = f"""
SELECT a.id, a.partner_id, a.environment, a.password, 0::bigint, p.auth_epoch, a.epoch, clock_timestamp(), f.id, f.auth_epoch,
       CASE WHEN a.disabled_at IS NOT NULL THEN 'account_disabled'
            WHEN f.removed_at IS NOT NULL THEN 'user_removed'
            WHEN p.status <> 'active' THEN 'partner_suspended'
            WHEN NOT coalesce(l.allows_customer_passwords, false) THEN 'passwords_not_allowed'
            WHEN NOT {_ENTITLED} THEN 'not_entitled' ELSE '' END
FROM surfaces_customeraccount a JOIN partners_partner p ON p.id = a.partner_id
JOIN organizations_profile f ON f.id = a.profile_id
LEFT JOIN surfaces_loginpolicy l ON l.partner_id = a.partner_id AND l.environment = a.environment
LEFT JOIN surfaces_tenanthost h ON h.host = %(host)s
WHERE lower(a.email) = lower(%(email)s) AND {_TENANT}
  AND coalesce(h.partner_id = a.partner_id AND h.environment = a.environment, true)
ORDER BY a.environment LIMIT 1
"""  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person typed, and for which tenant."""

    email: str
    password: str = field(repr=False)
    tenant: WantedTenant


class _Account(NamedTuple):
    """An account as its one look-up found it; `refusal` is empty when it may sign in."""

    id: UUID
    partner_id: UUID
    environment: str
    password: str
    scope_bits: int
    partner_epoch: int
    epoch: int
    now: datetime
    profile_id: UUID | None
    profile_epoch: int
    refusal: str


def login_reseller(credentials: Credentials, *, region: str, context: RequestContext) -> AccessToken:
    """Give a reseller's account a token (Generate Token).

    Raises: LoginFailedError; RateLimitExceededError; ServiceUnavailableError when too many hash at once.
    """
    found = _look_up(_RESELLER, credentials, SurfaceName.RESELLER)
    account = _prove(found, credentials, context, kind="reseller")
    _renew_hash(ResellerAccount, account, credentials.password)
    grant = Grant(
        surface=SurfaceName.RESELLER,
        partner_id=account.partner_id,
        environment=Environment(account.environment),
        subject=account.id,
        client_id=Grantee.RESELLER_LOGIN,
        scopes=from_bits(account.scope_bits),
        partner_epoch=account.partner_epoch,
        subject_epoch=account.epoch,
    )
    with transaction.atomic():
        record(_issued(account, "reseller", context, {"region": region}))
    return mint_token(grant, now=account.now)


def login_customer(credentials: Credentials, *, region: str, context: RequestContext) -> SignedIn:
    """Sign a tenant's customer in to the Storefront surface.

    Raises: InvalidRequestError when no tenant is named; LoginFailedError; RateLimitExceededError; ServiceUnavailableError.
    """
    require_named(credentials.tenant)
    found = _look_up(_CUSTOMER, credentials, SurfaceName.STOREFRONT)
    account = _prove(found, credentials, context, kind="customer")
    if account.profile_id is None:
        raise LoginFailedError(reason="user_removed")
    _renew_hash(CustomerAccount, account, credentials.password)
    opener = Opener(
        origin=LoginOrigin.PASSWORD,
        partner_id=account.partner_id,
        environment=Environment(account.environment),
        profile_id=account.profile_id,
        partner_epoch=account.partner_epoch,
        profile_epoch=account.profile_epoch,
        account_id=account.id,
        account_epoch=account.epoch,
    )
    return open_session(opener, data={"region": region}, context=context)


def _look_up(sql: str, credentials: Credentials, surface: SurfaceName) -> _Account | None:
    row: Row | None = fetch_one(
        sql,
        {
            "email": credentials.email,
            "name": credentials.tenant.name,
            "host": credentials.tenant.host,
            "surface": int(SurfaceNumber[surface.name]),
        },
    )
    return _Account._make(row) if row else None


def _prove(found: _Account | None, credentials: Credentials, context: RequestContext, *, kind: str) -> _Account:
    """Hash the password, within the limits, and refuse everything but the right one of an account that may sign in."""
    name = f"{kind}\x1f{credentials.tenant.name or credentials.tenant.host}\x1f{credentials.email.lower()}"
    attempt = Attempt(name, context.address)
    with passwords.hashing():
        attempts.check(attempt, credentials.password)
        is_right = passwords.is_right(credentials.password, stored=found.password if found else "")
    if found is None or not is_right or found.refusal:
        attempts.count_failure(attempt)
        raise LoginFailedError(reason=_reason(found, is_right))
    attempts.remember(attempt, credentials.password)
    return found


def _reason(found: _Account | None, is_right: bool) -> str:
    if found is None:
        return "login:unknown_account"
    return f"login:{found.refusal}" if is_right else "login:wrong_password"


def _renew_hash(model: type[ResellerAccount] | type[CustomerAccount], account: _Account, password: str) -> None:
    """Make the stored text anew where it has yesterday's parameters, now that the password is at hand."""
    if passwords.is_outdated(account.password):
        with passwords.hashing():
            renewed = passwords.hash_password(password)
        model.objects.filter(pk=account.id, password=account.password).update(password=renewed)


def _issued(account: _Account, subject_type: str, context: RequestContext, data: dict[str, object]) -> Act:
    actor = Actor(ActorKind.SESSION, str(account.id), "", context)
    return Act(EventType.TOKEN_ISSUED, actor, account.partner_id, account.environment, subject_type, str(account.id), "", data)
