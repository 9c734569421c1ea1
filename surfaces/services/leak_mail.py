"""Telling a partner's people that credentials of theirs were found and ended: one mail, in a thread of its own."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from smtplib import SMTPException
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage

from partners.models import ContactRole, Partner, PartnerContact

MAX_WAITING: Final = 200
_MAX_LINES: Final = 50
_WHAT: Final = {
    "key": "API key",
    "session": "session",
    "login": "login of a customer",
    "client": "client of a reseller",
    "reseller": "account of a reseller",
}

log = structlog.get_logger("sticker.leaks")


@dataclass(frozen=True, slots=True)
class LeakNotice:
    """Credentials of a partner that a report ended, by their public ids, and where they were found as far as is told."""

    partner_id: UUID
    environment: str
    subject_type: str
    ended: Sequence[str]
    url: str


def mail_notices(notices: Sequence[LeakNotice]) -> None:
    """Have each partner's technical and security contacts told, in one mail. Returns at once; a failure is logged.

    Without a mail server configured nothing is sent.
    """
    if not notices or not settings.EMAIL_HOST:
        return
    by_partner: dict[UUID, list[LeakNotice]] = defaultdict(list)
    for notice in notices:
        by_partner[notice.partner_id].append(notice)
    for partner_id, of_partner in by_partner.items():
        _post(partner_id, of_partner)


def await_mail(*, seconds: float) -> None:
    """Wait until every mail of this process has gone out or failed."""
    wait(tuple(_waiting), timeout=seconds)


def _post(partner_id: UUID, notices: list[LeakNotice]) -> None:
    roles = (ContactRole.TECHNICAL, ContactRole.SECURITY)
    contacts = PartnerContact.objects.filter(partner_id=partner_id, role__in=roles).order_by("email")
    addresses = list(contacts.values_list("email", flat=True))
    if not addresses or len(_waiting) >= MAX_WAITING:
        log.warning("leaks.nobody_told", partner=str(partner_id), waiting=len(_waiting))
        return
    name = Partner.objects.values_list("name", flat=True).get(pk=partner_id)
    message = EmailMessage("A leaked credential was revoked", _text(name, notices), to=addresses)
    sending = _thread.submit(_send, message, partner_id)
    _waiting.add(sending)
    sending.add_done_callback(_waiting.discard)


def _send(message: EmailMessage, partner_id: UUID) -> None:
    try:
        message.send()
    except (OSError, SMTPException, ValueError) as error:
        log.error("leaks.mail_failed", partner=str(partner_id), error=type(error).__name__)


def _text(name: str, notices: list[LeakNotice]) -> str:
    lines = [line for notice in notices for line in _lines(notice)]
    more = [f"- and {len(lines) - _MAX_LINES} more"] if len(lines) > _MAX_LINES else []
    return "\n".join(
        [
            f"Somebody found credentials of {name} where they should not be, and reported them. They were revoked at once:",
            "",
            *lines[:_MAX_LINES],
            *more,
            "",
            "What used them is refused from now on. Issue new ones, put them in place, and find out how the old ones got out.",
            "Your contact with us can show you what they did and from where.",
            "",
            "We never ask for a key by mail. This message holds none, and neither should your answer.",
        ]
    )


def _lines(notice: LeakNotice) -> list[str]:
    place = f", found at {notice.url}" if notice.url else ""
    return [f"- {_WHAT[notice.subject_type]} {each} ({notice.environment}){place}" for each in notice.ended]


# One thread: mails are few, and none may hold a request up. It ends with the process, after what was begun.
_thread: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="leak-mail")
_waiting: Final[set["Future[None]"]] = set()
