"""Who may use which surface: the list, the page of one entitlement, granting and withdrawing."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table, allows
from audit.admin_display import environment_tag, exact_moment, link, moment
from audit.admin_filters import EnvironmentFilter
from audit.models import Event
from core.principals import Actor, Environment
from partners.admin.filters import PartnerFilter
from partners.admin.partners import tell_of_partners
from partners.models import Partner
from surfaces.admin.display import SurfaceFilter, route_link, surface_link
from surfaces.forms import GrantForm
from surfaces.models import Entitlement
from surfaces.names import SurfaceName
from surfaces.services.entitlements import grant_surface, withdraw_surface

_SHOWN: Final = 40


class Grant(ConsoleAction[GrantForm]):
    """Let a tenant use a surface, or one route of it."""

    name = "grant"
    label = "Entitle a tenant"
    title = "Entitle a tenant"
    submit_label = "Entitle"
    permission = "surfaces.grant_entitlement"
    is_on_row = False
    form_class = GrantForm

    def make_form(self, **kwargs: Any) -> GrantForm:
        return super().make_form(initial={"partner": self.request.GET.get("partner", "")}, **kwargs)

    def perform(self, form: GrantForm, actor: Actor) -> HttpResponse:
        partner, environment = form.tenant()
        surface, route_id = form.granted()
        made = grant_surface(
            partner.pk,
            environment=environment,
            surface=surface,
            route_id=route_id,
            reason=form.cleaned_data["reason"],
            actor=actor,
        )
        return self.done(reverse("admin:surfaces_entitlement_change", args=[made.pk]), f"{partner.name} is entitled.")


class Withdraw(ConsoleAction[ReasonForm]):
    """Take an entitlement from its tenant."""

    name = "withdraw"
    label = "Withdraw"
    title = "Withdraw"
    submit_label = "Withdraw"
    permission = "surfaces.withdraw_entitlement"
    tone = "danger"
    form_class = ReasonForm
    row: Entitlement

    def heading(self) -> str:
        return f"Withdraw {_what(self.row)} from {self.row.partner.name}"

    def warnings(self) -> list[str]:
        return [
            "From the next request on the tenant's keys and tokens are answered 403 here. Granting it anew lets them in again."
        ]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        row = self.row
        withdraw_surface(
            row.partner_id,
            environment=Environment(row.environment),
            surface=SurfaceName(row.surface.name),
            route_id=row.route_id,
            reason=form.cleaned_data["reason"],
            actor=actor,
        )
        return self.done(reverse("admin:surfaces_entitlement_changelist"), f"Withdrawn from {row.partner.name}.")


@admin.register(Entitlement)
class EntitlementAdmin(ConsoleAdmin):
    list_display = ("tenant", "environment_tag", "surface_name", "what", "granted", "granted_by")
    list_filter = (SurfaceFilter, EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner", "surface", "route")
    search_fields = ("partner__slug", "partner__name")
    search_help_text = "Partner"
    ordering = ("-id",)
    console_actions: ClassVar = (Grant, Withdraw)

    @admin.display(description="Partner", ordering="partner__name")
    def tenant(self, row: Entitlement) -> str:
        return row.partner.name

    @admin.display(description="Env.")
    def environment_tag(self, row: Entitlement) -> SafeString:
        return environment_tag(row.environment)

    @admin.display(description="Surface")
    def surface_name(self, row: Entitlement) -> SafeString:
        return surface_link(row.surface)

    @admin.display(description="May use")
    def what(self, row: Entitlement) -> str | SafeString:
        return route_link(row.route) if row.route else "All of it"

    @admin.display(description="Granted", ordering="granted_at")
    def granted(self, row: Entitlement) -> SafeString:
        return moment(row.granted_at)

    def dossier(self, request: HttpRequest, row: Entitlement) -> Dossier:
        facts = [
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            Fact("Surface", surface_link(row.surface)),
            Fact("May use", self.what(row)),
            Fact("Granted", exact_moment(row.granted_at)),
            Fact("Granted by", row.granted_by or "-"),
        ]
        subject = f"{row.surface.name}:{row.environment}"
        about = Event.objects.about("entitlement", subject).filter(partner_id=row.partner_id).newest_first()
        return Dossier(
            title=f"{row.partner.name}: {_what(row)}",
            tags=[environment_tag(row.environment)],
            sections=[Section("Entitlement", facts, is_wide=True)],
            environment=row.environment,
            ledger=about,
            ledger_url=f"?partner={row.partner_id}&type=entitlement.",
        )


def surfaces_of(request: HttpRequest, partner: Partner) -> list[Section]:
    """What a partner may use, for its own page."""
    if not allows(request, "surfaces.view_entitlement"):
        return []
    held = Entitlement.objects.filter(partner=partner).select_related("surface", "route").order_by("environment", "surface_id")
    rows: list[list[str | SafeString]] = [
        [
            environment_tag(each.environment),
            surface_link(each.surface),
            route_link(each.route) if each.route else "All of it",
            link("Open", "surfaces_entitlement_change", each.pk),
        ]
        for each in held[:_SHOWN]
    ]
    table = Table(["Environment", "Surface", "May use", ""], rows, empty="Nothing: every surface answers its credentials 403.")
    everything = f"{reverse('admin:surfaces_entitlement_changelist')}?partner={partner.slug}"
    return [Section("Surfaces", table=table, is_wide=True, more=Button("All entitlements", everything))]


tell_of_partners(surfaces_of)


def _what(row: Entitlement) -> str:
    return str(row.route) if row.route else f"all of {row.surface}"
