"""The console's pages of event types: what there is, and what a receiver gets of each."""

import json
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import Card, ConsoleAdmin, Dossier, Fact, Section, Table, allows
from audit.admin_display import badge, code
from webhooks.admin.display import text_block
from webhooks.canonical import render_body, serialise
from webhooks.catalogue import CATALOGUE, RESERVED
from webhooks.formats import SignatureFormat
from webhooks.models import MessageSource
from webhooks.schemas import EventDefinition

if TYPE_CHECKING:
    from webhooks.admin.endpoints import EndpointAdmin

_PERMISSION: Final = "webhooks.view_endpoint"
_SOURCES: Final = {MessageSource.OWN: "This service", MessageSource.COMMERCE: "Commerce services, examples"}


def event_types_page(admin: "EndpointAdmin", request: HttpRequest) -> HttpResponse:
    """Every type of event, in a table for each source."""
    sections = [_listed(admin, source) for source in MessageSource]
    reserved = ", ".join(sorted(RESERVED))
    note = f"Besides, commerce services publish any lower-case dotted name that does not begin with one of: {reserved}."
    return _answer(admin, request, Dossier("Event types", [], [*sections, Section("Open names", note=note, is_wide=True)]))


def event_type_page(admin: "EndpointAdmin", request: HttpRequest, name: str) -> HttpResponse:
    """One type of event.

    Raises: Http404 for a type that the catalogue does not have.
    """
    event = CATALOGUE.get(name)
    if event is None:
        raise Http404
    facts = [
        Fact("Meaning", event.meaning),
        Fact("Version", str(event.version)),
        Fact("Said by", _SOURCES[event.source]),
        Fact("Filter", "can ask for it" if event.is_subscribable else "sent whatever the filter says"),
    ]
    samples = [
        Section(f"Body, format {style.value}", [Fact("Bytes", text_block(_sample(event, style)))], is_wide=True)
        for style in SignatureFormat
    ]
    schema = Section("Schema of data", [Fact("JSON Schema", text_block(_indented(event.schema)))], is_wide=True)
    dossier = Dossier(name, [badge(event.source.value)], [Section("Event", facts, is_wide=True), *samples, schema])
    return _answer(admin, request, dossier)


def _listed(admin: ConsoleAdmin, source: MessageSource) -> Section:
    rows: list[list[str | SafeString]] = [
        [_link(admin, each.type), each.meaning, f"v{each.version}"] for each in CATALOGUE.values() if each.source is source
    ]
    return Section(_SOURCES[source], table=Table(["Type", "Meaning", "Version"], rows), is_wide=True)


def _link(admin: ConsoleAdmin, name: str) -> SafeString:
    url = reverse(f"admin:{admin.url_name('event_type')}", args=[name])
    return format_html('<a class="sa-link" href="{}">{}</a>', url, code(name))


def _sample(event: EventDefinition, style: SignatureFormat) -> str:
    now = timezone.now()
    return render_body(serialise(event.example), event_type=event.type, occurred_at=now, style=style).decode()


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _answer(admin: "EndpointAdmin", request: HttpRequest, dossier: Dossier) -> HttpResponse:
    if not allows(request, _PERMISSION):
        raise PermissionDenied
    cards = [Card(each, []) for each in dossier.sections]
    context = {**admin.page_context(request, dossier.title), "dossier": dossier, "cards": cards, "buttons": [], "ledger": None}
    return TemplateResponse(request, ConsoleAdmin.page_template, context)
