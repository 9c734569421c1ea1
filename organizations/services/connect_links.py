"""Links by which a person walks an organization through its provider: authorize there, come back, and it is connected.

What is secret in a link stands behind its `#`, which no server, log or referrer sees. The walk is bound to the browser it
began in: state and PKCE verifier belong to a random text that only this browser's cookie holds.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from audit.events import EventType
from core.credentials import secret_digest
from core.encryption import DecryptionError
from core.keyring import pepper_ring
from core.principals import Actor, ActorKind, RequestContext
from organizations.errors import ConnectLinkError, NotConfiguredError
from organizations.models import ConnectLink, OAuthGrant, OAuthProvider, Organization
from organizations.oauth.authorization import authorization_address, make_verifier
from organizations.oauth.sealing import seal, unseal, verifier_place
from organizations.services.code_exchange import AuthorizationCode, exchange_code
from organizations.services.ledger import record_organization

LIFE: Final = timedelta(hours=1)
_LINK: Final = "connect-link"
_STATE: Final = "connect-state"
_BROWSER: Final = "connect-browser"


@dataclass(frozen=True, slots=True)
class NewConnectLink:
    """A link that was just made; its address is shown this once."""

    id: UUID
    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Start:
    """A walk that begins: where the browser goes, and what it must keep until it comes back."""

    address: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Return:
    """What a browser brings back from the provider; `browser` is its cookie."""

    link_id: UUID
    state: str = field(repr=False)
    browser: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str | None
    context: RequestContext


def callback_address() -> str:
    """Where providers send browsers back to; the same for all, to be registered there."""
    return f"{settings.PUBLIC_BASE_URL}/connect/callback"


def create_connect_link(organization: Organization, *, actor: Actor) -> NewConnectLink:
    """Make a link by which one person may connect an organization, within an hour.

    Raises: NotConfiguredError when the partner's provider has no authorization endpoint.
    """
    _provider_of(organization)
    secret = secrets.token_urlsafe(32)
    pepper = pepper_ring().active
    with transaction.atomic():
        link = ConnectLink.objects.create(
            organization=organization,
            pepper_id=pepper.id,
            digest=secret_digest(pepper, purpose=_LINK, secret=secret),
            created_by=actor.label or actor.id,
            expires_at=Now() + Value(LIFE),
        )
        record_organization(organization, event=EventType.ORGANIZATION_CONNECT_LINK_MADE, actor=actor)
    link.refresh_from_db(fields=["expires_at"])
    return NewConnectLink(link.pk, f"{settings.PUBLIC_BASE_URL}/connect/{link.pk}#{secret}", link.expires_at)


def find_link(link_id: UUID) -> ConnectLink:
    """Find a link that can still be used.

    Raises: ConnectLinkError.
    """
    usable = ConnectLink.objects.select_related("organization__partner").filter(used_at=None, expires_at__gt=Now())
    link = usable.filter(pk=link_id, organization__partner__status="active").first()
    if link is None:
        raise ConnectLinkError(reason="connect_link_unknown")
    return link


def start_connecting(link_id: UUID, *, secret: str) -> Start:
    """Begin the walk in one browser; a walk that began before, in whichever, leads nowhere any more.

    Raises: ConnectLinkError; NotConfiguredError.
    """
    link = find_link(link_id)
    if not _fits(link, bytes(link.digest), _LINK, secret):
        raise ConnectLinkError(reason="connect_link_secret")
    provider = _provider_of(link.organization)
    state, browser, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), make_verifier()
    ConnectLink.objects.filter(pk=link.pk, used_at=None).update(
        started_at=Now(),
        state_digest=_digest(link, _STATE, state),
        browser_digest=_digest(link, _BROWSER, browser),
        verifier_sealed=seal(verifier, place=verifier_place(link)),
    )
    address = authorization_address(
        provider,
        redirect_uri=callback_address(),
        state=f"{link.pk}.{state}",
        verifier=verifier,
        scopes=provider.scopes,
    )
    return Start(address, browser)


def finish_connecting(brought: Return) -> OAuthGrant:
    """Exchange what a browser brought back, once, if it is the one that was sent. The link ends when that goes well.

    Raises: ConnectLinkError; InvalidRequestError for another issuer's code; CodeRejectedError; ProviderUnavailableError.
    """
    link = find_link(brought.link_id)
    is_same = link.state_digest is not None and link.browser_digest is not None
    if not is_same or not _fits(link, bytes(link.state_digest or b""), _STATE, brought.state):
        raise ConnectLinkError(reason="connect_state")
    if not _fits(link, bytes(link.browser_digest or b""), _BROWSER, brought.browser):
        raise ConnectLinkError(reason="connect_browser")
    try:
        verifier = unseal(link.verifier_sealed or b"", place=verifier_place(link))
    except DecryptionError as error:
        raise ConnectLinkError(reason="connect_sealed") from error
    # Before the code is used: of two returns with one state, one goes on.
    mine = ConnectLink.objects.filter(pk=link.pk, used_at=None, state_digest=link.state_digest)
    if not mine.update(started_at=None, state_digest=None, browser_digest=None, verifier_sealed=None):
        raise ConnectLinkError(reason="connect_used")
    given = AuthorizationCode(brought.code, callback_address(), verifier, brought.issuer)
    actor = Actor(ActorKind.ANONYMOUS, f"connect:{link.pk}"[:64], "connect link", brought.context)
    grant = exchange_code(link.organization, given=given, actor=actor)
    ConnectLink.objects.filter(pk=link.pk).update(used_at=Now())
    return grant


def _provider_of(organization: Organization) -> OAuthProvider:
    provider = OAuthProvider.objects.of(organization.partner_id, organization.environment).first()
    if provider is None or not provider.authorization_url:
        raise NotConfiguredError("No OAuth provider with an authorization endpoint is configured here.")
    return provider


def _digest(link: ConnectLink, purpose: str, secret: str) -> bytes:
    pepper = pepper_ring().get(link.pepper_id)
    if pepper is None:
        raise ConnectLinkError(reason="unknown_pepper")
    return secret_digest(pepper, purpose=purpose, secret=secret)


def _fits(link: ConnectLink, digest: bytes, purpose: str, secret: str) -> bool:
    return hmac.compare_digest(digest, _digest(link, purpose, secret))
