"""How rules and entitlements look in lists and on pages, and the filters their lists share."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.admin_display import NOTHING, badge, code, link
from audit.admin_filters import ChoiceFilter
from surfaces.forms import SURFACES
from surfaces.models import Route, Surface


def state_badge(*, is_enabled: bool) -> SafeString:
    """On or off."""
    return badge("On", tone="ok") if is_enabled else badge("Off", tone="bad", title="Every request it decides is denied.")


def surface_link(surface: Surface) -> SafeString:
    """A surface by its name, with its page behind it."""
    return link(surface.get_name_display(), "surfaces_surface_change", surface.pk)


def route_link(route: Route) -> SafeString:
    """A rule by its method and path, with its page behind it."""
    return link(code(route), "surfaces_route_change", route.pk)


def scope_tag(scope: str) -> SafeString:
    """A scope, or that none is needed."""
    return code(scope) if scope else NOTHING


class SurfaceFilter(ChoiceFilter):
    """Which of the four."""

    title = "surface"
    parameter_name = "surface"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return SURFACES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(surface__name=self.value()) if self.value() else queryset


class SwitchFilter(ChoiceFilter):
    """On or off."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("on", "On"), ("off", "Off")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_enabled=self.value() == "on") if self.value() else queryset
