"""Proving a surface API key: the partners' own check, with the rules' standing in the same read."""

from typing import Final

from core.credentials import KeyKind
from core.principals import Environment
from partners.scopes import from_bits
from partners.verification import Verification, verify_key
from surfaces.verification import CredentialKind, NotProvenError, Proven, read_standing, standing_sql

_STANDING: Final = standing_sql(partner="p.id", environment="k.environment")


def prove_key(credential: str, *, address: str | None) -> Proven:
    """Prove a surface API key: no query for a text that cannot be one, else exactly one.

    Raises: NotProvenError, also for a partner's `sk_` key: that opens the partner API alone.
    """
    verification = verify_key(credential, address=address, annex=_STANDING)
    record = verification.record
    if record is None:
        raise NotProvenError(verification.refusal)
    reason = verification.refusal or ("" if record.kind == KeyKind.SURFACE else "not_a_surface_key")
    if reason:
        raise _refused(reason, verification)
    return Proven(
        kind=CredentialKind.API_KEY,
        partner_id=record.partner_id,
        partner_slug=record.partner_slug,
        partner_is_active=record.partner_is_active,
        environment=Environment(record.environment),
        subject=record.kid,
        scopes=from_bits(record.scope_bits),
        standing=read_standing(record.annex),
        key_id=record.kid,
        expires_at=record.expires_at,
        verification=verification,
    )


def _refused(reason: str, verification: Verification) -> NotProvenError:
    record = verification.record
    if record is None:
        return NotProvenError(reason)
    return NotProvenError(
        reason,
        partner_id=record.partner_id,
        environment=record.environment,
        key_id=record.kid,
        version=read_standing(record.annex).version,
        verification=verification,
    )
