"""Giving up the tokens of a disconnected organization: the provider takes them back, and they are erased here."""

from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models.functions import Now

from core.encryption import DecryptionError
from organizations.models import GrantState, OAuthGrant, RunOutcome
from organizations.oauth.client import client_of
from organizations.oauth.failures import ProviderFailureError
from organizations.oauth.revocation import revoke_token
from organizations.oauth.sealing import access_place, refresh_place, unseal
from organizations.services.instants import about
from organizations.services.sync_work import SupersededError, Work, write_run
from organizations.sync_reasons import SyncReason

# A provider that does not answer for so long is not told; the tokens are erased all the same.
TRIED_FOR: Final = timedelta(days=1)
RETRY_SECONDS: Final = 900

log = structlog.get_logger("sticker.sync")


def give_up_tokens(work: Work) -> RunOutcome:
    """Have a disconnected grant's tokens revoked upstream (RFC 7009), and erase them.

    Raises: SupersededError.
    """
    try:
        _revoke(work)
    except (ProviderFailureError, DecryptionError) as failure:
        reason = failure.reason if isinstance(failure, ProviderFailureError) else SyncReason.SEALED
        work.http_status = failure.http_status if isinstance(failure, ProviderFailureError) else None
        log.warning("sync.revocation_failed", grant=str(work.grant.pk), reason=reason.value)
        return _settle_revocation(work, reason)
    return _settle_revocation(work, None)


def _revoke(work: Work) -> None:
    grant, client = work.grant, client_of(work.provider)
    if not client.revocation_url:
        return
    # The refresh token first: most providers end the access tokens that came out of it along with it.
    for kind, sealed, place in (
        ("refresh_token", grant.refresh_sealed, refresh_place(grant)),
        ("access_token", grant.access_sealed, access_place(grant)),
    ):
        if sealed is not None:
            revoke_token(client, token=unseal(sealed, place=place), kind=kind)


def _settle_revocation(work: Work, reason: SyncReason | None) -> RunOutcome:
    is_given_up = reason is None or work.now - work.grant.state_since >= TRIED_FOR
    fields: dict[str, Any] = {"lease": None, "lease_until": None, "updated_at": Now()}
    if is_given_up:
        fields |= {"access_sealed": None, "refresh_sealed": None, "next_sync_at": None}
    else:
        fields |= {"next_sync_at": about(RETRY_SECONDS)}
    with transaction.atomic():
        mine = OAuthGrant.objects.filter(pk=work.grant.pk, lease=work.claim.lease, version=work.version)
        if not mine.filter(state=GrantState.DISCONNECTED).update(**fields):
            raise SupersededError
        write_run(work, outcome=RunOutcome.FAILED if reason else RunOutcome.REVOKED, reason=reason)
    return RunOutcome.FAILED if reason else RunOutcome.REVOKED
