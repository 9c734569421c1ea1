"""The life of a partner: create, change, suspend, and the emergency that ends everything of it at once."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core import base62
from core.errors import AlreadyExistsError, FieldProblem, InvalidRequestError
from core.principals import Actor, Environment
from partners.errors import PartnerNotFoundError
from partners.models import (
    HTTPS_ORIGIN,
    LOCAL_ORIGIN,
    ApiKey,
    Partner,
    PartnerContact,
    PartnerOrigin,
    PartnerStatus,
    RevokeReason,
)


@dataclass(frozen=True, slots=True)
class EmergencyResult:
    """What an emergency ended: the kids it revoked (empty when all were dead already), and the epoch now in force."""

    partner: Partner
    kids: list[str]
    auth_epoch: int


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at the partner and what they are asked about."""

    name: str
    email: str
    role: str


def create_partner(name: str, *, actor: Actor, slug: str | None = None) -> Partner:
    """Create an active partner; without a slug one is made from the name.

    Raises: AlreadyExistsError when a given slug is taken; InvalidRequestError when it is malformed.
    """
    name = name.strip()
    chosen = slug if slug is not None else _slug_from(name)
    _check_partner(name, chosen)
    try:
        with transaction.atomic():
            partner = Partner.objects.create(name=name, slug=chosen)
            record(_act(EventType.PARTNER_CREATED, partner, actor, data={"name": name, "slug": chosen}))
    except IntegrityError as error:
        if not Partner.objects.filter(slug=chosen).exists():
            raise
        if slug is None:
            return create_partner(name, actor=actor, slug=f"{chosen[:55]}-{base62.random_text(6).lower()}")
        raise AlreadyExistsError("A partner with this slug exists.", reason="slug_taken") from error
    return Partner.objects.get(pk=partner.pk)


def set_origins(partner_id: UUID, *, environment: Environment, origins: Sequence[str], actor: Actor) -> list[str]:
    """Replace the origins that may frame the partner's embed page in one environment; exact origins, never a pattern.

    Raises: InvalidRequestError naming each origin that is not `https://host[:port]` (in test also http on localhost).
    """
    wanted = sorted({origin.strip().rstrip("/").lower() for origin in origins if origin.strip()})
    wrong = [origin for origin in wanted if not is_origin(origin, environment)]
    if wrong:
        raise InvalidRequestError(
            details=[FieldProblem("origins", f"{origin} is not an exact https origin.") for origin in wrong]
        )
    with transaction.atomic():
        partner = _locked(partner_id)
        before = list(partner.origins.filter(environment=environment).order_by("origin").values_list("origin", flat=True))
        if before == wanted:
            return wanted
        partner.origins.filter(environment=environment).delete()
        PartnerOrigin.objects.bulk_create(
            PartnerOrigin(partner=partner, environment=environment, origin=each) for each in wanted
        )
        data = {"origins": {"before": before, "after": wanted}}
        record(_act(EventType.PARTNER_UPDATED, partner, actor, environment=environment, data=data))
    return wanted


def is_origin(text: str, environment: Environment) -> bool:
    """Tell whether a text is an exact origin allowed in an environment."""
    if re.fullmatch(HTTPS_ORIGIN, text):
        return True
    return environment is Environment.TEST and re.fullmatch(LOCAL_ORIGIN, text) is not None


def update_partner(
    partner_id: UUID, *, name: str, setup_per_minute: int | None, handshake_per_minute: int | None, actor: Actor
) -> Partner:
    """Change a partner's name and its limits in calls a minute (None: the default). Nothing changed, nothing recorded.

    Raises: InvalidRequestError naming each wrong field; PartnerNotFoundError.
    """
    after = {"name": name.strip(), "setup_per_minute": setup_per_minute, "handshake_per_minute": handshake_per_minute}
    with transaction.atomic():
        partner = _locked(partner_id)
        _check_partner(name.strip(), partner.slug)
        _check_limits(after)
        changes = {each: (getattr(partner, each), new) for each, new in after.items() if getattr(partner, each) != new}
        if changes:
            Partner.objects.filter(pk=partner.pk).update(**after, updated_at=Now())
            data = {each: {"before": before, "after": new} for each, (before, new) in changes.items()}
            record(_act(EventType.PARTNER_UPDATED, partner, actor, data=data))
    return Partner.objects.get(pk=partner.pk)


def set_contacts(partner_id: UUID, *, contacts: Sequence[Contact], actor: Actor) -> list[Contact]:
    """Replace the people who are told about expiry and incidents; the ledger keeps how many of each role, not who.

    Raises: InvalidRequestError when one e-mail address stands twice; PartnerNotFoundError.
    """
    emails = [contact.email.lower() for contact in contacts]
    if len(set(emails)) < len(emails):
        raise InvalidRequestError(details=[FieldProblem("contacts", "Each e-mail address may stand once.")])
    with transaction.atomic():
        partner = _locked(partner_id)
        before = [Contact(each.name, each.email, each.role) for each in partner.contacts.order_by("pk")]
        if before == list(contacts):
            return before
        partner.contacts.all().delete()
        PartnerContact.objects.bulk_create(
            PartnerContact(partner=partner, name=each.name, email=each.email, role=each.role) for each in contacts
        )
        data = {"contacts": {"before": Counter(each.role for each in before), "after": Counter(each.role for each in contacts)}}
        record(_act(EventType.PARTNER_UPDATED, partner, actor, data=data))
    return list(contacts)


def suspend_partner(partner_id: UUID, *, reason: str, actor: Actor) -> Partner:
    """Refuse every key of a partner from the next request on, and end its sessions. Safe to call twice."""
    with transaction.atomic():
        partner = _locked(partner_id)
        if not partner.is_active:
            return partner
        partner.status = PartnerStatus.SUSPENDED
        Partner.objects.filter(pk=partner.pk).update(status=partner.status, auth_epoch=F("auth_epoch") + 1, updated_at=Now())
        record(_act(EventType.PARTNER_SUSPENDED, partner, actor, reason=reason))
    return Partner.objects.get(pk=partner.pk)


def reactivate_partner(partner_id: UUID, *, reason: str, actor: Actor) -> Partner:
    """Let a suspended partner in again; sessions that suspension ended stay ended. Safe to call twice."""
    with transaction.atomic():
        partner = _locked(partner_id)
        if partner.is_active:
            return partner
        partner.status = PartnerStatus.ACTIVE
        Partner.objects.filter(pk=partner.pk).update(status=partner.status, updated_at=Now())
        record(_act(EventType.PARTNER_REACTIVATED, partner, actor, reason=reason))
    return partner


EmergencyHook = Callable[[UUID], Mapping[str, int]]
_emergency_hooks: list[EmergencyHook] = []


def in_emergency(hook: EmergencyHook) -> None:
    """Register what ends a partner's credentials of another kind, within the same transaction; it tells how many of what."""
    _emergency_hooks.append(hook)


def emergency_revoke(partner_id: UUID, *, reason: str, actor: Actor) -> EmergencyResult:
    """Revoke every credential of a partner as compromised and end everything that came out of them, in one transaction.

    Needs the database and nothing else. Safe to call twice: the second call finds no key to revoke.
    """
    with transaction.atomic():
        partner = _locked(partner_id)
        live = ApiKey.objects.select_for_update(no_key=True).filter(partner=partner, revoked_at=None).order_by("pk")
        kids = list(live.values_list("kid", flat=True))
        ApiKey.objects.filter(partner=partner, revoked_at=None).update(revoked_at=Now(), revoke_reason=RevokeReason.COMPROMISE)
        Partner.objects.filter(pk=partner.pk).update(auth_epoch=F("auth_epoch") + 1, updated_at=Now())
        ended = {what: count for hook in _emergency_hooks for what, count in hook(partner.pk).items()}
        data = {"kids": kids, **ended}
        record(_act(EventType.PARTNER_EMERGENCY_REVOKED, partner, actor, reason=reason, data=data))
    return EmergencyResult(partner, kids, partner.auth_epoch + 1)


def find_partner(identifier: str) -> Partner:
    """Find a partner by id or slug.

    Raises: PartnerNotFoundError.
    """
    try:
        partner = Partner.objects.filter(pk=UUID(identifier)).first()
    except ValueError:
        partner = Partner.objects.filter(slug=identifier).first()
    if partner is None:
        raise PartnerNotFoundError
    return partner


def _locked(partner_id: UUID) -> Partner:
    partner = Partner.objects.select_for_update(no_key=True).filter(pk=partner_id).first()
    if partner is None:
        raise PartnerNotFoundError
    return partner


def _slug_from(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or f"partner-{base62.random_text(6).lower()}"


def _check_partner(name: str, slug: str) -> None:
    problems = []
    if not 1 <= len(name) <= 120 or not name.isprintable():
        problems.append(FieldProblem("name", "A name has 1 to 120 printable characters."))
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", slug):
        problems.append(FieldProblem("slug", "A slug has 1 to 63 lower-case letters, digits and inner hyphens."))
    if problems:
        raise InvalidRequestError(details=problems)


def _check_limits(limits: Mapping[str, object]) -> None:
    wrong = [name for name, limit in limits.items() if isinstance(limit, int) and limit < 1]
    if wrong:
        raise InvalidRequestError(details=[FieldProblem(name, "A limit is at least 1 call a minute.") for name in wrong])


def _act(
    event: EventType,
    partner: Partner,
    actor: Actor,
    *,
    environment: str = "",
    reason: str = "",
    data: Mapping[str, object] | None = None,
) -> Act:
    return Act(event, actor, partner.pk, environment, "partner", str(partner.pk), reason, data or {})
