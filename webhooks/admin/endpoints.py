"""The list of endpoints, the page of one, and the pages of event types."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import (
    NOTHING,
    badge,
    badges,
    clipped,
    code,
    environment_tag,
    exact_moment,
    link,
    moment,
    stacked,
    thousands,
)
from audit.admin_filters import EnvironmentFilter, as_uuid
from audit.models import Event
from partners.admin.filters import PartnerFilter
from webhooks.admin import endpoint_actions as acts
from webhooks.admin.display import host_text, outcome, secret_badge, state_badge, status_badge, status_meaning, types_text
from webhooks.admin.doctor import DiagnoseSignature
from webhooks.admin.event_types import event_type_page, event_types_page
from webhooks.admin.filters import EndpointStatusFilter, FormatFilter
from webhooks.admin.plots import plots_of, success_rates
from webhooks.models import Delivery, Endpoint
from webhooks.models import DeliveryState as States

_LATEST: int = 10


@admin.register(Endpoint)
class EndpointAdmin(ConsoleAdmin):
    list_display = (
        "url_text",
        "status",
        "environment_tag",
        "partner_link",
        "types",
        "success_rate",
        "last_success",
    )
    list_filter = (EndpointStatusFilter, EnvironmentFilter, FormatFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("url",)
    search_help_text = "Part of the URL, id, or partner"
    ordering = ("-created_at",)
    page_template = "webhooks/endpoint.html"
    console_actions: ClassVar = (
        acts.CreateEndpoint,
        acts.VerifyEndpoint,
        acts.TestEndpoint,
        DiagnoseSignature,
        acts.ReplayDeliveries,
        acts.PauseEndpoint,
        acts.ResumeEndpoint,
        acts.EnableEndpoint,
        acts.EditEndpoint,
        acts.RotateSecret,
        acts.DisableEndpoint,
        acts.DeleteEndpoint,
    )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        pages = [
            path("event-types/", wrap(self.event_types), name=self.url_name("event_types")),
            path("event-types/<str:name>/", wrap(self.event_type), name=self.url_name("event_type")),
        ]
        return [*pages, *super().get_urls()]

    def event_types(self, request: HttpRequest) -> HttpResponse:
        """Every type of event."""
        return event_types_page(self, request)

    def event_type(self, request: HttpRequest, name: str) -> HttpResponse:
        """One type of event, with what a receiver gets."""
        return event_type_page(self, request, name)

    def buttons(self, request: HttpRequest, row: Any = None) -> list[Button]:
        types = Button("Event types", reverse(f"admin:{self.url_name('event_types')}"))
        return [*super().buttons(request, row), *([types] if row is None else [])]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()[:200]
        wanted = as_uuid(term)
        if not term:
            return queryset, False
        found = Q(url__icontains=term) | Q(partner__slug=term) | Q(partner__name__icontains=term)
        return queryset.filter(Q(pk=wanted) | Q(partner_id=wanted) if wanted else found), False

    def list_context(self, changelist: Any) -> dict[str, Any]:
        rows = list(changelist.result_list)
        rates = success_rates([row.pk for row in rows], since=timezone.now() - timedelta(hours=24)) if rows else {}
        for row in rows:
            row.success_rate = rates.get(row.pk)
        changelist.result_list = rows
        return super().list_context(changelist)

    @admin.display(description="Endpoint", ordering="url")
    def url_text(self, endpoint: Endpoint) -> SafeString:
        return stacked(host_text(endpoint), clipped(endpoint.description) if endpoint.description else str(endpoint.pk)[:8])

    @admin.display(description="Status")
    def status(self, endpoint: Endpoint) -> SafeString:
        return status_badge(endpoint)

    @admin.display(description="Env.")
    def environment_tag(self, endpoint: Endpoint) -> SafeString:
        return environment_tag(endpoint.environment)

    @admin.display(description="Partner")
    def partner_link(self, endpoint: Endpoint) -> SafeString:
        return link(clipped(endpoint.partner.name), "partners_partner_change", endpoint.partner_id)

    @admin.display(description="Events")
    def types(self, endpoint: Endpoint) -> SafeString:
        return stacked(types_text(endpoint.event_types), endpoint.signature_format)

    @admin.display(description="Success, 24 h")
    def success_rate(self, endpoint: Endpoint) -> SafeString:
        rate = getattr(endpoint, "success_rate", None)
        if rate is None:
            return NOTHING
        return format_html('<span title="{} of {} attempts">{}</span>', rate.delivered, rate.attempts, rate)

    @admin.display(description="Last success", ordering="last_success_at")
    def last_success(self, endpoint: Endpoint) -> SafeString:
        return moment(endpoint.last_success_at, empty="never")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        endpoint = self.find(request, object_id)
        extra = {"plots": plots_of(endpoint.pk, timezone.now()), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def dossier(self, request: HttpRequest, row: Endpoint) -> Dossier:
        trouble = status_meaning(row) if row.deleted_at is None else ""
        return Dossier(
            title=host_text(row),
            tags=[status_badge(row), environment_tag(row.environment), badge(row.signature_format)],
            sections=[_facts(row), _health(row), _secrets(row), _queue(row), _latest(row)],
            warnings=[trouble] if trouble else [],
            environment=row.environment,
            ledger=Event.objects.about("endpoint", str(row.pk)).newest_first(),
            ledger_url=f"?subject={row.pk}",
        )


def _facts(endpoint: Endpoint) -> Section:
    rate = f"{thousands(endpoint.rate_per_minute)} a minute" if endpoint.rate_per_minute else "as fast as it answers"
    facts = [
        Fact("URL", code(endpoint.url)),
        Fact("Id", code(endpoint.pk)),
        Fact("Partner", link(endpoint.partner.name, "partners_partner_change", endpoint.partner_id)),
        Fact("Description", endpoint.description or NOTHING),
        Fact("Events", badges(code(each) for each in endpoint.event_types)),
        Fact("Format", endpoint.signature_format),
        Fact("Limits", f"{endpoint.max_concurrency} calls at once, {rate}"),
        Fact("Echo of the challenge", "has to be repeated" if endpoint.echoes_challenge else "not asked for"),
    ]
    return Section("Endpoint", facts)


def _health(endpoint: Endpoint) -> Section:
    facts = [
        Fact("Added", exact_moment(endpoint.created_at)),
        Fact("Verified", exact_moment(endpoint.verified_at, empty="not yet")),
        Fact("Last success", exact_moment(endpoint.last_success_at, empty="never")),
        Fact("Failures in a row", thousands(endpoint.consecutive_failures)),
        Fact("Last delivery's number", thousands(endpoint.last_seq)),
    ]
    optional = [
        ("Failing since", endpoint.failing_since),
        ("Left alone until", endpoint.resume_at),
        ("Paused", endpoint.paused_at),
        ("Disabled", endpoint.disabled_at),
        ("Deleted", endpoint.deleted_at),
    ]
    facts += [Fact(label, exact_moment(instant)) for label, instant in optional if instant]
    if endpoint.cap is not None:
        facts.append(Fact("Calls at once, for now", str(endpoint.cap)))
    return Section("Health", facts)


def _secrets(endpoint: Endpoint) -> Section:
    rows: list[list[str | SafeString]] = [
        [
            code(str(each.pk)[:8]),
            secret_badge(each),
            moment(each.created_at),
            moment(each.confirmed_at, empty="-"),
            moment(each.expires_at, empty="-"),
        ]
        for each in endpoint.secrets.defer("sealed").order_by("-created_at")[:_LATEST]
    ]
    table = Table(["Id", "State", "Made", "Proved", "Ends"], rows)
    return Section("Signing secrets", table=table, note="Sealed for their rows: nobody can read one here again.")


def _queue(endpoint: Endpoint) -> Section:
    counted = dict(Delivery.objects.filter(endpoint=endpoint).values_list("state").annotate(n=Count("pk")))
    listed = reverse("admin:webhooks_delivery_changelist")
    facts = [
        Fact(
            state.label,
            format_html(
                '<a class="sa-link" href="{}?endpoint={}&state={}">{}</a>', listed, endpoint.pk, state, thousands(count)
            ),
        )
        for state in States
        if (count := counted.get(state.value, 0))
    ]
    return Section("Deliveries", facts, note="" if facts else "None yet.")


def _latest(endpoint: Endpoint) -> Section:
    latest = Delivery.objects.filter(endpoint=endpoint).select_related("message").newest_first()[:_LATEST]
    rows: list[list[str | SafeString]] = [
        [
            link(moment(each.created_at), "webhooks_delivery_change", each.pk),
            code(each.message.type),
            str(each.seq),
            state_badge(each),
            outcome(each),
            str(each.numbered),
        ]
        for each in latest
    ]
    table = Table(["Made", "Type", "No.", "State", "Last outcome", "Attempts"], rows, empty="No deliveries yet.")
    more = Button("All deliveries", f"{reverse('admin:webhooks_delivery_changelist')}?endpoint={endpoint.pk}")
    return Section("Latest deliveries", table=table, is_wide=True, more=more if rows else None)
