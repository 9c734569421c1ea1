"""The log of deliveries, and the page of one with all its attempts."""

import json
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction
from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import NOTHING, badge, clipped, code, environment_tag, exact_moment, link, moment, stacked
from audit.admin_filters import BeforeFilter, EnvironmentFilter, as_uuid
from audit.models import Event
from core.principals import Actor
from partners.admin.filters import PartnerFilter
from webhooks.admin.display import endpoint_link, outcome, state_badge, status_badge, text_block
from webhooks.admin.filters import DeliveryStateFilter, EndpointFilter, MadeFilter, MessageTypeFilter, OutcomeFilter
from webhooks.answers import meaning_of
from webhooks.models import Attempt, Delivery, DeliveryState, MessageBody
from webhooks.services.replays import replay_delivery

_SHOWN_ATTEMPTS: Final = 50
_TIMINGS: Final = (("dns", "dns_ms"), ("connect", "connect_ms"), ("tls", "tls_ms"), ("first byte", "first_byte_ms"))


class ReplayDelivery(ConsoleAction[forms.Form]):
    """Send one delivery again."""

    name = "replay"
    label = "Send again"
    title = "Send the delivery again"
    submit_label = "Send again"
    permission = "webhooks.replay_delivery"
    form_class = forms.Form
    row: Delivery

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Delivery) -> bool:
        return not row.is_probe and row.state != DeliveryState.INFLIGHT and row.endpoint.deleted_at is None

    def facts(self) -> list[Fact]:
        return [
            Fact("Event", code(self.row.message.type)),
            Fact("To", endpoint_link(self.row.endpoint)),
            Fact("State", state_badge(self.row)),
        ]

    def warnings(self) -> list[str]:
        return ["The receiver gets the same id and body once more, marked as a replay."]

    def perform(self, form: forms.Form, actor: Actor) -> HttpResponse:
        replay_delivery(self.row.pk, actor=actor)
        return self.done(self.back_url(), "The delivery is sent again.")


@admin.register(Delivery)
class DeliveryAdmin(ConsoleAdmin):
    list_display = ("made", "type_text", "state_tag", "outcome", "environment_tag", "receiver")
    list_filter = (
        DeliveryStateFilter,
        MadeFilter,
        EnvironmentFilter,
        PartnerFilter,
        EndpointFilter,
        MessageTypeFilter,
        BeforeFilter,
        OutcomeFilter,
    )
    list_select_related = ("message", "endpoint", "partner")
    search_fields = ("message__message_id",)
    search_help_text = "Message id, event type, endpoint id, partner's organization id"
    ordering = ("-id",)
    console_actions: ClassVar = (ReplayDelivery,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("message__data")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Delivery | None:
        if not object_id.isdecimal() or len(object_id) > 18:
            return None
        rows = self.get_queryset(request).select_related("message", "endpoint", "partner")
        found: Delivery | None = rows.filter(pk=int(object_id)).first()
        return found

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()[:200]
        wanted = as_uuid(term)
        if not term:
            return queryset, False
        if wanted:
            return queryset.filter(endpoint_id=wanted), False
        if term.startswith("msg_"):
            return queryset.filter(message__message_id=term), False
        return queryset.filter(Q(message__type=term) | Q(message__partner_org_id=term)), False

    @admin.display(description="Made", ordering="id")
    def made(self, delivery: Delivery) -> SafeString:
        return moment(delivery.created_at)

    @admin.display(description="Type")
    def type_text(self, delivery: Delivery) -> SafeString:
        probe = badge("probe", title="A ping or a test") if delivery.is_probe else ""
        again = badge("replay", title="It was asked for again") if delivery.replayed_at else ""
        return format_html('<span class="sa-nowrap">{} {}{}</span>', code(delivery.message.type), probe, again)

    @admin.display(description="State")
    def state_tag(self, delivery: Delivery) -> SafeString:
        return state_badge(delivery)

    @admin.display(description="Last outcome")
    def outcome(self, delivery: Delivery) -> SafeString:
        times = f"{delivery.numbered} attempt{'' if delivery.numbered == 1 else 's'}"
        return stacked(outcome(delivery), times)

    @admin.display(description="Env.")
    def environment_tag(self, delivery: Delivery) -> SafeString:
        return environment_tag(delivery.environment)

    @admin.display(description="Endpoint")
    def receiver(self, delivery: Delivery) -> SafeString:
        partner = link(clipped(delivery.partner.name), "partners_partner_change", delivery.partner_id)
        return stacked(endpoint_link(delivery.endpoint), partner)

    def dossier(self, request: HttpRequest, row: Delivery) -> Dossier:
        return Dossier(
            title=f"{row.message.type} to {row.endpoint.url.split('/')[2]}",
            tags=[state_badge(row), environment_tag(row.environment)],
            sections=[_message(row), _delivery(row), _sent(row), *_attempts(row)],
            environment=row.environment,
            ledger=Event.objects.about("delivery", str(row.pk)).newest_first(),
            ledger_url=f"?subject={row.pk}",
        )


def _message(delivery: Delivery) -> Section:
    message = delivery.message
    facts = [
        Fact("Type", code(message.type)),
        Fact("Id", code(message.message_id)),
        Fact("Happened", exact_moment(message.occurred_at)),
        Fact("Said by", message.get_source_display()),
        Fact("Partner", link(delivery.partner.name, "partners_partner_change", delivery.partner_id)),
        Fact("Organization", code(message.partner_org_id)),
    ]
    if message.ledger_event_id:
        facts.append(Fact("Ledger row", link(f"#{message.ledger_event_id}", "audit_event_change", message.ledger_event_id)))
    return Section("Event", facts)


def _delivery(delivery: Delivery) -> Section:
    facts = [
        Fact("Endpoint", endpoint_link(delivery.endpoint)),
        Fact("Its status", status_badge(delivery.endpoint)),
        Fact("Number", f"{delivery.seq} of this endpoint's"),
        Fact("State", format_html("{} {}", state_badge(delivery), meaning_of(delivery.last_reason))),
        Fact("Attempts", str(delivery.numbered)),
        Fact("Made", exact_moment(delivery.created_at)),
    ]
    optional = [
        ("Next attempt", delivery.next_at if delivery.state == DeliveryState.PENDING else None),
        ("Sent again", delivery.replayed_at),
        ("Finished", delivery.finished_at),
    ]
    return Section("Delivery", facts + [Fact(label, exact_moment(at)) for label, at in optional if at])


def _sent(delivery: Delivery) -> Section:
    style = delivery.endpoint.signature_format
    body = MessageBody.objects.filter(message_id=delivery.message_id, style=style).first()
    if body is None or not bytes(body.body):
        return Section("What is sent", note="Retention has removed it, or it was not rendered yet.", is_wide=True)
    return Section("What is sent", [Fact("Body", text_block(bytes(body.body).decode()))], is_wide=True)


def _attempts(delivery: Delivery) -> list[Section]:
    attempts = list(Attempt.objects.filter(delivery_id=delivery.pk).order_by("-started_at", "-number")[:_SHOWN_ATTEMPTS])
    rows: list[list[str | SafeString]] = [
        [
            str(each.number),
            exact_moment(each.started_at),
            str(each.status) if each.status else NOTHING,
            format_html('<span title="{}">{}</span>', meaning_of(each.reason), each.reason.replace("_", " ")),
            code(each.address),
            _timings(each),
        ]
        for each in attempts
    ]
    columns = ["No.", "Started", "Status", "Outcome", "Address", "Times"]
    log = Section("Attempts", table=Table(columns, rows, empty="None yet."), is_wide=True)
    answers = [_answer(each) for each in attempts[:3] if each.response_text or each.response_headers]
    return [log, *answers]


def _timings(attempt: Attempt) -> SafeString:
    parts = [f"{label} {value}" for label, name in _TIMINGS if (value := getattr(attempt, name)) is not None]
    return format_html('<span class="sa-nowrap" title="{}">{} ms</span>', ", ".join(parts) or "not measured", attempt.total_ms)


def _answer(attempt: Attempt) -> Section:
    facts = [Fact("Headers", text_block(json.dumps(attempt.response_headers, indent=2, ensure_ascii=False)))]
    facts.append(Fact("Text", text_block(attempt.response_text) if attempt.response_text else NOTHING))
    return Section(f"Answer to attempt {attempt.number}", facts, note="As text; at most 4 KiB are kept.", is_wide=True)
