"""Refused requests: equal ones of a minute are counted in memory and become one finished ledger row within seconds."""

import json
import time
from dataclasses import dataclass
from operator import add
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.http import HttpRequest

from audit.events import NOTES, EventType
from core.batching import Batch
from core.credentials import kid_in
from core.errors import StickerError
from core.http import context_of, secrets_in_query
from core.net import network_of

_EXPOSURES: Final = frozenset({"secret_in_query", "secret_in_form"})


@dataclass(frozen=True, slots=True)
class RefusalKey:
    """What makes two refusals equal: the exact reason, the known key or only its prefix, the network and the minute."""

    type: EventType
    slug: str
    reason: str
    kid: str
    partner_id: UUID | None
    environment: str
    network: str
    minute: int


def count_refusal(request: HttpRequest, error: StickerError) -> None:
    """Count one refusal of an API request. Costs no I/O.

    Only a key that exists is named: an attacker can make up any number of well-formed ones.
    """
    if error.status >= 500:
        return
    meta = request.META
    is_exposure = error.reason in _EXPOSURES
    kid = meta.get("sticker.kid") or (_exposed_kid(request) if is_exposure else "")
    _batch.add(
        RefusalKey(
            type=EventType.SECRET_EXPOSED if is_exposure else EventType.REFUSAL_COUNTED,
            slug=error.slug,
            reason=error.reason,
            kid=kid or meta.get("sticker.key_prefix", ""),
            partner_id=meta.get("sticker.partner"),
            environment=str(meta.get("sticker.environment", "")),
            network=network_of(context_of(request).address),
            minute=int(time.time()) // 60,
        ),
        1,
    )


def _exposed_kid(request: HttpRequest) -> str:
    for text in secrets_in_query(request):
        kid = kid_in(text)
        if kid:
            return kid
    return ""


def _write(pending: dict[RefusalKey, int]) -> None:
    rows = [_row(key, count) for key, count in pending.items()]
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO audit_event (type, severity, actor_kind, actor_id, actor_label, partner_id, environment,
                 subject_type, subject_id, reason, data, request_id, count)
               VALUES (%s, %s, 'anonymous', %s, '', %s, %s, %s, %s, %s, %s::jsonb, '', %s)""",
            rows,
        )


def _row(key: RefusalKey, count: int) -> tuple[Any, ...]:
    data = json.dumps({"slug": key.slug, "network": key.network, "minute": key.minute * 60})
    return (
        key.type.value,
        NOTES[key.type].severity.value,
        key.network or "unknown",
        key.partner_id,
        key.environment,
        "key" if key.kid else "",
        key.kid,
        key.reason,
        data,
        count,
    )


_batch: Final[Batch[RefusalKey, int]] = Batch("refusals", merge=add, write=_write)
