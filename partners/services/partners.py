"""The life of a partner: create, change, suspend, and the emergency that ends everything of it at once."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
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
from partners.models import HTTPS_ORIGIN, LOCAL_ORIGIN, ApiKey, Partner, PartnerOrigin, PartnerStatus, RevokeReason


@dataclass(frozen=True, slots=True)
class EmergencyResult:
    """What an emergency ended: the kids it revoked (empty when all were dead already), and the epoch now in force."""

    partner: Partner
    kids: list[str]
    auth_epoch: int


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


def record_partner_change(partner: Partner, *, changes: Mapping[str, object], actor: Actor) -> None:
    """Write the ledger row for a staff edit of name, contacts or limits, inside that edit's transaction."""
    Partner.objects.filter(pk=partner.pk).update(updated_at=Now())
    record(_act(EventType.PARTNER_UPDATED, partner, actor, data=changes))


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


def emergency_revoke(partner_id: UUID, *, reason: str, actor: Actor) -> EmergencyResult:
    """Revoke every key of a partner as compromised and end everything that came out of them, in one transaction.

    Needs the database and nothing else. Safe to call twice: the second call finds no key to revoke.
    """
    with transaction.atomic():
        partner = _locked(partner_id)
        live = ApiKey.objects.select_for_update().filter(partner=partner, revoked_at=None).order_by("pk")
        kids = list(live.values_list("kid", flat=True))
        ApiKey.objects.filter(partner=partner, revoked_at=None).update(revoked_at=Now(), revoke_reason=RevokeReason.COMPROMISE)
        Partner.objects.filter(pk=partner.pk).update(auth_epoch=F("auth_epoch") + 1, updated_at=Now())
        record(_act(EventType.PARTNER_EMERGENCY_REVOKED, partner, actor, reason=reason, data={"kids": kids}))
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
    partner = Partner.objects.select_for_update().filter(pk=partner_id).first()
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
