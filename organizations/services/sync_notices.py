"""Telling partners, again and in writing, that an organization needs them: at once, after a day and after a week."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from smtplib import SMTPException
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction

from audit.events import EventType
from audit.services import Act, record
from core.principals import Actor
from organizations.models import GrantState
from organizations.sync_reasons import MEANINGS, SyncReason
from partners.models import ContactRole, PartnerContact

BATCH: Final = 200
LISTED: Final = 50
_EVENTS: Final = {
    GrantState.REAUTHORIZATION_REQUIRED: EventType.ORGANIZATION_REAUTHORIZATION_REQUIRED,
    GrantState.CONFIG_ERROR: EventType.ORGANIZATION_SYNC_FAILING,
}
log = structlog.get_logger("sticker.sync")

# The third notice, a week after the first, is the last one.
_REMIND: Final = """
WITH due AS (
  SELECT id FROM organizations_oauthgrant WHERE next_notice_at <= clock_timestamp()
  ORDER BY next_notice_at LIMIT %(rows)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE organizations_oauthgrant g
SET notices = g.notices + 1,
    next_notice_at = CASE WHEN g.notices < 2 THEN clock_timestamp() + interval '6 days' END
FROM due WHERE g.id = due.id
RETURNING g.organization_id, g.partner_id, g.environment, g.state, g.reason, g.notices
"""
_UNMAILED: Final = """
WITH due AS (
  SELECT id FROM organizations_oauthgrant WHERE mailed_notices < notices
  ORDER BY id LIMIT %(rows)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE organizations_oauthgrant g SET mailed_notices = g.notices
FROM due, organizations_organization o, partners_partner p
WHERE g.id = due.id AND o.id = g.organization_id AND p.id = g.partner_id
RETURNING g.partner_id, p.name, g.environment, o.external_id, g.state, g.reason, g.notices
"""
_UNMAILED_PROVIDERS: Final = """
UPDATE organizations_oauthprovider v SET is_mailed = true FROM partners_partner p
WHERE NOT v.is_mailed AND v.misconfigured_at IS NOT NULL AND p.id = v.partner_id
RETURNING v.partner_id, p.name, v.environment, '', 'provider', v.misconfigured_reason, 1
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One organization (or the provider itself, without an organization's id) that waits for its partner."""

    partner_id: UUID
    partner_name: str
    environment: str
    external_id: str
    state: str
    reason: str
    notices: int


def send_notices(*, actor: Actor) -> int:
    """Remind partners of what still waits for them, and mail whatever was not mailed yet; return how many mails went out.

    Safe to run at the same time: each notice is recorded and mailed by one run. A mail is not repeated when it fails.
    """
    while _remind(actor):
        pass
    mailed = 0
    while troubles := _claim(_UNMAILED):
        mailed += _mail_all(troubles)
    return mailed + _mail_all(_claim(_UNMAILED_PROVIDERS))


def _remind(actor: Actor) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_REMIND, {"rows": BATCH})
            rows = cursor.fetchall()
        for organization_id, partner_id, environment, state, reason, notices in rows:
            event = _EVENTS.get(state, EventType.ORGANIZATION_SYNC_FAILING)
            data = {"reason": reason, "notice": notices}
            subject = ("organization", str(organization_id))
            record(Act(event, actor, partner_id, environment, *subject, data=data))
    return len(rows)


def _claim(sql: str) -> list[Trouble]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"rows": BATCH})
        return [Trouble(*row) for row in cursor.fetchall()]


def _mail_all(troubles: Iterable[Trouble]) -> int:
    by_partner: dict[UUID, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        by_partner[trouble.partner_id].append(trouble)
    if not by_partner or not settings.EMAIL_HOST:
        return 0
    try:
        with get_connection() as server:
            return sum(_mail(server, partner_id, mine) for partner_id, mine in by_partner.items())
    except (OSError, SMTPException) as error:
        log.error("sync.mail_server_failed", partners=len(by_partner), error=type(error).__name__)
        return 0


def _mail(server: BaseEmailBackend, partner_id: UUID, troubles: Sequence[Trouble]) -> int:
    contacts = PartnerContact.objects.filter(partner_id=partner_id, role=ContactRole.TECHNICAL).order_by("email")
    addresses = list(contacts.values_list("email", flat=True))
    if not addresses:
        log.warning("sync.nobody_to_tell", partner=str(partner_id))
        return 0
    try:
        return EmailMessage(_subject(troubles), _text(troubles), to=addresses, connection=server).send()
    except (SMTPException, ValueError) as error:
        log.error("sync.mail_failed", partner=str(partner_id), error=type(error).__name__)
        return 0


def _subject(troubles: Sequence[Trouble]) -> str:
    if any(each.state == "provider" for each in troubles):
        return "Your OAuth provider does not accept us"
    count = len(troubles)
    return "An organization must be connected again" if count == 1 else f"{count} organizations need you to be synced again"


def _text(troubles: Sequence[Trouble]) -> str:
    lines = [f"- {_name(each)}: {_why(each.reason)}" for each in troubles[:LISTED]]
    if len(troubles) > LISTED:
        lines.append(f"- and {len(troubles) - LISTED} more")
    return "\n".join(
        [
            f"These organizations of {troubles[0].partner_name} are not synced any more:",
            "",
            *lines,
            "",
            "Have each one authorized again, or hand over new tokens: PUT /v1/organizations/{internalOrgId}/oauth.",
            "GET the same address to see how it stands. Users who are removed on your side keep their access here until then.",
            "",
            "We never ask for a token by mail. This message holds none, and neither should your answer.",
        ]
    )


def _name(trouble: Trouble) -> str:
    whom = "all of them" if trouble.state == "provider" else trouble.external_id
    return f"{whom} ({trouble.environment})"


def _why(reason: str) -> str:
    return MEANINGS[SyncReason(reason)] if reason in set(SyncReason) else "See the API."
