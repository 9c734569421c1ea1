"""Keys that come close to their end: one ledger row per key and threshold, and a mail to the partner's people."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
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
from partners.models import ContactRole, PartnerContact

BATCH_KEYS: Final = 200

log = structlog.get_logger("sticker.expiry")

# A key is warned of at the narrowest threshold it has reached, unless it was already, or never lived longer than that.
# A key that has a successor needs no warning, and a suspended partner gets none.
_CLAIM: Final = """
WITH due AS (
  SELECT k.id, t.days, p.name AS partner_name
  FROM partners_apikey k
  JOIN partners_partner p ON p.id = k.partner_id AND p.status = 'active'
  CROSS JOIN LATERAL (
    SELECT days FROM (VALUES (1), (7), (30)) AS t(days)
    WHERE k.expires_at <= %(now)s + make_interval(days => days)
    ORDER BY days LIMIT 1
  ) t
  WHERE k.expires_at > %(now)s AND k.revoked_at IS NULL AND k.paused_at IS NULL AND k.grace_until IS NULL
    AND k.expires_at > k.created_at + make_interval(days => t.days)
    AND (k.expiry_warned_days IS NULL OR k.expiry_warned_days > t.days)
  ORDER BY k.id LIMIT %(rows)s
  FOR NO KEY UPDATE OF k SKIP LOCKED
)
UPDATE partners_apikey k SET expiry_warned_days = due.days FROM due WHERE k.id = due.id
RETURNING k.kid, k.name, k.environment, k.partner_id, due.partner_name, due.days, k.expires_at
"""


@dataclass(frozen=True, slots=True)
class ExpiryWarning:
    """One key that ends within `days` days."""

    kid: str
    name: str
    environment: str
    partner_id: UUID
    partner_name: str
    days: int
    expires_at: datetime


def warn_expiring_keys(*, now: datetime, actor: Actor) -> int:
    """Record each key that expires within 30, 7 or 1 days, once per threshold, and mail its partner; return how many.

    Safe to run twice and at the same time: of concurrent runs exactly one records a key's threshold. The mails go out after
    the record stands; one that cannot be sent is logged.
    """
    warned = 0
    while batch := _record_batch(now, actor):
        warned += len(batch)
        mail_warnings(batch)
    return warned


def mail_warnings(warnings: Iterable[ExpiryWarning]) -> int:
    """Tell each partner's technical and security contacts of its keys, in one mail; return how many mails went out.

    Without a mail server configured nothing is sent. A failure is logged and does not stop the other mails.
    """
    if not settings.EMAIL_HOST:
        return 0
    by_partner: dict[UUID, list[ExpiryWarning]] = defaultdict(list)
    for warning in warnings:
        by_partner[warning.partner_id].append(warning)
    try:
        with get_connection() as server:
            return sum(_mail(server, partner_id, of_partner) for partner_id, of_partner in by_partner.items())
    except (OSError, SMTPException) as error:
        log.error("expiry.mail_server_failed", partners=len(by_partner), error=type(error).__name__)
        return 0


def _record_batch(now: datetime, actor: Actor) -> list[ExpiryWarning]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"now": now, "rows": BATCH_KEYS})
            batch = [ExpiryWarning(*row) for row in cursor.fetchall()]
        for warning in batch:
            record(_act(warning, actor))
    return batch


def _act(warning: ExpiryWarning, actor: Actor) -> Act:
    data = {"days": warning.days, "expires_at": warning.expires_at}
    return Act(EventType.KEY_EXPIRY_WARNED, actor, warning.partner_id, warning.environment, "key", warning.kid, data=data)


def _mail(server: BaseEmailBackend, partner_id: UUID, warnings: list[ExpiryWarning]) -> int:
    roles = (ContactRole.TECHNICAL, ContactRole.SECURITY)
    contacts = PartnerContact.objects.filter(partner_id=partner_id, role__in=roles).order_by("email")
    addresses = list(contacts.values_list("email", flat=True))
    if not addresses:
        log.warning("expiry.nobody_to_tell", partner=str(partner_id))
        return 0
    try:
        return EmailMessage(_subject(warnings), _text(warnings), to=addresses, connection=server).send()
    except (SMTPException, ValueError) as error:
        log.error("expiry.mail_failed", partner=str(partner_id), error=type(error).__name__)
        return 0


def _subject(warnings: list[ExpiryWarning]) -> str:
    days = min(warning.days for warning in warnings)
    what = "An API key expires" if len(warnings) == 1 else f"{len(warnings)} API keys expire"
    return f"{what} within {days} {'day' if days == 1 else 'days'}"


def _text(warnings: list[ExpiryWarning]) -> str:
    lines = [
        f"- {warning.kid} ({warning.name}, {warning.environment}): {warning.expires_at:%Y-%m-%d %H:%M} UTC"
        for warning in sorted(warnings, key=lambda each: each.expires_at)
    ]
    return "\n".join(
        [
            f"These API keys of {warnings[0].partner_name} expire soon:",
            "",
            *lines,
            "",
            "Rotate each one before then: POST /v1/keys/self/rotate with the key itself, or ask your contact with us.",
            "The old key keeps working for the overlap you choose, so nothing needs to stop.",
            "",
            "We never ask for a key by mail. This message holds none, and neither should your answer.",
        ]
    )
