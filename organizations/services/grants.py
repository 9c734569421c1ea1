"""The OAuth grant of an organization: handed over, replaced, given up."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from core.credentials import secret_digest, secret_digests
from core.keyring import pepper_ring
from core.principals import Actor, Environment, Principal
from organizations.errors import NotConnectedError, OrganizationNotFoundError
from organizations.models import GrantState, OAuthGrant, OAuthProvider, Organization, RefreshOwner
from organizations.oauth.sealing import access_place, refresh_place, seal
from organizations.oauth.tokens import TokenSet
from organizations.services.instants import seconds_from_now
from organizations.services.ledger import record_organization
from partners.models import Partner

_PURPOSE = "oauth-grant"
_DEAD = frozenset({GrantState.REAUTHORIZATION_REQUIRED, GrantState.DISCONNECTED})


def find_organization(principal: Principal, *, external_id: str) -> Organization:
    """Find a caller's organization by its own name for it.

    Raises: OrganizationNotFoundError.
    """
    found = Organization.objects.for_principal(principal).filter(external_id=external_id).first()
    if found is None:
        raise OrganizationNotFoundError(reason="unknown_org")
    return found


def find_partners_organization(partner: Partner, *, environment: Environment, external_id: str) -> Organization:
    """Find a partner's organization by the partner's name for it.

    Raises: OrganizationNotFoundError.
    """
    mine = Organization.objects.filter(partner=partner, environment=environment.value)
    found = mine.filter(external_id=external_id).first()
    if found is None:
        raise OrganizationNotFoundError(reason="unknown_org")
    return found


def connect_organization(organization: Organization, *, tokens: TokenSet, actor: Actor) -> OAuthGrant:
    """Store tokens in the place of those that were there, and have the organization synced at once.

    The very tokens that were handed over before change nothing while the grant is alive: what came out of them since is
    newer. A sync that staff paused stays paused.
    """
    return _store(organization, tokens=tokens, keeps_refresh_token=False, actor=actor)


def hand_over_tokens(organization: Organization, *, tokens: TokenSet, actor: Actor) -> OAuthGrant:
    """Do what `connect_organization` does, for a call that is about something else: it takes no refresh token away."""
    return _store(organization, tokens=tokens, keeps_refresh_token=True, actor=actor)


def disconnect_organization(organization_id: UUID, *, reason: str = "", actor: Actor) -> OAuthGrant:
    """Stop using an organization's tokens for good, and give them up.

    They are erased at once where the provider takes none back (RFC 7009), else as soon as it has them. Safe to call twice.
    Raises: NotConnectedError.
    """
    with transaction.atomic():
        grant = locked_grant(organization_id)
        if grant.state == GrantState.DISCONNECTED:
            return grant
        provider = OAuthProvider.objects.of(grant.partner_id, grant.environment).first()
        is_taken_back = provider is not None and bool(provider.revocation_url)
        grant.state, grant.version = GrantState.DISCONNECTED, grant.version + 1
        _come_to_rest(grant)
        if is_taken_back:
            grant.next_sync_at = Now()
        else:
            grant.access_sealed = grant.refresh_sealed = None
        grant.save()
        record_organization(grant.organization, event=EventType.ORGANIZATION_DISCONNECTED, actor=actor, reason=reason)
    return OAuthGrant.objects.get(pk=grant.pk)


def locked_grant(organization_id: UUID) -> OAuthGrant:
    """Hold an organization's grant until the transaction ends.

    Raises: NotConnectedError.
    """
    rows = OAuthGrant.objects.select_for_update(no_key=True, of=("self",)).select_related("organization")
    grant = rows.filter(organization_id=organization_id).first()
    if grant is None:
        raise NotConnectedError
    return grant


def _store(organization: Organization, *, tokens: TokenSet, keeps_refresh_token: bool, actor: Actor) -> OAuthGrant:
    with transaction.atomic():
        grant = _locked_or_new(organization)
        if _is_old_news(grant, tokens):
            return grant
        _seal(grant, tokens, keeps_refresh_token=keeps_refresh_token)
        is_paused = grant.state == GrantState.PAUSED
        _come_to_rest(grant)
        if not is_paused:
            grant.state, grant.next_sync_at = GrantState.PENDING, Now()
        grant.save()
        data = {"has_refresh_token": grant.has_refresh_token, "expires_in": tokens.expires_in}
        record_organization(organization, event=EventType.ORGANIZATION_CONNECTED, actor=actor, data=data)
    return OAuthGrant.objects.get(pk=grant.pk)


def _locked_or_new(organization: Organization) -> OAuthGrant:
    OAuthGrant.objects.get_or_create(
        organization=organization,
        defaults={
            "partner_id": organization.partner_id,
            "environment": organization.environment,
            "state": GrantState.DISCONNECTED,
        },
    )
    return locked_grant(organization.pk)


def _is_old_news(grant: OAuthGrant, tokens: TokenSet) -> bool:
    if grant.state in _DEAD or grant.given_digest is None:
        return False
    return bytes(grant.given_digest) in secret_digests(pepper_ring(), purpose=_PURPOSE, secret=_text(tokens))


def _seal(grant: OAuthGrant, tokens: TokenSet, *, keeps_refresh_token: bool) -> None:
    provider = OAuthProvider.objects.of(grant.partner_id, grant.environment).first()
    is_ours_to_refresh = provider is None or provider.refresh_owner == RefreshOwner.US
    grant.version += 1
    grant.given_digest = secret_digest(pepper_ring().active, purpose=_PURPOSE, secret=_text(tokens))
    grant.access_sealed = seal(tokens.access_token, place=access_place(grant))
    if tokens.refresh_token and is_ours_to_refresh:
        grant.refresh_sealed = seal(tokens.refresh_token, place=refresh_place(grant))
    elif not (keeps_refresh_token and is_ours_to_refresh):
        grant.refresh_sealed = None
    grant.scopes = list(tokens.scopes)
    grant.obtained_at = Now()
    grant.access_expires_at = seconds_from_now(tokens.expires_in) if tokens.expires_in is not None else None


def _come_to_rest(grant: OAuthGrant) -> None:
    """Take back everything that was under way or wrong; a worker that is at it finds the version changed."""
    grant.state_since = grant.updated_at = Now()
    grant.lease = grant.lease_until = grant.next_sync_at = grant.requested_at = None
    grant.refresh_sent_at = grant.failing_since = grant.next_notice_at = None
    grant.rejections = grant.failures = grant.notices = grant.mailed_notices = 0
    grant.etag = grant.reason = ""
    grant.is_removal_allowed = False


def _text(tokens: TokenSet) -> str:
    return f"{tokens.access_token}\x1f{tokens.refresh_token or ''}"
