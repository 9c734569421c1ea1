"""The list of keys and the page of one key."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table
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
from audit.admin_filters import EnvironmentFilter
from audit.models import Event
from core.credentials import kid_in
from partners.admin.filters import AttentionFilter, KeyKindFilter, KeyStatusFilter, PartnerFilter
from partners.admin.key_actions import EditKey, IdentifyKey, ImportKey, IssueKey, PauseKey, ResumeKey, RevokeKey, RotateKey
from partners.admin.key_display import expiry, key_link, kid_text, risk_badges, risks, scope_rows, scope_summary, status_badge
from partners.admin.usage_plot import plots_of
from partners.models import ApiKey, KeyUsage
from partners.querysets import ApiKeyQuerySet
from partners.usage import ACCEPTED


@admin.register(ApiKey)
class ApiKeyAdmin(ConsoleAdmin):
    list_display = (
        "kid_text",
        "status_badge",
        "environment_tag",
        "partner_and_name",
        "scope_summary",
        "last_used",
        "expiry",
        "risk_badges",
    )
    list_filter = (KeyStatusFilter, EnvironmentFilter, AttentionFilter, KeyKindFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("kid",)
    search_help_text = "Kid, partner or name"
    ordering = ("-id",)
    page_template = "partners/key.html"
    change_list_template = "partners/key_list.html"
    console_actions: ClassVar = (IdentifyKey, IssueKey, ImportKey, RotateKey, PauseKey, ResumeKey, EditKey, RevokeKey)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("digest")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ApiKey | None:
        found: ApiKey | None = self.get_queryset(request).select_related("partner").filter(kid=object_id).first()
        return found

    def object_id(self, row: Any) -> str:
        return str(row.kid)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term or not isinstance(queryset, ApiKeyQuerySet):
            return queryset, False
        return queryset.matching(kid_in(term) or term), False

    @admin.display(description="Kid", ordering="kid")
    def kid_text(self, key: ApiKey) -> SafeString:
        return stacked(kid_text(key), f"generation {key.generation}")

    @admin.display(description="Status")
    def status_badge(self, key: ApiKey) -> SafeString:
        return status_badge(key)

    @admin.display(description="Env.")
    def environment_tag(self, key: ApiKey) -> SafeString:
        return environment_tag(key.environment)

    @admin.display(description="Partner")
    def partner_and_name(self, key: ApiKey) -> SafeString:
        partner = link(clipped(key.partner.name), "partners_partner_change", key.partner_id)
        return stacked(partner, clipped(key.name))

    @admin.display(description="Scopes")
    def scope_summary(self, key: ApiKey) -> SafeString:
        return scope_summary(key)

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, key: ApiKey) -> SafeString:
        return moment(key.last_used_at, empty="never")

    @admin.display(description="Expires", ordering="expires_at")
    def expiry(self, key: ApiKey) -> SafeString:
        return expiry(key)

    @admin.display(description="Risks")
    def risk_badges(self, key: ApiKey) -> SafeString:
        return risk_badges(key)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        key = self.find(request, object_id)
        extra = {"plots": plots_of(key, timezone.now()), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def dossier(self, request: HttpRequest, row: ApiKey) -> Dossier:
        return Dossier(
            title=row.kid,
            tags=[status_badge(row), environment_tag(row.environment), badge(row.kind, title=row.get_kind_display())],
            sections=[_facts(row), _life(row), _networks(row), _scopes(row), _generations(row)],
            warnings=[risk.sentence for risk in risks(row, timezone.now())],
            environment=row.environment,
            ledger=Event.objects.about("key", row.kid).newest_first(),
            ledger_url=f"?subject={row.kid}",
        )


def _facts(key: ApiKey) -> Section:
    origin = " (issued elsewhere, imported by its SHA-256)" if key.is_imported else ""
    facts = [
        Fact("Name", key.name),
        Fact("Partner", link(key.partner.name, "partners_partner_change", key.partner_id)),
        Fact("Starts with", code(f"{key.kind}_{key.environment}_…" if key.is_imported else key.masked)),
        Fact("Kind", f"{key.get_kind_display()}{origin}"),
        Fact("Setup limit", _limit(key.setup_per_minute, key.partner.setup_per_minute, settings.SETUP_PER_MINUTE)),
        Fact(
            "Handshake limit", _limit(key.handshake_per_minute, key.partner.handshake_per_minute, settings.HANDSHAKE_PER_MINUTE)
        ),
    ]
    return Section("Key", facts)


def _limit(own: int | None, of_partner: int | None, default: int) -> str:
    if own:
        return f"{thousands(own)} a minute, its own"
    return f"{thousands(of_partner)} a minute, the partner's" if of_partner else f"{thousands(default)} a minute, the default"


def _life(key: ApiKey) -> Section:
    facts = [
        Fact("Issued", format_html("{} by {}", exact_moment(key.created_at), key.created_by or "unknown")),
        Fact("Last used", exact_moment(key.last_used_at, empty="never")),
        Fact("Expires", exact_moment(key.expires_at, empty="never")),
    ]
    optional = [
        ("Rotated", key.rotated_at),
        ("Works until (overlap)", key.grace_until),
        ("Paused", key.paused_at),
        ("Revoked", key.revoked_at),
    ]
    facts += [Fact(label, exact_moment(instant)) for label, instant in optional if instant]
    if key.revoked_at:
        facts.append(Fact("Why", key.get_revoke_reason_display()))
    return Section("Life", facts)


def _networks(key: ApiKey) -> Section:
    month = timezone.now() - timedelta(days=30)
    rows = (
        KeyUsage.objects.filter(key=key, outcome=ACCEPTED)
        .since(month)
        .values_list("network")
        .annotate(calls=Sum("count"))
        .order_by("-calls")[:10]
    )
    table = Table(
        ["Network", "Calls in 30 days"],
        [[code(network or "unknown"), thousands(calls)] for network, calls in rows],
        empty="No calls in the last 30 days.",
    )
    allowed = badges(code(each) for each in key.networks) if key.networks else "any network"
    last = code(key.last_used_network) if key.last_used_network else NOTHING
    return Section("Networks", [Fact("Allowed from", allowed), Fact("Last seen from", last)], table)


def _scopes(key: ApiKey) -> Section:
    rows = scope_rows(key.scopes)
    return Section("Scopes", table=Table(["Scope", "Lets the caller"], rows, empty="None: it may only ask who it is."))


def _generations(key: ApiKey) -> Section:
    family = ApiKey.objects.in_family(key).defer("digest").select_related("partner").order_by("-generation")
    rows: list[list[str | SafeString]] = [
        [
            str(each.generation),
            key_link(each) if each.pk != key.pk else format_html("{} {}", code(each.kid), badge("this key", tone="info")),
            status_badge(each),
            moment(each.created_at),
            moment(each.last_used_at, empty="never"),
            expiry(each),
        ]
        for each in family
    ]
    columns = ["Gen.", "Kid", "Status", "Issued", "Last used", "Expires"]
    return Section("Generations", table=Table(columns, rows), is_wide=True)
