"""The one door to the admin theme: all our admin classes stand on it, so that the plain admin stays a working way out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from audit.event_display import ledger_lines
from audit.models import Event
from core.http import context_of
from core.principals import Actor, ActorKind

if TYPE_CHECKING:
    from audit.admin_actions import ConsoleAction

    ThemedAdmin = admin.ModelAdmin[Any]
elif settings.ADMIN_THEME == "unfold":
    from unfold.admin import ModelAdmin as ThemedAdmin
else:
    from django.contrib.admin import ModelAdmin as ThemedAdmin

IS_PLAIN: Final = settings.ADMIN_THEME == "plain"
MAX_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled value of a page; the value is text to escape, or HTML from `admin_display`."""

    label: str
    value: str | SafeString


@dataclass(frozen=True, slots=True)
class Table:
    """A small table of a page."""

    columns: list[str]
    rows: list[list[str | SafeString]]
    empty: str = "Nothing yet."

    def labelled(self) -> list[list[tuple[str, str | SafeString]]]:
        """The rows with each cell's column beside it, for screens too narrow for columns."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Section:
    """One card of a page: facts, a table, or both; `is_wide` takes the whole width."""

    title: str
    facts: list[Fact] = field(default_factory=list)
    table: Table | None = None
    note: str = ""
    is_wide: bool = False
    more: "Button | None" = None


@dataclass(frozen=True, slots=True)
class Button:
    """A link that opens the confirmation of an act; a GET of it changes nothing. `section` names the card it stands in."""

    label: str
    url: str
    tone: str = "plain"
    section: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A section with the acts that belong to it."""

    section: Section
    buttons: list[Button]


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything a read-only page shows of one row."""

    title: str
    tags: list[SafeString]
    sections: list[Section]
    warnings: list[str] = field(default_factory=list)
    environment: str = ""
    ledger: QuerySet[Event] | None = None
    ledger_url: str = ""
    ledger_heading: str = "Ledger"


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Pages through a large table without counting all of it: past the cap it says how many it counted and stops there."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:MAX_COUNTED].count())


def staff_actor(request: HttpRequest) -> Actor:
    """The signed-in member of staff in the words of the ledger."""
    user = request.user
    if not user.is_authenticated:
        raise PermissionDenied
    return Actor(ActorKind.STAFF, str(user.pk), user.get_username(), context_of(request))


def allows(request: HttpRequest, permission: str) -> bool:
    """Tell whether the signed-in member of staff holds a permission, written `app.codename`."""
    return bool(request.user.has_perm(permission))


class _LinksByObjectId:
    """Mixed in front of the theme's list: rows are linked by what stands for them in addresses, which need not be the key."""

    model_admin: "ConsoleAdmin"

    def url_for_result(self, result: Any) -> str:
        admin = self.model_admin
        return reverse(f"admin:{admin.url_name('change')}", args=[admin.object_id(result)])


class ConsoleAdmin(ThemedAdmin):
    """Rows that staff look at and never edit in place; whatever may be done to them is one of `console_actions`."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    page_template = "admin/console/dossier.html"
    console_actions: ClassVar[tuple[type["ConsoleAction[Any]"], ...]] = ()
    change_list_template = "admin/console/change_list.html"

    if IS_PLAIN and not TYPE_CHECKING:

        class Media:
            css = {"all": ["admin_console/console.css"]}
            js = ["admin_console/console.js"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[..., Any] = self.admin_site.admin_view
        own = [
            path(each.route(), wrap(each.as_view(admin=self)), name=self.url_name(each.name))
            for each in self.console_actions
            if each.has_page
        ]
        return [
            path("", wrap(self.changelist_view), name=self.url_name("changelist")),
            *own,
            path("<path:object_id>/change/", wrap(self.change_view), name=self.url_name("change")),
        ]

    def url_name(self, name: str) -> str:
        """The name of one of this model's pages, without the site's name space."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def object_id(self, row: Any) -> str:
        """What stands for a row in the addresses of its pages."""
        return str(row.pk)

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """The row a page is about.

        Raises: PermissionDenied for staff who may not see such rows; Http404 when there is none.
        """
        found = self.get_object(request, object_id)
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if found is None:
            raise Http404
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {"console_buttons": self.buttons(request), **(extra_context or {})}
        response = super().changelist_view(request, extra)
        shown = getattr(response, "context_data", None)
        if shown and "cl" in shown:
            shown.update(self.list_context(shown["cl"]))
        return response

    def list_context(self, changelist: Any) -> dict[str, Any]:
        """What the list's template gets besides the theme's own, once its rows are known."""
        if not changelist.query and not changelist.has_active_filters:
            changelist.full_result_count = changelist.result_count
        return {}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return type("ConsoleChangeList", (_LinksByObjectId, super().get_changelist(request, **kwargs)), {})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.find(request, object_id)
        dossier = self.dossier(request, row)
        buttons = self.buttons(request, row)
        context = {
            **self.page_context(request, dossier.title),
            "dossier": dossier,
            "cards": [Card(each, [button for button in buttons if button.section == each.title]) for each in dossier.sections],
            "buttons": [button for button in buttons if not button.section],
            "ledger": ledger_lines(dossier.ledger) if dossier.ledger is not None and _sees_ledger(request) else None,
            "ledger_url": f"{reverse('admin:audit_event_changelist')}{dossier.ledger_url}" if dossier.ledger_url else "",
            "ledger_heading": dossier.ledger_heading,
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.page_template, context)

    def page_context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        """What every page of this model gives its template."""
        request.current_app = self.admin_site.name
        changelist_url = reverse(f"admin:{self.url_name('changelist')}")
        site = self.admin_site.each_context(request)
        return {**site, "title": title, "opts": self.opts, "changelist_url": changelist_url}

    def dossier(self, request: HttpRequest, row: Any) -> Dossier:
        """What the page of one row shows; each admin says it for its own model."""
        raise NotImplementedError

    def buttons(self, request: HttpRequest, row: Any = None) -> list[Button]:
        """The acts this member of staff may start here: on one row, or on the list."""
        return [
            each.button(self, request, row)
            for each in self.console_actions
            if each.is_on_row is (row is not None) and allows(request, each.permission) and each.is_offered(request, row)
        ]


def _sees_ledger(request: HttpRequest) -> bool:
    return allows(request, "audit.view_event")
