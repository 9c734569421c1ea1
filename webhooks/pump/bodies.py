"""The bytes of a delivery whose endpoint has changed its format since: rendered now, and stored like all others."""

from dataclasses import replace
from typing import Final

from webhooks.canonical import render_body
from webhooks.pump.claim import Job
from webhooks.pump.links import Link

_MESSAGE: Final = "SELECT data, type, occurred_at FROM webhooks_message WHERE id = %(id)s AND data <> ''"
_STORE: Final = """
WITH made AS (
  INSERT INTO webhooks_messagebody (message_id, style, body) VALUES (%(id)s, %(style)s, %(body)s)
  ON CONFLICT (message_id, style) DO NOTHING RETURNING body
)
SELECT body FROM made UNION ALL SELECT body FROM webhooks_messagebody WHERE message_id = %(id)s AND style = %(style)s
"""


async def with_body(link: Link, job: Job) -> Job:
    """Give a job the stored bytes of its format. What a concurrent caller stores first is what both send.

    Raises: psycopg.OperationalError when the database is down.
    """
    if job.body is not None:
        return job
    rows = await link.fetch(_MESSAGE, {"id": job.message_pk})
    if not rows:
        return job
    data, event_type, occurred_at = rows[0]
    body = render_body(bytes(data), event_type=event_type, occurred_at=occurred_at, style=job.signature_format)
    stored = await link.fetch(_STORE, {"id": job.message_pk, "style": job.signature_format.value, "body": body})
    return replace(job, body=bytes(stored[0][0]) if stored else body)
