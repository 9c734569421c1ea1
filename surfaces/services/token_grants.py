"""Tokens for those who are no person: a reseller's client with its secret (RFC 6749 §4.4)."""

import hmac
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from audit.events import EventType
from audit.services import Act, record
from core.db import fetch_one
from core.keyring import pepper_ring
from core.principals import Actor, ActorKind, Environment, RequestContext
from partners.scopes import Scope, from_bits
from surfaces import attempts
from surfaces.client_secrets import ClientCredentials
from surfaces.models import ClientSecret
from surfaces.names import SurfaceName, SurfaceNumber
from surfaces.token_errors import InvalidClientError, InvalidScopeError, UnauthorizedClientError
from surfaces.tokens import AccessToken, Grant, mint_token

_LOOK_UP: Final = """
SELECT c.id, c.client_id, c.partner_id, c.environment, c.scopes, p.auth_epoch, c.epoch, clock_timestamp(),
       CASE WHEN c.disabled_at IS NOT NULL THEN 'client_disabled' ELSE '' END,
       CASE WHEN p.status <> 'active' THEN 'partner_suspended'
            WHEN NOT EXISTS (SELECT 1 FROM surfaces_entitlement e WHERE e.partner_id = c.partner_id
              AND e.environment = c.environment AND e.surface_id = %(surface)s) THEN 'not_entitled' ELSE '' END,
       ARRAY(SELECT s.digest FROM surfaces_clientsecret s WHERE s.client_id = c.id AND s.revoked_at IS NULL
             AND coalesce(s.expires_at > clock_timestamp(), true) ORDER BY s.id DESC),
       ARRAY(SELECT s.pepper_id FROM surfaces_clientsecret s WHERE s.client_id = c.id AND s.revoked_at IS NULL
             AND coalesce(s.expires_at > clock_timestamp(), true) ORDER BY s.id DESC)
FROM surfaces_resellerclient c JOIN partners_partner p ON p.id = c.partner_id
WHERE c.client_id = %(client_id)s
"""


class _Client(NamedTuple):
    """A client as its one look-up found it, with the digests of its live secrets, newest first, and their peppers."""

    id: UUID
    client_id: str
    partner_id: UUID
    environment: str
    scope_bits: int
    partner_epoch: int
    epoch: int
    now: datetime
    refusal: str
    hindrance: str
    digests: list[bytes]
    peppers: list[int]


def grant_client_token(
    credentials: ClientCredentials, *, scopes: frozenset[Scope] | None, context: RequestContext
) -> AccessToken:
    """Give a client a Reseller token with the scopes it asks for, by default all it has.

    Raises: InvalidClientError; UnauthorizedClientError when its tenant may not use the surface; InvalidScopeError for one it
    does not have; RateLimitExceededError after too many failures from this address, and never with the right secret.
    """
    client = _prove(credentials, context)
    if client.hindrance:
        raise UnauthorizedClientError(reason=client.hindrance)
    held = from_bits(client.scope_bits)
    if scopes is not None and not scopes <= held:
        raise InvalidScopeError(reason="scope_not_held")
    grant = Grant(
        surface=SurfaceName.RESELLER,
        partner_id=client.partner_id,
        environment=Environment(client.environment),
        subject=client.id,
        client_id=client.client_id,
        scopes=held if scopes is None else scopes,
        partner_epoch=client.partner_epoch,
        subject_epoch=client.epoch,
    )
    actor = Actor(ActorKind.SESSION, client.client_id, "", context)
    with transaction.atomic():
        record(Act(EventType.TOKEN_ISSUED, actor, client.partner_id, client.environment, "client", client.client_id, "", {}))
    return mint_token(grant, now=client.now)


def _prove(credentials: ClientCredentials, context: RequestContext) -> _Client:
    client = _look_up(credentials) if credentials.is_well_formed else None
    digest = _matching(credentials, client) if client else None
    if client is None or digest is None or client.refusal:
        attempts.check_source(context.address)
        attempts.count_source(context.address)
        raise InvalidClientError(reason=_reason(client, digest))
    _move_to_newest_pepper(credentials, digest)
    return client


def _look_up(credentials: ClientCredentials) -> _Client | None:
    surface = int(SurfaceNumber[SurfaceName.RESELLER.name])
    row = fetch_one(_LOOK_UP, {"client_id": credentials.client_id, "surface": surface})
    return _Client._make(row) if row else None


def _matching(credentials: ClientCredentials, client: _Client) -> bytes | None:
    """The stored digest that the secret makes, of all that are live; every one is compared."""
    found = None
    for stored, pepper_id in zip(client.digests, client.peppers, strict=True):
        pepper = pepper_ring().get(pepper_id)
        if pepper is not None and hmac.compare_digest(bytes(stored), credentials.digest(pepper)):
            found = bytes(stored)
    return found


def _reason(client: _Client | None, digest: bytes | None) -> str:
    if client is None:
        return "client:unknown"
    return f"client:{client.refusal}" if digest else "client:wrong_secret"


def _move_to_newest_pepper(credentials: ClientCredentials, stored: bytes) -> None:
    """Key the digest anew where an older pepper made it, now that the secret is at hand: so an old pepper can be retired."""
    pepper = pepper_ring().active
    newest = credentials.digest(pepper)
    if not hmac.compare_digest(newest, stored):
        ClientSecret.objects.filter(digest=stored).update(digest=newest, pepper_id=pepper.id)
