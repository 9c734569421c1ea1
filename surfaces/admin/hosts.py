"""Which host name is whose: the list, adding and removing."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section
from audit.admin_display import code, environment_tag, exact_moment, link, moment
from audit.admin_filters import EnvironmentFilter
from audit.models import Event
from core.principals import Actor
from partners.admin.filters import PartnerFilter
from surfaces.forms import HostForm
from surfaces.models import TenantHost
from surfaces.services.hosts import add_tenant_host, remove_tenant_host


class AddHost(ConsoleAction[HostForm]):
    """Give a host name to a tenant."""

    name = "create"
    label = "Add host"
    title = "Add host"
    submit_label = "Add host"
    permission = "surfaces.edit_rules"
    is_on_row = False
    form_class = HostForm

    def perform(self, form: HostForm, actor: Actor) -> HttpResponse:
        partner, environment = form.tenant()
        fields = form.cleaned_data
        host = add_tenant_host(
            fields["host"], partner_id=partner.pk, environment=environment, reason=fields["reason"], actor=actor
        )
        return self.done(reverse("admin:surfaces_tenanthost_change", args=[host.pk]), f"{host} is {partner.name}'s.")


class RemoveHost(ConsoleAction[ReasonForm]):
    """Take a host name from its tenant."""

    name = "remove"
    label = "Remove"
    title = "Remove"
    submit_label = "Remove host"
    permission = "surfaces.edit_rules"
    tone = "danger"
    form_class = ReasonForm
    row: TenantHost

    def heading(self) -> str:
        return f"Remove {self.row.host}"

    def warnings(self) -> list[str]:
        return [
            "From the next request on, requests to this host no longer ask for a tenant: any tenant's credential is let in."
        ]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        remove_tenant_host(self.row.host, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(reverse("admin:surfaces_tenanthost_changelist"), f"{self.row.host} is nobody's any more.")


@admin.register(TenantHost)
class TenantHostAdmin(ConsoleAdmin):
    list_display = ("host_name", "tenant", "environment_tag", "added")
    list_filter = (EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("host", "partner__slug", "partner__name")
    search_help_text = "Host or partner"
    ordering = ("host",)
    console_actions: ClassVar = (AddHost, RemoveHost)

    @admin.display(description="Host", ordering="host")
    def host_name(self, row: TenantHost) -> SafeString:
        return code(row.host)

    @admin.display(description="Partner")
    def tenant(self, row: TenantHost) -> SafeString:
        return link(row.partner.name, "partners_partner_change", row.partner_id)

    @admin.display(description="Env.")
    def environment_tag(self, row: TenantHost) -> SafeString:
        return environment_tag(row.environment)

    @admin.display(description="Added", ordering="created_at")
    def added(self, row: TenantHost) -> SafeString:
        return moment(row.created_at)

    def dossier(self, request: HttpRequest, row: Any) -> Dossier:
        facts = [
            Fact("Host", code(row.host)),
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            Fact("Added", exact_moment(row.created_at)),
        ]
        return Dossier(
            title=row.host,
            tags=[environment_tag(row.environment)],
            sections=[Section("Host", facts, is_wide=True)],
            environment=row.environment,
            ledger=Event.objects.about("tenant_host", row.host[:64]).newest_first(),
            ledger_url=f"?subject={row.host[:64]}",
        )
