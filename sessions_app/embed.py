"""The embed page: static, the same for every user, written for one partner's origins; it consumes and writes nothing."""

import re
import secrets
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from core.principals import Environment
from partners.models import PartnerOrigin, PartnerStatus

_CATEGORY: Final = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
_RELATIVE: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]{0,511}", re.ASCII)


@csrf_exempt  # nothing to protect: another method than GET and HEAD is a 405
@require_safe
@xframe_options_exempt
def live_page(request: HttpRequest, partner_id: UUID) -> HttpResponse:
    """The page of the live environment."""
    return _page(request, partner_id, Environment.LIVE)


@csrf_exempt
@require_safe
@xframe_options_exempt
def sandbox_page(request: HttpRequest, partner_id: UUID) -> HttpResponse:
    """The page of the test environment."""
    return _page(request, partner_id, Environment.TEST)


def _page(request: HttpRequest, partner_id: UUID, environment: Environment) -> HttpResponse:
    # An unknown and a suspended partner have no origins: the page is the same and nobody may frame it.
    origins = list(
        PartnerOrigin.objects.filter(
            partner_id=partner_id, environment=environment, partner__status=PartnerStatus.ACTIVE
        ).values_list("origin", flat=True)
    )
    nonce = secrets.token_urlsafe(16)
    context = {
        "nonce": nonce,
        "partner_id": partner_id,
        "environment": environment.value,
        "allowed_origins": origins,
        "theme": _chosen(request, "theme", ("light", "dark")),
        "hide_nav": request.GET.get("hide_nav") == "1",
        "category": _category(request),
        "return_url": _return_url(request, origins),
    }
    response = render(request, "sessions_app/embed.html", context)
    for name, value in _headers(nonce, origins).items():
        response.headers[name] = value
    return response


def _headers(nonce: str, origins: list[str]) -> dict[str, str]:
    ancestors = " ".join(origins) or "'none'"
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src 'self' data:;"
        f" base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Permissions-Policy": "payment=(self), publickey-credentials-get=(self), fullscreen=(self), camera=(), microphone=()",
        # So that a cross-origin-isolated parent may embed the page.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
    }


def _chosen(request: HttpRequest, name: str, known: tuple[str, ...]) -> str:
    value = request.GET.get(name, "")
    return value if value in known else ""


def _category(request: HttpRequest) -> str:
    value = request.GET.get("category", "")
    return value if _CATEGORY.fullmatch(value) else ""


def _return_url(request: HttpRequest, origins: list[str]) -> str:
    value = request.GET.get("return_url", "")
    path = next((value[len(origin) :] for origin in origins if value.startswith(origin + "/")), value)
    return value if _RELATIVE.fullmatch(path) else ""
