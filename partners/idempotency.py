"""`Idempotency-Key`: the first answer to a key is kept with the act, and a retry gets it again."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest

from core.errors import FieldProblem, IdempotencyConflictError, InvalidRequestError
from core.principals import Environment, Principal
from partners.models import IdempotencyRecord

_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
JsonBody = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body that may be given again; never holds a secret."""

    status: int
    body: JsonBody
    is_replay: bool = False


def idempotency_key(request: HttpRequest) -> str | None:
    """Read the header.

    Raises: InvalidRequestError unless it is 1 to 255 printable ASCII characters.
    """
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _FORM.fullmatch(key):
        detail = FieldProblem("Idempotency-Key", "Use 1 to 255 printable ASCII characters without spaces.")
        raise InvalidRequestError(reason="idempotency_key", details=[detail])
    return key


def fingerprint(body: bytes) -> bytes:
    """What tells one request body from another."""
    return hashlib.sha256(body).digest()


def answer_once(principal: Principal, *, operation: str, key: str | None, body: bytes, act: Callable[[], Answer]) -> Answer:
    """Run `act` once per key and keep its answer in the act's own transaction; a retry gets the kept answer.

    Of concurrent callers with one key one acts and the others wait for its answer. A refusal (an exception) keeps nothing.
    Raises: IdempotencyConflictError when the key was used with a different body.
    """
    if key is None:
        with transaction.atomic():
            return act()
    return answer_owner_once(principal.partner_id, principal.environment, operation=operation, key=key, body=body, act=act)


def answer_owner_once(
    partner_id: UUID, environment: Environment, *, operation: str, key: str, body: bytes, act: Callable[[], Answer]
) -> Answer:
    """The same for an act that concerns a partner, whoever performs it: a form of staff works once.

    Raises: as `answer_once`.
    """
    with transaction.atomic():
        kept, is_first = IdempotencyRecord.objects.get_or_create(
            partner_id=partner_id,
            environment=environment.value,
            operation=operation,
            key=key,
            defaults={"fingerprint": fingerprint(body)},
        )
        if not is_first:
            return _kept_answer(kept, body)
        answer = act()
        kept.status, kept.answer = answer.status, dict(answer.body)
        kept.save(update_fields=["status", "answer"])
        return answer


def _kept_answer(kept: IdempotencyRecord, body: bytes) -> Answer:
    if bytes(kept.fingerprint) != fingerprint(body) or kept.status is None:
        raise IdempotencyConflictError(reason="idempotency_conflict")
    return Answer(kept.status, kept.answer, is_replay=True)
