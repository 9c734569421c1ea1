"""The life of a key: issue, import, rotate, pause, resume, revoke."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from audit.events import EventType
from audit.services import Act, record
from core import base62
from core.credentials import KID_CHARS, KeyHash, KeyKind, MintedKey, hash_key, key_digest, mint_key
from core.keyring import pepper_ring
from core.net import parse_networks
from core.principals import Actor, ActorKind, Environment
from partners.errors import KeyAlreadyImportedError, KeyNotFoundError, KeyNotRotatableError, KeyStateError
from partners.models import ApiKey, Partner, RevokeReason
from partners.scopes import Scope

DEFAULT_LIFETIME: Final = timedelta(days=365)


class Overlap(StrEnum):
    """How long the old key keeps working after a rotation."""

    NOW = "now"
    HOUR = "1h"
    DAY = "24h"
    THREE_DAYS = "72h"
    WEEK = "7d"

    @property
    def delta(self) -> timedelta:
        return _OVERLAPS[self]


_OVERLAPS: Final = {
    Overlap.NOW: timedelta(0),
    Overlap.HOUR: timedelta(hours=1),
    Overlap.DAY: timedelta(hours=24),
    Overlap.THREE_DAYS: timedelta(hours=72),
    Overlap.WEEK: timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What a new key may do. `lifetime` None means it never expires; `networks` are CIDR texts, empty for anywhere."""

    environment: Environment
    scopes: Sequence[Scope]
    name: str = "API key"
    kind: KeyKind = KeyKind.SECRET
    networks: Sequence[str] = ()
    lifetime: timedelta | None = DEFAULT_LIFETIME
    setup_per_minute: int | None = None
    handshake_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and its text, which exists nowhere else and is shown once."""

    key: ApiKey
    plaintext: str = field(repr=False)


def issue_key(partner: Partner, *, spec: KeySpec, actor: Actor) -> IssuedKey:
    """Issue a key of a new family.

    Raises: ValueError when a network is malformed.
    """
    minted = mint_key(spec.kind, spec.environment)
    with transaction.atomic():
        family_id = _next_id()
        key = _new_key(minted, family_id, spec, actor)
        key.id, key.partner = family_id, partner
        key.save(force_insert=True)
        record(_act(EventType.KEY_ISSUED, key, actor, data=_policy(key)))
    return IssuedKey(_fresh(key), minted.plaintext)


def import_key(partner: Partner, *, key_hash: KeyHash, spec: KeySpec, actor: Actor) -> ApiKey:
    """Let in a key that was issued elsewhere, known only by the SHA-256 of its text.

    Raises: KeyAlreadyImportedError when this key is known already; ValueError when a network is malformed.
    """
    pepper = pepper_ring().active
    known = [bytes(key_digest(each, key_hash)) for each in pepper_ring()]
    try:
        with transaction.atomic():
            if _is_imported(known):
                raise KeyAlreadyImportedError
            key = _new_key(MintedKey(base62.random_text(KID_CHARS), ""), _next_id(), spec, actor)
            key.id, key.partner, key.is_imported = key.family_id, partner, True
            key.digest, key.pepper_id = key_digest(pepper, key_hash), pepper.id
            key.save(force_insert=True)
            record(_act(EventType.KEY_IMPORTED, key, actor, data=_policy(key)))
    except IntegrityError as error:
        if not _is_imported(known):
            raise
        raise KeyAlreadyImportedError from error
    return _fresh(key)


def _is_imported(digests: Sequence[bytes]) -> bool:
    return ApiKey.objects.filter(is_imported=True, digest__in=digests).exists()


def rotate_key(key_id: int, *, overlap: timedelta, reason: str, actor: Actor) -> IssuedKey:
    """Issue a successor with the same policy; the old key keeps working for `overlap`.

    At most two generations are in use: an older one still in grace ends now. A successor that was never used is revoked
    and replaced, so that a lost answer does not brick the rotation.
    Raises: KeyNotRotatableError for a dead key, or one whose successor is in use.
    """
    with transaction.atomic():
        family = _locked_family(key_id)
        key = next(each for each in family if each.id == key_id)
        now = _database_now()
        if key.revoked_at or _is_over(key, now):
            raise KeyNotRotatableError(reason="dead_key")
        _retire_unused_successors(family, key, now)
        _end_older_grace(family, key, now)
        minted = mint_key(KeyKind(key.kind), Environment(key.environment))
        successor = _new_key(minted, key.family_id, _spec_of(key), actor)
        successor.partner_id, successor.generation = key.partner_id, max(each.generation for each in family) + 1
        successor.save(force_insert=True)
        key.rotated_at, key.grace_until = now, now + overlap
        key.save(update_fields=["rotated_at", "grace_until"])
        data = {"successor": successor.kid, "overlap_seconds": int(overlap.total_seconds())}
        record(_act(EventType.KEY_ROTATED, key, actor, reason=reason, data=data))
    return IssuedKey(_fresh(successor), minted.plaintext)


def pause_key(key_id: int, *, reason: str, actor: Actor) -> ApiKey:
    """Stop a key from being accepted until it is resumed; sessions it made stay open. Safe to call twice.

    Raises: KeyStateError when the key is revoked.
    """
    return _toggle(key_id, paused=True, reason=reason, actor=actor)


def resume_key(key_id: int, *, reason: str, actor: Actor) -> ApiKey:
    """Let a paused key be accepted again. Safe to call twice.

    Raises: KeyStateError when the key is revoked.
    """
    return _toggle(key_id, paused=False, reason=reason, actor=actor)


def update_key(key_id: int, *, name: str, networks: Sequence[str], reason: str, actor: Actor) -> ApiKey:
    """Change a key's name and allow-list; what was before stands in the ledger.

    Raises: KeyStateError when the key is revoked; ValueError when a network is malformed.
    """
    with transaction.atomic():
        key = _locked(key_id)
        if key.revoked_at:
            raise KeyStateError(reason="revoked")
        before = {"name": key.name, "networks": key.networks or []}
        key.name, key.networks = name, parse_networks(networks) or None
        key.save(update_fields=["name", "networks"])
        after = {"name": key.name, "networks": key.networks or []}
        record(_act(EventType.KEY_UPDATED, key, actor, reason=reason, data={"before": before, "after": after}))
    return key


def revoke_key(key_id: int, *, reason: RevokeReason, comment: str, actor: Actor) -> list[str]:
    """End a key for good, with every session made by it and every key that came out of it; return the kids ended.

    What came out of it: a successor nobody used yet, and any key it issued by rotating itself. A second call ends nothing.
    """
    with transaction.atomic():
        family = _locked_family(key_id)
        key = next(each for each in family if each.id == key_id)
        ended = [each for each in [key, *_derived(family, key)] if not each.revoked_at]
        _revoke_all(ended, reason)
        for each in ended:
            data = {"revoke_reason": reason.value, "with": key.kid}
            record(_act(EventType.KEY_REVOKED, each, actor, reason=comment, data=data))
    return [each.kid for each in ended]


def find_key(kid: str) -> ApiKey:
    """Find a key by its public id.

    Raises: KeyNotFoundError.
    """
    key = ApiKey.objects.select_related("partner").filter(kid=kid).first()
    if key is None:
        raise KeyNotFoundError
    return key


def find_imported_key(key_hash: KeyHash) -> ApiKey:
    """Find a key issued elsewhere by the SHA-256 of its text.

    Raises: KeyNotFoundError.
    """
    digests = [bytes(key_digest(pepper, key_hash)) for pepper in pepper_ring()]
    key = ApiKey.objects.select_related("partner").filter(is_imported=True, digest__in=digests).first()
    if key is None:
        raise KeyNotFoundError
    return key


def identify(text: str) -> ApiKey:
    """Find the key a person holds: from its kid, or from the whole text of one issued elsewhere.

    Raises: KeyNotFoundError.
    """
    text = text.strip()
    if len(text) == KID_CHARS:
        return find_key(text)
    kid = text[8 : 8 + KID_CHARS]
    by_hash = Q(is_imported=True, digest__in=_digests(text)) if text.isascii() else Q(pk=None)
    key = ApiKey.objects.select_related("partner").filter(Q(kid=kid) | by_hash).first()
    if key is None:
        raise KeyNotFoundError
    return key


def is_whole_key(text: str, *, of: ApiKey) -> bool:
    """Tell whether a text is the whole of a key, and not just one that carries its kid."""
    digest = bytes(of.digest)
    return text.isascii() and any(hmac.compare_digest(each, digest) for each in _digests(text))


def _digests(text: str) -> list[bytes]:
    return [bytes(key_digest(pepper, hash_key(text))) for pepper in pepper_ring()]


def _new_key(minted: MintedKey, family_id: int, spec: KeySpec, actor: Actor) -> ApiKey:
    pepper = pepper_ring().active
    return ApiKey(
        kid=minted.kid,
        digest=key_digest(pepper, hash_key(minted.plaintext)) if minted.plaintext else secrets.token_bytes(32),
        pepper_id=pepper.id,
        family_id=family_id,
        kind=spec.kind.value,
        environment=spec.environment.value,
        name=spec.name,
        scopes=list(spec.scopes),
        networks=parse_networks(spec.networks) or None,
        setup_per_minute=spec.setup_per_minute,
        handshake_per_minute=spec.handshake_per_minute,
        expires_at=_database_now() + spec.lifetime if spec.lifetime else None,
        created_by=f"key:{actor.id}" if actor.kind is ActorKind.KEY else actor.label or actor.id,
    )


def _spec_of(key: ApiKey) -> KeySpec:
    return KeySpec(
        environment=Environment(key.environment),
        scopes=key.scopes,
        name=key.name,
        kind=KeyKind(key.kind),
        networks=key.networks or (),
        lifetime=key.expires_at - key.created_at if key.expires_at else None,
        setup_per_minute=key.setup_per_minute,
        handshake_per_minute=key.handshake_per_minute,
    )


def _locked(key_id: int) -> ApiKey:
    return next(key for key in _locked_family(key_id) if key.pk == key_id)


def _known(key_id: int) -> ApiKey:
    key = ApiKey.objects.filter(pk=key_id).first()
    if key is None:
        raise KeyNotFoundError
    return key


def _locked_family(key_id: int) -> list[ApiKey]:
    # The partner's row comes first, as in an emergency: whoever waits here then sees the generation it waited for.
    key = _known(key_id)
    Partner.objects.select_for_update(no_key=True).get(pk=key.partner_id)
    return list(ApiKey.objects.select_for_update(no_key=True).filter(key.family_query).order_by("pk"))


def _retire_unused_successors(family: list[ApiKey], key: ApiKey, now: datetime) -> None:
    newer = [each for each in family if each.generation > key.generation and not each.revoked_at and not _is_over(each, now)]
    if any(each.last_used_at for each in newer):
        raise KeyNotRotatableError(reason="successor_in_use")
    _revoke_all(newer, RevokeReason.SUPERSEDED)


def _end_older_grace(family: list[ApiKey], key: ApiKey, now: datetime) -> None:
    older = [each.pk for each in family if each.generation < key.generation and not each.revoked_at]
    ApiKey.objects.filter(pk__in=older).exclude(grace_until__lt=now).update(grace_until=now)


def _derived(family: list[ApiKey], key: ApiKey) -> list[ApiKey]:
    found: list[ApiKey] = []
    makers = {key.kid}
    for each in sorted(family, key=lambda k: k.generation):
        if each.generation <= key.generation:
            continue
        is_its_own = each.created_by.removeprefix("key:") in makers and each.created_by.startswith("key:")
        if is_its_own or each.last_used_at is None:
            makers.add(each.kid)
            found.append(each)
    return found


def _revoke_all(keys: Sequence[ApiKey], reason: RevokeReason) -> None:
    now = _database_now()
    for key in keys:
        key.revoked_at, key.revoke_reason = now, reason.value
    ApiKey.objects.filter(pk__in=[key.pk for key in keys], revoked_at=None).update(revoked_at=now, revoke_reason=reason.value)


def _toggle(key_id: int, *, paused: bool, reason: str, actor: Actor) -> ApiKey:
    with transaction.atomic():
        key = _locked(key_id)
        if key.revoked_at:
            raise KeyStateError(reason="revoked")
        if bool(key.paused_at) is paused:
            return key
        key.paused_at = _database_now() if paused else None
        key.save(update_fields=["paused_at"])
        record(_act(EventType.KEY_PAUSED if paused else EventType.KEY_RESUMED, key, actor, reason=reason))
    return key


def _is_over(key: ApiKey, now: datetime) -> bool:
    return any(end is not None and end <= now for end in (key.expires_at, key.grace_until))


def _fresh(key: ApiKey) -> ApiKey:
    return ApiKey.objects.select_related("partner").get(pk=key.pk)


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('partners_apikey', 'id'))")
        return int(cursor.fetchone()[0])


def _policy(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "kind": key.kind,
        "scopes": [str(scope) for scope in key.scopes],
        "networks": key.networks or [],
        "expires_at": key.expires_at,
    }


def _act(event: EventType, key: ApiKey, actor: Actor, *, reason: str = "", data: Mapping[str, object] | None = None) -> Act:
    partner_id: UUID = key.partner_id
    return Act(event, actor, partner_id, key.environment, "key", key.kid, reason, data or {})
