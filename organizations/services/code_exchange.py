"""Turning an authorization code into a grant: the one call to a provider that a request waits for, briefly."""

import threading
from dataclasses import dataclass, field
from typing import Final

from core.egress.fetch import FetchLimits
from core.encryption import DecryptionError
from core.errors import FieldProblem, InvalidRequestError, ServiceUnavailableError
from core.principals import Actor
from organizations.errors import CodeRejectedError, NotConfiguredError, ProviderUnavailableError
from organizations.models import OAuthGrant, OAuthProvider, Organization
from organizations.oauth.authorization import is_right_issuer
from organizations.oauth.client import client_of
from organizations.oauth.failures import Meaning, ProviderFailureError
from organizations.oauth.tokens import TokenSet, redeem_code
from organizations.services.grants import connect_organization

LIMITS: Final = FetchLimits(total_seconds=5.0, connect_seconds=2.0)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a provider's redirect brought, and what belongs to it. `issuer` is the redirect's `iss` (RFC 9207)."""

    code: str = field(repr=False)
    redirect_uri: str
    code_verifier: str = field(repr=False)
    issuer: str | None = None


def exchange_code(organization: Organization, *, given: AuthorizationCode, actor: Actor) -> OAuthGrant:
    """Have a code turned into tokens by the partner's provider, and store them. The code is used up whatever happens.

    Raises: NotConfiguredError; InvalidRequestError when the code is another issuer's; CodeRejectedError;
    ProviderUnavailableError; ServiceUnavailableError while this process exchanges another one.
    """
    provider = OAuthProvider.objects.of(organization.partner_id, organization.environment).first()
    if provider is None:
        raise NotConfiguredError
    if not is_right_issuer(provider, given.issuer):
        problem = FieldProblem("iss", "The code comes from another issuer than the one that was asked.")
        raise InvalidRequestError(reason="wrong_issuer", details=[problem])
    tokens = _redeem(provider, given)
    return connect_organization(organization, tokens=tokens, actor=actor)


def _redeem(provider: OAuthProvider, given: AuthorizationCode) -> TokenSet:
    # A worker has two threads: a provider that hangs may hold one of them, never both.
    if not _one_at_a_time.acquire(blocking=False):
        raise ServiceUnavailableError(reason="exchange_busy", retry_after_seconds=1)
    try:
        return redeem_code(
            client_of(provider),
            code=given.code,
            redirect_uri=given.redirect_uri,
            code_verifier=given.code_verifier,
            limits=LIMITS,
        )
    except ProviderFailureError as failure:
        reason = f"provider_{failure.reason.value}"
        if failure.meaning is Meaning.GRANT_ENDED:
            raise CodeRejectedError(reason=reason) from failure
        raise ProviderUnavailableError(reason=reason) from failure
    except DecryptionError as failure:
        raise ProviderUnavailableError(reason="client_secret_sealed") from failure
    finally:
        _one_at_a_time.release()


_one_at_a_time: Final = threading.Lock()
