"""How ledger rows look to staff, in the ledger's own list and on the pages of what they speak of."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_display import NOTHING, badge, link, moment
from audit.events import NOTES, EventType
from audit.models import Event
from audit.partner_names import name_partners

ROWS_SHOWN: Final = 20
TONES: Final = {"info": "plain", "notice": "info", "warning": "warn", "critical": "bad"}
_PAGES: Final = {
    "key": "partners_apikey_change",
    "partner": "partners_partner_change",
    "session": "sessions_app_sessiontoken_change",
    "organization": "organizations_organization_change",
    "profile": "organizations_profile_change",
    "route": "surfaces_route_change",
    "order": "surfaces_order_change",
    "payment": "surfaces_payment_change",
    "endpoint": "webhooks_endpoint_change",
    "delivery": "webhooks_delivery_change",
    "player_issuer": "surfaces_playerissuer_change",
    "oauth_provider": "organizations_oauthprovider_change",
}
_KID: Final = re.compile(r"[0-9A-Za-z]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A ledger row ready to show on a page, with the name of its partner."""

    event: Event
    partner: SafeString
    when: SafeString
    what: SafeString
    subject: SafeString
    actor: SafeString


def ledger_lines(events: Iterable[Event]) -> list[LedgerLine]:
    """The first rows of a question to the ledger, ready to show."""
    rows = list(events[:ROWS_SHOWN] if isinstance(events, QuerySet) and not events.query.is_sliced else events)
    names: Mapping[UUID, str] = name_partners(rows)
    return [_line(row, names.get(row.partner_id, "") if row.partner_id else "") for row in rows]


def _line(event: Event, partner: str) -> LedgerLine:
    return LedgerLine(
        event=event,
        partner=partner_link(event, partner),
        when=link(moment(event.recorded_at), "audit_event_change", event.pk),
        what=severity_badge(event),
        subject=subject_link(event),
        actor=actor_text(event),
    )


def meaning_of(event: Event) -> str:
    """What the row's type means, in a sentence; empty for a type this release does not know."""
    return NOTES[EventType(event.type)].meaning if event.type in set(EventType) else ""


def severity_badge(event: Event) -> SafeString:
    """The event's type, coloured by its severity, with its meaning behind it."""
    return badge(event.type, tone=TONES.get(event.severity, "plain"), title=meaning_of(event) or event.severity)


def subject_link(event: Event) -> SafeString:
    """What the row is about, as a link where it has a page."""
    if not event.subject_id:
        return NOTHING
    page = _PAGES.get(event.subject_type, "")
    if event.subject_type == "key" and not _KID.fullmatch(event.subject_id):
        page = ""
    shown = event.subject_id if len(event.subject_id) <= 14 else f"{event.subject_id[:8]}…"
    text = format_html('<code class="sa-code sa-kid" title="{}">{}</code>', event.subject_id, shown)
    return link(text, page, event.subject_id) if page else text


def partner_link(event: Event, name: str) -> SafeString:
    """The row's partner by its name, or by its id where nobody knows the name any more."""
    if event.partner_id is None:
        return NOTHING
    return link(name or str(event.partner_id)[:8], "partners_partner_change", event.partner_id)


def actor_text(event: Event) -> SafeString:
    """Who did it, and what kind of actor that is."""
    return format_html('{} <span class="sa-quiet">{}</span>', event.actor_label or event.actor_id, event.actor_kind)
