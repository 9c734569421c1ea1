"""The first page of the admin: counts that lead to filtered lists, so that what needs a person is found in one look."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from audit.admin_base import allows
from audit.admin_display import thousands
from audit.event_display import LedgerLine, ledger_lines
from audit.events import EventType, Severity
from audit.models import Event
from partners.models import ApiKey
from sessions_app.models import EmbedSession
from webhooks.services.invariants import read_health

EXPIRES_SOON: Final = timedelta(days=30)
IDLE_AFTER: Final = timedelta(days=90)
LATE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Card:
    """One number, what it counts, and the list behind it."""

    number: str
    label: str
    hint: str
    url: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Reason:
    """How often requests were refused for one reason."""

    reason: str
    count: str
    url: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything the first page shows; what a member of staff may not see is left out."""

    keys: list[Card]
    traffic: list[Card]
    webhooks: list[Card]
    refusals: list[Reason] | None
    warnings: list[LedgerLine] | None
    warnings_url: str


def dashboard(request: HttpRequest) -> Dashboard:
    """Count what the signed-in member of staff may see."""
    sees_ledger = allows(request, "audit.view_event")
    return Dashboard(
        keys=_key_cards() if allows(request, "partners.view_apikey") else [],
        traffic=_traffic_cards() if sees_ledger else [],
        webhooks=_webhook_cards() if allows(request, "webhooks.view_delivery") else [],
        refusals=_refusals() if sees_ledger else None,
        warnings=_warnings() if sees_ledger else None,
        warnings_url=f"{reverse('admin:audit_event_changelist')}?severity=warnings&time=7d",
    )


def _key_cards() -> list[Card]:
    now = timezone.now()
    usable = ApiKey.objects.usable(now)
    soon, endless = Q(expires_at__lte=now + EXPIRES_SOON), Q(expires_at=None, grace_until=None)
    idle_before = now - IDLE_AFTER
    idle = Q(last_used_at__lt=idle_before) | Q(last_used_at=None, created_at__lt=idle_before)
    counts: dict[str, Any] = usable.aggregate(
        soon=Count("pk", filter=soon), idle=Count("pk", filter=idle), endless=Count("pk", filter=endless), usable=Count("pk")
    )
    url = reverse("admin:partners_apikey_changelist")
    return [
        Card(thousands(counts["usable"]), "Keys in use", "active or in grace", url),
        _alarm(counts["soon"], "Expire within 30 days", "rotate them in time", f"{url}?attention=expiring"),
        _alarm(counts["idle"], "Idle for 90 days", "revoke what nobody needs", f"{url}?attention=idle"),
        _alarm(counts["endless"], "Never expire", "give them an end", f"{url}?attention=endless"),
    ]


def _alarm(count: int, label: str, hint: str, url: str) -> Card:
    return Card(thousands(count), label, hint, url, "warn" if count else "ok")


def _traffic_cards() -> list[Card]:
    since = timezone.now() - timedelta(hours=24)
    types = [EventType.SESSION_CREATED, EventType.SESSION_REDEEMED, EventType.SESSION_REPLAYED]
    rows = Event.objects.since(since).filter(type__in=types).values_list("type").annotate(n=Count("pk"))
    counts: dict[str, int] = dict(rows)
    url = f"{reverse('admin:audit_event_changelist')}?time=24h&type="
    signed_in = EmbedSession.objects.filter(ended_at=None, idle_expires_at__gt=timezone.now()).count()
    sessions = f"{reverse('admin:sessions_app_embedsession_changelist')}?state=open"
    replayed = counts.get(EventType.SESSION_REPLAYED, 0)
    return [
        Card(thousands(counts.get(types[0], 0)), "Handshakes", "last 24 hours", f"{url}{types[0].value}"),
        Card(thousands(counts.get(types[1], 0)), "Redemptions", "last 24 hours", f"{url}{types[1].value}"),
        Card(thousands(signed_in), "Signed in now", "open embed sessions", sessions),
        Card(thousands(replayed), "Replayed links", "last 24 hours", f"{url}{types[2].value}", "bad" if replayed else "ok"),
    ]


def _webhook_cards() -> list[Card]:
    health = read_health()
    broken = sum(health.broken.values())
    late = round(health.oldest_due_seconds)
    deliveries, endpoints = (reverse(f"admin:webhooks_{name}_changelist") for name in ("delivery", "endpoint"))
    tone = "bad" if broken or late > LATE_SECONDS else "ok"
    state = "well" if not broken else f"{thousands(broken)} not where they must be: manage.py webhook_health"
    return [
        Card(f"{thousands(late)} s", "Longest wait of a due delivery", state, f"{deliveries}?state=pending", tone),
        _alarm(health.failing_endpoints, "Failing endpoints", "nothing arrives there", f"{endpoints}?status=failing"),
        _alarm(health.quarantined, "Deliveries set aside", "look at them and replay them", f"{deliveries}?state=quarantined"),
    ]


def _refusals() -> list[Reason]:
    since = timezone.now() - timedelta(hours=1)
    rows: Iterable[tuple[str, int]] = (
        Event.objects.since(since)
        .filter(type=EventType.REFUSAL_COUNTED)
        .values_list("reason")
        .annotate(n=Sum("count"))
        .order_by("-n")[:8]
    )
    url = f"{reverse('admin:audit_event_changelist')}?time=1h&type={EventType.REFUSAL_COUNTED}&reason="
    return [Reason(reason, thousands(count), f"{url}{reason}") for reason, count in rows]


def _warnings() -> list[LedgerLine]:
    since = timezone.now() - timedelta(days=7)
    severe = Event.objects.since(since).filter(severity__in=[Severity.WARNING, Severity.CRITICAL])
    return ledger_lines(severe.newest_first()[:8])
