"""Refused requests: equal ones of a minute are counted in memory and become one finished ledger row within seconds."""

import json
import time
from dataclasses import dataclass
from operator import add
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.http import HttpRequest

from audit.events import DELIVERED, NOTES, EventType
from core.batching import Batch
from core.errors import StickerError
from core.http import context_of
from core.net import network_of

# Where the app that knows keys leaves the KeySubject of a secret that stood in a URL or form.
EXPOSED_KEY: Final = "sticker.exposed_key"
# Where a door other than an endpoint of ours leaves its name, for example that of a gateway policy.
PLACE: Final = "sticker.place"
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
    place: str = ""


@dataclass(frozen=True, slots=True)
class KeySubject:
    """The key a refusal is about, once it is known to exist."""

    kid: str = ""
    partner_id: UUID | None = None
    environment: str = ""


NO_KEY: Final = KeySubject()


def count_refusal(request: HttpRequest, error: StickerError) -> None:
    """Count one refusal of an API request. Costs no I/O.

    Only a key that exists is named: an attacker can make up any number of well-formed ones.
    """
    if error.status >= 500:
        return
    meta = request.META
    subject = _subject(request, error)
    _batch.add(
        RefusalKey(
            type=EventType.SECRET_EXPOSED if error.reason in _EXPOSURES else EventType.REFUSAL_COUNTED,
            slug=error.slug,
            reason=error.reason,
            kid=subject.kid or meta.get("sticker.key_prefix", ""),
            partner_id=subject.partner_id,
            environment=subject.environment,
            network=network_of(context_of(request).address),
            minute=int(time.time()) // 60,
            place=meta.get(PLACE, ""),
        ),
        1,
    )


def _subject(request: HttpRequest, error: StickerError) -> KeySubject:
    meta = request.META
    if error.reason in _EXPOSURES:
        exposed: KeySubject = meta.get(EXPOSED_KEY, NO_KEY)
        return exposed
    return KeySubject(meta.get("sticker.kid") or "", meta.get("sticker.partner"), str(meta.get("sticker.environment", "")))


def _write(pending: dict[RefusalKey, int]) -> None:
    rows = [_row(key, count) for key, count in pending.items()]
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO audit_event (type, severity, actor_kind, actor_id, actor_label, partner_id, environment,
                 subject_type, subject_id, reason, data, request_id, count, feed_xid)
               VALUES (%s, %s, 'anonymous', %s, '', %s, %s, %s, %s, %s, %s::jsonb, '', %s,
                 CASE WHEN %s THEN pg_current_xact_id() END)""",
            rows,
        )


def _row(key: RefusalKey, count: int) -> tuple[Any, ...]:
    place = {"place": key.place} if key.place else {}
    data = json.dumps({"slug": key.slug, "network": key.network, "minute": key.minute * 60, **place})
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
        key.type in DELIVERED and key.partner_id is not None,
    )


_batch: Final[Batch[RefusalKey, int]] = Batch("refusals", merge=add, write=_write)
