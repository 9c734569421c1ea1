"""Mails about endpoints in trouble, to the partner's technical contacts: another way than the one that does not work."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPException
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from partners.models import ContactRole, PartnerContact

log = structlog.get_logger("sticker.webhooks")


@dataclass(frozen=True, slots=True)
class EndpointTrouble:
    """An endpoint to which nothing could be delivered since an instant."""

    endpoint_id: UUID
    partner_id: UUID
    environment: str
    url: str
    failing_since: datetime
    failures: int
    warned_hours: int


def mail_trouble(troubles: Iterable[EndpointTrouble], *, is_disabled: bool) -> int:
    """Tell each partner of its endpoints in trouble, in one mail; return how many mails went out.

    Without a mail server configured nothing is sent. A failure is logged and does not stop the other mails.
    """
    by_partner: dict[UUID, list[EndpointTrouble]] = defaultdict(list)
    for trouble in troubles:
        by_partner[trouble.partner_id].append(trouble)
    if not by_partner or not settings.EMAIL_HOST:
        return 0
    try:
        with get_connection() as server:
            return sum(_mail(server, partner_id, mine, is_disabled) for partner_id, mine in by_partner.items())
    except (OSError, SMTPException) as error:
        log.error("webhooks.mail_server_failed", partners=len(by_partner), error=type(error).__name__)
        return 0


def _mail(server: BaseEmailBackend, partner_id: UUID, troubles: Sequence[EndpointTrouble], is_disabled: bool) -> int:
    contacts = PartnerContact.objects.filter(partner_id=partner_id, role=ContactRole.TECHNICAL).order_by("email")
    addresses = list(contacts.values_list("email", flat=True))
    if not addresses:
        log.warning("webhooks.nobody_to_tell", partner=str(partner_id))
        return 0
    try:
        subject = "A webhook endpoint was disabled" if is_disabled else "A webhook endpoint is failing"
        return EmailMessage(subject, _text(troubles, is_disabled), to=addresses, connection=server).send()
    except (SMTPException, ValueError) as error:
        log.error("webhooks.mail_failed", partner=str(partner_id), error=type(error).__name__)
        return 0


def _text(troubles: Sequence[EndpointTrouble], is_disabled: bool) -> str:
    lines = [
        f"- {each.endpoint_id} ({each.environment}, {_host(each.url)}): {each.failures} failures since"
        f" {each.failing_since:%Y-%m-%d %H:%M} UTC"
        for each in troubles
    ]
    what = "have been disabled after five days" if is_disabled else "have taken no delivery for a day or longer"
    then = (
        "Their events are kept. Once the receiver works, enable the endpoint: what waits is delivered in its order."
        if is_disabled
        else "Deliveries are tried again all the time. After five days without a success an endpoint is disabled."
    )
    return "\n".join([f"These webhook endpoints {what}:", "", *lines, "", then, "", "The delivery log says what came back."])


def _host(url: str) -> str:
    return url.split("/", 3)[2]
