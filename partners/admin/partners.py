"""The list of partners and the page of one partner."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table, allows
from audit.admin_display import badge, code, exact_moment, moment, thousands
from audit.models import Event
from audit.partner_names import PartnerDirectory, register_directory
from core.principals import Environment
from partners.admin.filters import PartnerStatusFilter
from partners.admin.key_display import expiry, key_link, risk_badges, scope_summary, status_badge
from partners.admin.partner_actions import (
    CreatePartner,
    EditContacts,
    EditLiveOrigins,
    EditPartner,
    EditTestOrigins,
    EmergencyRevoke,
    IssueKeyFor,
    ReactivatePartner,
    SuspendPartner,
)
from partners.admin.snippets import csp_line, embed_address, iframe_markup
from partners.models import ApiKey, Partner, PartnerStatus
from partners.querysets import PartnerQuerySet

KEYS_SHOWN = 25


@admin.register(Partner)
class PartnerAdmin(ConsoleAdmin):
    list_display = ("name", "status_badge", "slug", "live_keys", "test_keys", "last_activity", "created")
    list_filter = (PartnerStatusFilter,)
    search_fields = ("slug",)
    search_help_text = "Name, slug or id"
    ordering = ("name",)
    page_template = "partners/partner.html"
    console_actions: ClassVar = (
        CreatePartner,
        IssueKeyFor,
        EditPartner,
        EditContacts,
        EditLiveOrigins,
        EditTestOrigins,
        SuspendPartner,
        ReactivatePartner,
        EmergencyRevoke,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Partner.objects.with_key_counts()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term or not isinstance(queryset, PartnerQuerySet):
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            return queryset.matching(term), False

    @admin.display(description="Status", ordering="status")
    def status_badge(self, partner: Partner) -> SafeString:
        return partner_badge(partner)

    @admin.display(description="Live keys", ordering="live_keys")
    def live_keys(self, partner: Any) -> SafeString:
        return _keys_link(partner, Environment.LIVE, partner.live_keys)

    @admin.display(description="Test keys", ordering="test_keys")
    def test_keys(self, partner: Any) -> SafeString:
        return _keys_link(partner, Environment.TEST, partner.test_keys)

    @admin.display(description="Last activity", ordering="last_activity_at")
    def last_activity(self, partner: Any) -> SafeString:
        return moment(partner.last_activity_at, empty="never")

    @admin.display(description="Created", ordering="created_at")
    def created(self, partner: Partner) -> SafeString:
        return moment(partner.created_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        partner = self.find(request, object_id)
        snippets = [
            {
                "environment": environment.value,
                "iframe": iframe_markup(partner, environment),
                "csp": csp_line(),
                "address": embed_address(partner, environment),
            }
            for environment in Environment
        ]
        return super().change_view(request, object_id, form_url, {"snippets": snippets, **(extra_context or {})})

    def dossier(self, request: HttpRequest, row: Any) -> Dossier:
        sections = [_facts(row), _contacts(row), *(_origins(row, environment) for environment in Environment)]
        if allows(request, "partners.view_apikey"):
            sections.append(_keys(row))
        sections += [section for tell in _tellers for section in tell(request, row)]
        warnings = [] if row.is_active else ["Suspended: every key of this partner is answered 403."]
        return Dossier(
            title=row.name,
            tags=[partner_badge(row), code(row.slug)],
            sections=sections,
            warnings=warnings,
            ledger=Event.objects.for_partner(row.pk).newest_first(),
            ledger_url=f"?partner={row.pk}",
        )


Teller = Callable[[HttpRequest, Partner], list[Section]]
_tellers: Final[list[Teller]] = []


def tell_of_partners(teller: Teller) -> None:
    """Let an app above this one add what it knows to a partner's page."""
    _tellers.append(teller)


def partner_badge(partner: Partner) -> SafeString:
    """Active or suspended, in its colour."""
    return badge(PartnerStatus(partner.status).label, tone="ok" if partner.is_active else "bad")


def names_of(ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """The names of partners, for the ledger's lists."""
    return dict(Partner.objects.filter(pk__in=list(ids)).values_list("pk", "name"))


def ids_matching(text: str) -> list[UUID]:
    """The partners a search text in the ledger may mean."""
    return list(Partner.objects.matching(text).values_list("pk", flat=True)[:50])


register_directory(PartnerDirectory(names_of, ids_matching))


def _keys_link(partner: Partner, environment: Environment, count: int) -> SafeString:
    url = f"{reverse('admin:partners_apikey_changelist')}?partner={partner.slug}&environment={environment}"
    return format_html('<a class="sa-link" href="{}">{}</a>', url, thousands(count))


def _facts(partner: Any) -> Section:
    setup = f"{thousands(partner.setup_per_minute or settings.SETUP_PER_MINUTE)} a minute"
    handshake = f"{thousands(partner.handshake_per_minute or settings.HANDSHAKE_PER_MINUTE)} a minute"
    facts = [
        Fact("Name", partner.name),
        Fact("Slug", code(partner.slug)),
        Fact("Id", code(partner.pk)),
        Fact("Setup limit", setup if partner.setup_per_minute else f"{setup}, the default"),
        Fact("Handshake limit", handshake if partner.handshake_per_minute else f"{handshake}, the default"),
        Fact("Last activity", exact_moment(partner.last_activity_at, empty="never")),
        Fact("Created", exact_moment(partner.created_at)),
        Fact("Changed", exact_moment(partner.updated_at)),
    ]
    return Section("Partner", facts, more=Button("Reports", f"{reverse('admin:reports')}?partner={partner.slug}"))


def _contacts(partner: Partner) -> Section:
    rows: list[list[str | SafeString]] = [
        [each.name, format_html('<a class="sa-link" href="mailto:{0}">{0}</a>', each.email), each.get_role_display()]
        for each in partner.contacts.order_by("role", "name")
    ]
    empty = "Nobody. Without a contact no one is told when a key is about to expire."
    return Section("Contacts", table=Table(["Name", "E-mail", "Role"], rows, empty=empty))


def _origins(partner: Partner, environment: Environment) -> Section:
    origins = partner.origins.filter(environment=environment).order_by("origin")
    rows: list[list[str | SafeString]] = [[code(each.origin)] for each in origins]
    title = f"{environment.value.capitalize()} origins"
    return Section(title, table=Table(["May frame the embed page"], rows, empty="None: no page may show the frame."))


def _keys(partner: Partner) -> Section:
    newest = ApiKey.objects.filter(partner=partner).defer("digest").select_related("partner").order_by("-id")[:KEYS_SHOWN]
    rows: list[list[str | SafeString]] = [
        [
            key_link(key),
            status_badge(key),
            badge(key.environment.upper(), tone=key.environment),
            key.name,
            scope_summary(key),
            moment(key.last_used_at, empty="never"),
            expiry(key),
            risk_badges(key),
        ]
        for key in newest
    ]
    columns = ["Kid", "Status", "Environment", "Name", "Scopes", "Last used", "Expires", "Risks"]
    all_keys = f"{reverse('admin:partners_apikey_changelist')}?partner={partner.slug}"
    return Section("Keys", table=Table(columns, rows, empty="No keys yet."), is_wide=True, more=Button("All keys", all_keys))
