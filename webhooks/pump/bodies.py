"""The bytes of deliveries whose endpoint has changed its format since: rendered now, and stored like all others."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from webhooks.canonical import render_body
from webhooks.formats import SignatureFormat
from webhooks.pump.claim import Job
from webhooks.pump.links import Link

_MESSAGES: Final = "SELECT id, data, type, occurred_at FROM webhooks_message WHERE id = ANY(%(ids)s) AND data <> ''"
_STORE: Final = """
INSERT INTO webhooks_messagebody (message_id, style, body)
SELECT * FROM unnest(%(ids)s::bigint[], %(styles)s::text[], %(bodies)s::bytea[]) ON CONFLICT (message_id, style) DO NOTHING
"""
_STORED: Final = """
SELECT b.message_id, b.style, b.body FROM webhooks_messagebody b
JOIN unnest(%(ids)s::bigint[], %(styles)s::text[]) AS wanted(id, style) ON wanted.id = b.message_id AND wanted.style = b.style
"""


async def with_bodies(link: Link, jobs: Sequence[Job]) -> list[Job]:
    """Give each job the stored bytes of its format. What a concurrent caller stores first is what both send.

    A job whose message has no contents any more stays without.
    Raises: psycopg.OperationalError when the database is down.
    """
    missing = {(job.message_pk, job.signature_format.value) for job in jobs if job.body is None}
    if not missing:
        return list(jobs)
    bodies = await _store(link, missing)
    return [
        job if job.body is not None else replace(job, body=bodies.get((job.message_pk, job.signature_format.value)))
        for job in jobs
    ]


async def _store(link: Link, missing: set[tuple[int, str]]) -> dict[tuple[int, str], bytes]:
    found = await link.fetch(_MESSAGES, {"ids": [message_pk for message_pk, _ in missing]})
    messages = {message_pk: rest for message_pk, *rest in found}
    wanted = sorted(key for key in missing if key[0] in messages)
    params = {"ids": [key[0] for key in wanted], "styles": [key[1] for key in wanted]}
    await link.fetch(_STORE, {**params, "bodies": [_render(style, *messages[message_pk]) for message_pk, style in wanted]})
    return {(message_pk, style): bytes(body) for message_pk, style, body in await link.fetch(_STORED, params)}


def _render(style: str, data: bytes, event_type: str, occurred_at: datetime) -> bytes:
    return render_body(bytes(data), event_type=event_type, occurred_at=occurred_at, style=SignatureFormat(style))
