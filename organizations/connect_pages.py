"""The pages by which a person connects an organization to its provider; opening one changes nothing."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core.api import as_sticker_error, read_request_json, refuse
from core.errors import ForbiddenError, StickerError
from core.http import context_of
from core.responses import error_response, json_response
from organizations.errors import ConnectLinkError
from organizations.services.connect_links import Return, find_link, finish_connecting, start_connecting

COOKIE: Final = "__Host-sticker-connect"
_COOKIE_SECONDS: Final = 3600
_MAX_PARAMETER_CHARS: Final = 4096
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)


@never_cache
@require_safe
def connect_page(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Say what would be connected, with a button; the link's secret stays in the browser until it is pressed."""
    try:
        link = find_link(link_id)
    except StickerError as error:
        return _problem(request, error)
    return _page(request, "organizations/connect.html", {"organization": link.organization, "link_id": link_id})


# The secret in the body is what opens this; a page elsewhere has none, and no cookie is read.
@csrf_exempt
@never_cache
@require_POST
def start(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Begin the walk in this browser: answer where it goes."""
    try:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise ForbiddenError(reason="cross_site")
        secret = read_request_json(request).get("secret")
        begun = start_connecting(link_id, secret=secret if isinstance(secret, str) else "")
    except (StickerError, OperationalError, InterfaceError) as error:
        wrong = as_sticker_error(error)
        refuse(request, wrong)
        return error_response(request, wrong)
    response = json_response({"success": True, "address": begun.address})
    response.set_cookie(COOKIE, begun.browser, max_age=_COOKIE_SECONDS, secure=True, httponly=True, samesite="Lax")
    return response


@never_cache
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Take what the provider's redirect brings, and finish the walk."""
    if request.method == "HEAD":
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if "error" in request.GET:
        return _page(request, "organizations/connect_declined.html", {}, status=HTTPStatus.OK)
    try:
        grant = finish_connecting(_brought(request))
    except StickerError as error:
        return _problem(request, error)
    response = _page(request, "organizations/connected.html", {"organization": grant.organization})
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def _brought(request: HttpRequest) -> Return:
    link_id, _, state = _parameter(request, "state").partition(".")
    try:
        found = UUID(link_id)
    except ValueError as error:
        raise ConnectLinkError(reason="connect_state") from error
    issuer = _parameter(request, "iss") if "iss" in request.GET else None
    code, browser = _parameter(request, "code"), request.COOKIES.get(COOKIE, "")
    return Return(found, state, browser, code, issuer, context_of(request))


def _parameter(request: HttpRequest, name: str) -> str:
    values = request.GET.getlist(name)
    if len(values) > 1 or any(len(value) > _MAX_PARAMETER_CHARS or "\x00" in value for value in values):
        raise ConnectLinkError(reason="connect_parameters")
    return values[0] if values else ""


def _problem(request: HttpRequest, error: StickerError) -> HttpResponse:
    refuse(request, error)
    return _page(request, "organizations/connect_problem.html", {"error": error}, status=error.status)


def _page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
