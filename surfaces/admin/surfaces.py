"""The four surfaces: what opens each, how it refuses, its rules, and the way to change that."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction
from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import NOTHING, thousands
from audit.models import Event
from core.principals import Actor
from surfaces.admin.display import route_link, scope_tag, state_badge
from surfaces.forms import SurfaceForm
from surfaces.models import Route, Surface
from surfaces.names import SurfaceName
from surfaces.services.surfaces import update_surface


class EditSurface(ConsoleAction[SurfaceForm]):
    """Change how a surface is opened and how it refuses."""

    name = "edit"
    label = "Edit"
    title = "Edit"
    submit_label = "Save"
    permission = "surfaces.edit_rules"
    form_class = SurfaceForm
    row: Surface

    def heading(self) -> str:
        return f"{self.title} {self.row}"

    def warnings(self) -> list[str]:
        return [
            "In force on the next request, in every process. Callers who send the other kind of credential are refused then."
        ]

    def make_form(self, **kwargs: Any) -> SurfaceForm:
        names = ("mechanism", "takes_player_tokens", "error_family", "is_enabled", "description")
        return super().make_form(initial={name: getattr(self.row, name) for name in names}, **kwargs)

    def perform(self, form: SurfaceForm, actor: Actor) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        surface = update_surface(SurfaceName(self.row.name), spec=form.spec(), reason=reason, actor=actor)
        return self.done(self.back_url(), f"{surface} was saved.")


@admin.register(Surface)
class SurfaceAdmin(ConsoleAdmin):
    list_display = ("surface", "state", "opened_by", "refuses_in", "rules", "tenants")
    ordering = ("id",)
    console_actions: ClassVar = (EditSurface,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        tenants = Count("entitlements__partner", distinct=True)
        enabled = Count("routes", filter=Q(routes__is_enabled=True), distinct=True)
        return Surface.objects.annotate(enabled_rules=enabled, entitled_tenants=tenants)

    @admin.display(description="Surface", ordering="id")
    def surface(self, row: Surface) -> str:
        return row.get_name_display()

    @admin.display(description="State")
    def state(self, row: Surface) -> SafeString:
        return state_badge(is_enabled=row.is_enabled)

    @admin.display(description="Opened by")
    def opened_by(self, row: Surface) -> str:
        return _opened_by(row)

    @admin.display(description="Refuses in")
    def refuses_in(self, row: Surface) -> str:
        return row.get_error_family_display()

    @admin.display(description="Rules on")
    def rules(self, row: Any) -> str:
        return thousands(row.enabled_rules)

    @admin.display(description="Tenants")
    def tenants(self, row: Any) -> str:
        return thousands(row.entitled_tenants)

    def dossier(self, request: HttpRequest, row: Any) -> Dossier:
        facts = [
            Fact("Opened by", _opened_by(row)),
            Fact("Refuses in", row.get_error_family_display()),
            Fact("Tenants entitled", thousands(row.entitled_tenants)),
            Fact("Description", row.description or NOTHING),
        ]
        tenants = f"{reverse('admin:surfaces_entitlement_changelist')}?surface={row.name}"
        return Dossier(
            title=row.get_name_display(),
            tags=[state_badge(is_enabled=row.is_enabled)],
            sections=[Section("Surface", facts, more=Button("Who is entitled", tenants)), _rules(row)],
            warnings=[] if row.is_enabled else ["Switched off: every request to this surface is denied."],
            ledger=Event.objects.about("surface", row.name).newest_first(),
            ledger_url=f"?subject={row.name}",
        )


def _opened_by(row: Surface) -> str:
    return row.get_mechanism_display() + (" or a player token" if row.takes_player_tokens else "")


def _rules(row: Surface) -> Section:
    rules = Route.objects.filter(surface=row).order_by("pattern", "method")
    rows: list[list[str | SafeString]] = [
        [route_link(each), scope_tag(each.scope), state_badge(is_enabled=each.is_enabled), each.description or NOTHING]
        for each in rules
    ]
    columns = ["Rule", "Scope", "State", "Description"]
    everything = f"{reverse('admin:surfaces_route_changelist')}?surface={row.name}"
    table = Table(columns, rows, empty="No rules: nothing of this surface is open.")
    return Section("Rules", table=table, is_wide=True, more=Button("In the list", everything))
