"""The pull feed: every event of a partner in one environment, in the order of commits, so that nothing is ever skipped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from core.feeds import HORIZON_SQL, LAST_ID, Position
from core.principals import Principal

MAX_EVENTS: Final = 500

_PAGE: Final = f"""
SELECT id, feed_xid::text::bigint, message_id, type, version, source, data, partner_org_id, occurred_at
FROM webhooks_message
WHERE partner_id = %(partner)s AND environment = %(environment)s AND feed_xid IS NOT NULL
  AND (feed_xid, id) > (%(xid)s::xid8, %(id)s) AND feed_xid < {HORIZON_SQL}
  AND (%(types)s::text[] IS NULL OR type LIKE ANY(%(types)s::text[]))
ORDER BY feed_xid, id LIMIT %(limit)s
"""  # noqa: S608  # a constant
_NOW: Final = f"SELECT {HORIZON_SQL}::text::bigint"  # a constant


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event of the feed. `data` is the JSON text that deliveries carry."""

    position: Position
    message_id: str
    type: str
    version: int
    source: str
    data: bytes
    partner_org_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Some events, and where to go on: everything up to `next` has been given out, and nothing will ever appear before it."""

    events: Sequence[FeedEvent]
    next: Position
    has_more: bool


def read_feed(principal: Principal, *, after: Position, limit: int, patterns: Sequence[str] = ()) -> FeedPage:
    """The next events behind a position, at most `limit`."""
    params = {
        "partner": principal.partner_id,
        "environment": principal.environment.value,
        "xid": str(after.xid),
        "id": after.id,
        "types": [_like(each) for each in patterns] or None,
        "limit": limit + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, params)
        rows = cursor.fetchall()
    events = [_event(row) for row in rows[:limit]]
    return FeedPage(events, events[-1].position if events else after, has_more=len(rows) > limit)


def present_position() -> Position:
    """Where the feed ends now: whoever goes on from here gets what is committed from now on."""
    with connection.cursor() as cursor:
        cursor.execute(_NOW)
        return Position(int(cursor.fetchone()[0]) - 1, LAST_ID)


def _like(pattern: str) -> str:
    return pattern.replace("_", r"\_").replace("*", "%")


def _event(row: tuple[Any, ...]) -> FeedEvent:
    id_, xid, message_id, type_, version, source, data, partner_org_id, occurred_at = row
    return FeedEvent(Position(xid, id_), message_id, type_, version, source, bytes(data), partner_org_id, occurred_at)
