"""Keys that staff issue or rotate by a form: each form works once, so that a reload of the answer makes no second key."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import transaction

from core.principals import Actor
from partners.idempotency import fingerprint
from partners.models import ApiKey, IdempotencyRecord, Partner
from partners.services.keys import IssuedKey, KeySpec, Overlap, find_key, issue_key, rotate_key

ISSUE: Final = "staff.issue"
ROTATE: Final = "staff.rotate"


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key a form has made; its text is None when the form comes a second time, because it is shown once."""

    key: ApiKey
    plaintext: str | None = field(repr=False)


def issue_key_by_form(partner: Partner, *, spec: KeySpec, form_id: str, actor: Actor) -> ShownKey:
    """Issue a key of a new family, once per form.

    Raises: ValueError when a network is malformed.
    """
    return _once(
        partner.pk,
        str(spec.environment),
        operation=ISSUE,
        form_id=form_id,
        act=lambda: issue_key(partner, spec=spec, actor=actor),
    )


def rotate_key_by_form(key: ApiKey, *, overlap: Overlap, reason: str, form_id: str, actor: Actor) -> ShownKey:
    """Issue a key's successor, once per form.

    Raises: KeyNotRotatableError.
    """

    def act() -> IssuedKey:
        return rotate_key(key.pk, overlap=overlap.delta, reason=reason, actor=actor)

    return _once(key.partner_id, key.environment, operation=ROTATE, form_id=form_id, act=act)


def _once(partner_id: UUID, environment: str, *, operation: str, form_id: str, act: Callable[[], IssuedKey]) -> ShownKey:
    with transaction.atomic():
        kept, is_first = IdempotencyRecord.objects.get_or_create(
            partner_id=partner_id,
            environment=environment,
            operation=operation,
            key=form_id,
            defaults={"fingerprint": fingerprint(form_id.encode())},
        )
        if not is_first:
            return ShownKey(find_key(str(kept.answer["kid"])), None)
        issued = act()
        kept.status, kept.answer = 201, {"kid": issued.key.kid}
        kept.save(update_fields=["status", "answer"])
    return ShownKey(issued.key, issued.plaintext)
