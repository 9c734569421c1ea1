"""Proving a key: format, one indexed read, constant-time comparison, then state, network and partner.

Whatever is wrong, the caller learns the same; the exact reason goes to the ledger.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from core.credentials import ParsedKey, key_digest, parse_key
from core.db import Row, fetch_one
from core.keyring import RingKey, pepper_ring
from core.net import is_allowed
from core.principals import Environment, Principal
from partners.scopes import from_bits

_COLUMNS: Final = """
SELECT k.id, k.kid, k.kind, k.environment, k.digest, k.pepper_id, k.scopes, k.networks, k.expires_at, k.rotated_at,
       k.grace_until, k.last_used_at IS NULL, k.paused_at IS NOT NULL, k.revoked_at IS NOT NULL,
       coalesce(k.expires_at <= clock_timestamp(), false), coalesce(k.grace_until <= clock_timestamp(), false),
       coalesce(k.setup_per_minute, p.setup_per_minute), coalesce(k.handshake_per_minute, p.handshake_per_minute),
       CASE WHEN k.setup_per_minute > 0 THEN k.family_id END, CASE WHEN k.handshake_per_minute > 0 THEN k.family_id END,
       p.id, p.slug, p.name, p.auth_epoch, p.status = 'active'
"""
_TABLES: Final = "FROM partners_apikey k JOIN partners_partner p ON p.id = k.partner_id "
_BY_KID: Final = _TABLES + "WHERE k.kid = %(kid)s"
_BY_DIGEST: Final = _TABLES + "WHERE k.is_imported AND k.digest = ANY(%(digests)s)"
_NOBODY: Final = RingKey(0, bytes(32))


class KeyRecord(NamedTuple):
    """What the one read tells about a key and its partner."""

    id: int
    kid: str
    kind: str
    environment: str
    digest: bytes
    pepper_id: int
    scope_bits: int
    networks: list[str] | None
    expires_at: datetime | None
    rotated_at: datetime | None
    grace_until: datetime | None
    is_unused: bool
    is_paused: bool
    is_revoked: bool
    is_expired: bool
    is_past_grace: bool
    setup_per_minute: int | None
    handshake_per_minute: int | None
    setup_family: int | None
    handshake_family: int | None
    partner_id: UUID
    partner_slug: str
    partner_name: str
    partner_epoch: int
    partner_is_active: bool
    annex: Any = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of proving one credential. `refusal` is empty when the key is good, else the exact reason."""

    refusal: str
    parsed: ParsedKey | None = None
    record: KeyRecord | None = None

    def principal(self) -> Principal:
        """The proven caller; only to be asked of a verification without a refusal."""
        if self.refusal or self.record is None:
            raise ValueError("a refused key has no principal")
        record = self.record
        return Principal(
            partner_id=record.partner_id,
            partner_slug=record.partner_slug,
            partner_name=record.partner_name,
            partner_epoch=record.partner_epoch,
            partner_is_active=record.partner_is_active,
            environment=Environment(record.environment),
            key_id=record.id,
            kid=record.kid,
            kind=record.kind,
            scopes=from_bits(record.scope_bits),
            expires_at=record.expires_at,
            rotated_at=record.rotated_at,
            grace_until=record.grace_until,
            setup_per_minute=record.setup_per_minute,
            handshake_per_minute=record.handshake_per_minute,
            setup_family=record.setup_family,
            handshake_family=record.handshake_family,
        )


def verify_key(credential: str, *, address: str | None, annex: str = "") -> Verification:
    """Prove one API key: no I/O for a text that cannot be one, else exactly one read, and no write.

    A suspended partner's key verifies; its principal says so, because the caller is then told (403). `annex` is an SQL
    expression over the key `k` and its partner `p`, a constant of the caller's code, whose value comes along in the record.
    """
    parsed = parse_key(credential)
    if parsed is None:
        return Verification("malformed")
    record = _look_up(parsed, annex)
    if not _is_genuine(parsed, record) or record is None:
        return Verification(_doubt(record), parsed)
    if (parsed.kind, parsed.environment) != (record.kind, record.environment):
        return Verification("mislabelled", parsed, record)
    return Verification(_state_refusal(record) or _network_refusal(record, address), parsed, record)


def _doubt(record: KeyRecord | None) -> str:
    if record is None:
        return "unknown"
    return "wrong_secret" if pepper_ring().get(record.pepper_id) else "unknown_pepper"


def _look_up(parsed: ParsedKey, annex: str) -> KeyRecord | None:
    row: Row | None
    if parsed.kid is not None:
        row = fetch_one(_statement(_BY_KID, annex), {"kid": parsed.kid})
    else:
        digests = [key_digest(p, parsed.key_hash) for p in pepper_ring()]
        row = fetch_one(_statement(_BY_DIGEST, annex), {"digests": digests})
    return KeyRecord(*row) if row else None


@lru_cache(maxsize=8)
def _statement(condition: str, annex: str) -> str:
    return f"{_COLUMNS}, {annex} {condition}" if annex else _COLUMNS + condition


def _is_genuine(parsed: ParsedKey, record: KeyRecord | None) -> bool:
    # An unknown kid costs the same HMAC, so that time does not tell which public ids exist.
    pepper = pepper_ring().get(record.pepper_id) if record else None
    expected = bytes(record.digest) if record and pepper else bytes(32)
    return hmac.compare_digest(key_digest(pepper or _NOBODY, parsed.key_hash), expected)


def _state_refusal(record: KeyRecord) -> str:
    if record.is_revoked:
        return "revoked"
    if record.is_expired:
        return "expired"
    if record.is_past_grace:
        return "grace_over"
    return "paused" if record.is_paused else ""


def _network_refusal(record: KeyRecord, address: str | None) -> str:
    return "" if is_allowed(address, record.networks or ()) else "network"
