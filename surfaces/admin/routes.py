"""The rules: the list, the page of one, and what staff do with them."""

from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import NOTHING, code, environment_tag, exact_moment, link, moment, thousands
from audit.models import Event
from core.principals import Actor
from surfaces.admin.display import SurfaceFilter, SwitchFilter, scope_tag, state_badge, surface_link
from surfaces.admin.tester import TryRequest
from surfaces.forms import RouteForm
from surfaces.models import Entitlement, Route
from surfaces.names import Method
from surfaces.paths import SegmentKind, parse_pattern
from surfaces.services.routes import create_route, disable_route, enable_route, update_route

F = TypeVar("F", bound=forms.Form)
ENTITLEMENTS_SHOWN = 50


class CreateRoute(ConsoleAction[RouteForm]):
    """A new rule."""

    name = "create"
    label = "New rule"
    title = "New rule"
    submit_label = "Create rule"
    permission = "surfaces.edit_rules"
    is_on_row = False
    form_class = RouteForm

    def perform(self, form: RouteForm, actor: Actor) -> HttpResponse:
        route = create_route(form.spec(), reason=form.cleaned_data["reason"], actor=actor)
        return self.done(reverse("admin:surfaces_route_change", args=[route.pk]), f"{route} is in force.")


class RouteAction(ConsoleAction[F]):
    """An act on one rule."""

    permission = "surfaces.edit_rules"
    row: Route

    def heading(self) -> str:
        return f"{self.title} {self.row}"


class EditRoute(RouteAction[RouteForm]):
    """Change what a rule says."""

    name = "edit"
    label = "Edit"
    title = "Edit"
    submit_label = "Save"
    form_class = RouteForm

    def make_form(self, **kwargs: Any) -> RouteForm:
        names = ("method", "pattern", "scope", "calls_per_minute", "description")
        initial = {name: getattr(self.row, name) for name in names} | {"surface": self.row.surface.name}
        return super().make_form(initial=initial, **kwargs)

    def perform(self, form: RouteForm, actor: Actor) -> HttpResponse:
        route = update_route(self.row.pk, spec=form.spec(), reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{route} was saved.")


class DisableRoute(RouteAction[ReasonForm]):
    """Deny what a rule decides."""

    name = "disable"
    label = "Switch off"
    title = "Switch off"
    submit_label = "Switch off"
    tone = "danger"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Route) -> bool:
        return row.is_enabled

    def warnings(self) -> list[str]:
        return ["From the next request on, what this rule decides is denied to everyone; no wider rule takes its place."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        route = disable_route(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{route} is switched off.")


class EnableRoute(RouteAction[ReasonForm]):
    """Let a rule decide again."""

    name = "enable"
    label = "Switch on"
    title = "Switch on"
    submit_label = "Switch on"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Route) -> bool:
        return not row.is_enabled

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        route = enable_route(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{route} decides again.")


@admin.register(Route)
class RouteAdmin(ConsoleAdmin):
    list_display = ("rule", "surface_name", "scope_tag", "state", "limit", "description", "changed")
    list_filter = (SurfaceFilter, SwitchFilter)
    list_select_related = ("surface",)
    search_fields = ("pattern",)
    search_help_text = "Path, scope or description"
    ordering = ("pattern", "method")
    console_actions: ClassVar = (TryRequest, CreateRoute, EditRoute, DisableRoute, EnableRoute)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        named = Q(pattern__icontains=term) | Q(scope__icontains=term) | Q(description__icontains=term)
        return (queryset.filter(named) if term else queryset), False

    @admin.display(description="Rule", ordering="pattern")
    def rule(self, row: Route) -> SafeString:
        return code(row)

    @admin.display(description="Surface", ordering="surface_id")
    def surface_name(self, row: Route) -> SafeString:
        return surface_link(row.surface)

    @admin.display(description="Scope", ordering="scope")
    def scope_tag(self, row: Route) -> SafeString:
        return scope_tag(row.scope)

    @admin.display(description="State")
    def state(self, row: Route) -> SafeString:
        return state_badge(is_enabled=row.is_enabled)

    @admin.display(description="Limit")
    def limit(self, row: Route) -> str | SafeString:
        return f"{thousands(row.calls_per_minute)} a minute" if row.calls_per_minute else NOTHING

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, row: Route) -> SafeString:
        return moment(row.updated_at)

    def dossier(self, request: HttpRequest, row: Route) -> Dossier:
        facts = [
            Fact("Surface", surface_link(row.surface)),
            Fact("Method", code(row.method)),
            Fact("Path", code(row.pattern)),
            Fact("Matches", _matches(row)),
            Fact("Scope", scope_tag(row.scope)),
            Fact("Limit", self.limit(row)),
            Fact("Description", row.description or NOTHING),
            Fact("Created", exact_moment(row.created_at)),
            Fact("Changed", exact_moment(row.updated_at)),
        ]
        return Dossier(
            title=str(row),
            tags=[state_badge(is_enabled=row.is_enabled)],
            sections=[Section("Rule", facts, more=Button("Try it", _try_url(row))), _entitled(row)],
            warnings=[] if row.is_enabled else ["Switched off: what this rule decides is denied."],
            ledger=Event.objects.about("route", str(row.pk)).newest_first(),
            ledger_url=f"?{urlencode({'subject': row.pk, 'type': 'route.'})}",
        )


def _matches(row: Route) -> str:
    kinds = parse_pattern(row.pattern).kinds
    if SegmentKind.REST in kinds:
        return "The path and everything below it, each segment as written"
    return (
        "Exactly this path" if SegmentKind.PARAMETER not in kinds else "This path, with any one segment for each name in braces"
    )


def _try_url(row: Route) -> str:
    method = "GET" if row.method == Method.ANY else row.method
    return f"{reverse('admin:surfaces_route_try')}?{urlencode({'method': method, 'path': row.pattern})}"


def _entitled(row: Route) -> Section:
    held = Entitlement.objects.filter(route=row).select_related("partner").order_by("partner__name", "environment")
    rows: list[list[str | SafeString]] = [
        [link(each.partner.name, "partners_partner_change", each.partner_id), environment_tag(each.environment)]
        for each in held[:ENTITLEMENTS_SHOWN]
    ]
    note = "Tenants entitled to the whole surface are not listed here."
    table = Table(["Partner", "Environment"], rows, empty="Nobody to this rule alone.")
    return Section("Entitled to this rule alone", table=table, note=note)
