"""A key rotating itself: the same act as staff's, made safe against a lost answer."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from core.principals import Actor, Principal
from partners.idempotency import Answer, answer_once
from partners.models import ApiKey
from partners.services.keys import find_key, rotate_key


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """The successor; its text is None when an Idempotency-Key is repeated, because no answer with a secret is kept."""

    key: ApiKey
    previous_kid: str
    previous_works_until: datetime
    plaintext: str | None = field(repr=False)


def rotate_own_key(
    principal: Principal, *, overlap: timedelta, reason: str, idempotency_key: str | None, actor: Actor
) -> RotatedKey:
    """Issue the caller's successor.

    The same Idempotency-Key tells again which kid was made; a new one replaces a successor that was never used.
    Raises: KeyNotRotatableError; IdempotencyConflictError when the key was used with another overlap.
    """
    issued: list[str] = []

    def act() -> Answer:
        made = rotate_key(principal.key_id, overlap=overlap, reason=reason, actor=actor)
        issued.append(made.plaintext)
        return Answer(201, {"kid": made.key.kid})

    with transaction.atomic():
        request = f"{principal.kid} {int(overlap.total_seconds())}".encode()
        answer = answer_once(principal, operation="key.rotate", key=idempotency_key, body=request, act=act)
        previous = ApiKey.objects.get(pk=principal.key_id)
        works_until = previous.grace_until or previous.created_at
        return RotatedKey(find_key(answer.body["kid"]), principal.kid, works_until, issued[0] if issued else None)
