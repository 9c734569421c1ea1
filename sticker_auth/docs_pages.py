"""The pages under /docs/: the API document drawn for people, the lists of errors and events; and the document itself."""

import json
from dataclasses import asdict
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from core.errors import CatalogueEntry, catalogue
from sticker_auth.openapi import document
from webhooks.catalogue import CATALOGUE, RESERVED
from webhooks.models import MessageSource
from webhooks.schemas import EventDefinition

_CACHING: Final = {"Cache-Control": "public, max-age=300"}


@csrf_exempt  # nothing to protect: another method than GET and HEAD is a 405
@require_safe
def openapi_json(_request: HttpRequest) -> HttpResponse:
    """The OpenAPI document; anyone may read it."""
    return HttpResponse(_document_bytes(), content_type="application/json", headers=_CACHING)


@csrf_exempt
@require_safe
def api_page(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document, drawn by Swagger UI, with everything it loads served from here."""
    return render(request, "docs/api.html", {"page": "api"})


@csrf_exempt
@require_safe
def errors_page(request: HttpRequest) -> HttpResponse:
    """Every refusal a caller can meet; `type` of a problem answer points at its entry here."""
    return render(request, "docs/errors.html", {"page": "errors", "entries": [_entry(each) for each in catalogue()]})


@csrf_exempt
@require_safe
def events_page(request: HttpRequest) -> HttpResponse:
    """Every type of event a webhook can tell, with its schema and an example."""
    groups = [
        (source.label, [_event(each) for each in CATALOGUE.values() if each.source is source]) for source in MessageSource
    ]
    return render(request, "docs/events.html", {"page": "events", "groups": groups, "reserved": sorted(RESERVED)})


@cache
def _document_bytes() -> bytes:
    return orjson.dumps(document())


def _entry(entry: CatalogueEntry) -> dict[str, Any]:
    return {**asdict(entry), "anchor": entry.slug.lower(), "phrase": HTTPStatus(entry.status).phrase}


def _event(event: EventDefinition) -> dict[str, Any]:
    return {
        "type": event.type,
        "version": event.version,
        "meaning": event.meaning,
        "is_subscribable": event.is_subscribable,
        "example": json.dumps(event.example, indent=2, ensure_ascii=False),
        "schema": json.dumps(event.schema, indent=2, ensure_ascii=False),
    }
