"""The ledger in the admin: searched, filtered, looked at and exported; never added to, changed or deleted."""

import json
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction
from audit.admin_base import MAX_COUNTED, ConsoleAdmin, Dossier, Fact, Section, allows
from audit.admin_display import NOTHING, badge, clipped, code, environment_tag, exact_moment, moment, thousands
from audit.admin_filters import (
    BeforeFilter,
    EnvironmentFilter,
    PartnerIdFilter,
    PastTimeFilter,
    ReasonFilter,
    SeverityFilter,
    SubjectFilter,
    TypeFilter,
    as_uuid,
)
from audit.event_display import actor_text, ledger_lines, meaning_of, partner_link, severity_badge, subject_link
from audit.events import EventType
from audit.exports import csv_lines, record_export
from audit.models import Event, EventContext
from audit.partner_names import name_partners, partners_matching
from audit.services import context_hash
from core.principals import Actor, RequestContext

MAX_SEARCH_CHARS: Final = 200


class ExportForm(forms.Form):
    """Whether the personal part goes along."""

    with_context = forms.BooleanField(
        required=False, label="Include addresses and user agents", help_text="Personal data: only where the purpose needs it."
    )


class ExportEvents(ConsoleAction[ExportForm]):
    """Stream what the list shows, all pages of it, as CSV."""

    name = "export"
    label = "Export CSV"
    title = "Export the ledger as CSV"
    submit_label = "Export"
    permission = "audit.export_event"
    is_on_row = False
    is_download = True
    form_class = ExportForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self.back_url())

    def warnings(self) -> list[str]:
        return ["The export itself is written to the ledger, with the filters in use and your name."]

    def facts(self) -> list[Fact]:
        counted = self.admin.get_paginator(self.request, self._rows(), 1).count
        rows = f"more than {thousands(counted)}" if counted >= MAX_COUNTED else thousands(counted)
        return [Fact("Rows", rows), Fact("Filters", self.request.GET.urlencode() or "none: the whole ledger")]

    def make_form(self, **kwargs: Any) -> ExportForm:
        form = super().make_form(**kwargs)
        if not allows(self.request, "audit.view_eventcontext"):
            del form.fields["with_context"]
        return form

    def perform(self, form: ExportForm, actor: Actor) -> HttpResponse:
        with_context = bool(form.cleaned_data.get("with_context"))
        filters = self.request.GET.urlencode()
        rows = record_export(self._rows(), filters=filters, with_context=with_context, actor=actor)
        response = StreamingHttpResponse(csv_lines(rows, with_context=with_context), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="ledger-{timezone.now():%Y%m%d-%H%M%S}.csv"'
        return response  # type: ignore[return-value]  # both are responses

    def _rows(self) -> QuerySet[Event]:
        rows: QuerySet[Event] = self.admin.get_changelist_instance(self.request).get_queryset(self.request)
        return rows.order_by("-id")


@admin.register(Event)
class EventAdmin(ConsoleAdmin):
    list_display = ("when", "what", "subject", "partner", "environment_tag", "actor", "why")
    list_filter = (
        PastTimeFilter,
        SeverityFilter,
        EnvironmentFilter,
        PartnerIdFilter,
        SubjectFilter,
        ReasonFilter,
        BeforeFilter,
        TypeFilter,
    )
    search_fields = ("subject_id",)
    search_help_text = "Kid, request id, partner, type or actor"
    ordering = ("-id",)
    console_actions: ClassVar = (ExportEvents,)

    def list_context(self, changelist: Any) -> dict[str, Any]:
        rows = list(changelist.result_list)
        names = name_partners(rows)
        for row in rows:
            row.partner_name = names.get(row.partner_id, "")
        changelist.result_list = rows
        is_capped = bool(rows) and changelist.result_count >= MAX_COUNTED
        older = changelist.get_query_string({"before": rows[-1].pk}, ["p"]) if is_capped else ""
        return {**super().list_context(changelist), "older_url": older}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()[:MAX_SEARCH_CHARS]
        if not term:
            return queryset, False
        found = queryset.filter(_by_index(term))
        if found.exists():
            return found, False
        return queryset.filter(Q(actor_label__iexact=term) | Q(actor_id=term)), False

    @admin.display(description="When", ordering="id")
    def when(self, event: Event) -> SafeString:
        return moment(event.recorded_at)

    @admin.display(description="What")
    def what(self, event: Event) -> SafeString:
        times = format_html(' <span class="sa-quiet">&times;{}</span>', thousands(event.count)) if event.count > 1 else ""
        return format_html('<span class="sa-nowrap">{}{}</span>', severity_badge(event), times)

    @admin.display(description="Subject")
    def subject(self, event: Event) -> SafeString:
        return subject_link(event)

    @admin.display(description="Partner")
    def partner(self, event: Event) -> SafeString:
        return partner_link(event, getattr(event, "partner_name", ""))

    @admin.display(description="Env.")
    def environment_tag(self, event: Event) -> SafeString:
        return environment_tag(event.environment)

    @admin.display(description="Actor")
    def actor(self, event: Event) -> SafeString:
        return actor_text(event)

    @admin.display(description="Why")
    def why(self, event: Event) -> SafeString:
        return clipped(event.reason) if event.reason else NOTHING

    def dossier(self, request: HttpRequest, row: Event) -> Dossier:
        sections = [_what_happened(row), _data(row)]
        if allows(request, "audit.view_eventcontext"):
            sections.insert(1, _where_from(row))
        tags = [severity_badge(row), environment_tag(row.environment)] if row.environment else [severity_badge(row)]
        title = f"{row.type} #{row.pk}"
        return Dossier(
            title,
            tags,
            sections,
            environment=row.environment,
            ledger=_same_request(row),
            ledger_heading="From the same request",
        )


def _same_request(event: Event) -> QuerySet[Event] | None:
    others = Event.objects.filter(request_id=event.request_id).exclude(pk=event.pk).newest_first()
    return others if event.request_id and others.exists() else None


def _by_index(term: str) -> Q:
    found = Q(subject_id=term) | Q(request_id=term)
    types = [each.value for each in EventType if each == term or (term.endswith(".") and each.startswith(term))]
    partner_id = as_uuid(term)
    partners = [partner_id] if partner_id else partners_matching(term)
    if types:
        found |= Q(type__in=types)
    if partners:
        found |= Q(partner_id__in=partners)
    if term.isdecimal() and len(term) < 18:
        found |= Q(pk=int(term))
    return found


def _what_happened(event: Event) -> Section:
    partner = ledger_lines([event])[0].partner
    facts = [
        Fact("Recorded", exact_moment(event.recorded_at)),
        Fact("By", actor_text(event)),
        Fact("About", format_html("{} {}", event.subject_type, subject_link(event))),
        Fact("Partner", partner_link(event, partner)),
        Fact("Environment", environment_tag(event.environment)),
        Fact("Reason", event.reason or NOTHING),
        Fact("Request id", code(event.request_id)),
    ]
    if event.count > 1:
        facts.append(Fact("Times", thousands(event.count)))
    return Section("What happened", facts, note=meaning_of(event))


def _where_from(event: Event) -> Section:
    context = EventContext.objects.filter(pk=event.pk).first()
    if context is None:
        return Section("Where from", note="No address was recorded with this row, or retention has removed it.")
    facts = [
        Fact("Address", code(context.address)),
        Fact("User agent", context.user_agent or NOTHING),
        Fact("Seal", _seal(event, context)),
    ]
    return Section("Where from", facts, note="Personal data, kept apart from the ledger row and cut by retention.")


def _seal(event: Event, context: EventContext) -> SafeString:
    if context.is_cut or context.salt is None or event.context_hash is None:
        return badge("cut by retention")
    seen = RequestContext(event.request_id, context.address, context.user_agent)
    if context_hash(seen, bytes(context.salt)) == bytes(event.context_hash):
        return badge("intact", tone="ok", title="Matches the hash in the ledger row")
    return badge("does not match", tone="bad", title="This part was changed after the row was written")


def _data(event: Event) -> Section:
    facts = [Fact(name, code(_readable(value))) for name, value in event.data.items()]
    return Section("Details", facts, note="" if facts else "This row has no details.", is_wide=True)


def _readable(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
