"""The staff's admin site: Unfold when ADMIN_THEME says so, Django's plain one as the way out."""

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from core.api import refuse
from core.credentials import kid_in
from core.errors import SecretInUrlError
from core.http import secrets_in_query
from sticker_auth.admin_theme import deployment_word
from sticker_auth.dashboard import dashboard

if TYPE_CHECKING or settings.ADMIN_THEME == "plain":
    BaseSite = AdminSite
else:
    from unfold.sites import UnfoldAdminSite as BaseSite

View = Callable[..., HttpResponse]


class StickerAdminSite(BaseSite):
    site_title = "Sticker Auth"
    site_header = "Sticker Auth"
    index_title = "Overview"
    site_url = None
    login_template = "admin/console/login.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        is_plain = settings.ADMIN_THEME == "plain"
        if is_plain:
            context["site_header"] = f"{self.site_header} · {deployment_word()}"
        return {**context, "is_plain": is_plain, "deployment": deployment_word()}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "subtitle": None,
            "app_list": self.get_app_list(request),
            "dashboard": dashboard(request),
            **(extra_context or {}),
        }
        request.current_app = self.name
        return TemplateResponse(request, "admin/console/index.html", context)

    def get_urls(self) -> list[Any]:
        from sticker_auth.reports.admin_page import reports_page  # stands on admin classes, which register at this site

        page = self.admin_view(partial(reports_page, site=self))
        return [path("reports/", page, name="reports"), *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return _guarded(super().login)(request, extra_context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return _guarded(super().admin_view(view, cacheable))


def _guarded(view: View) -> View:
    """Refuse an address that carries a key or token before anything reads it, and let forms of these pages say their origin.

    Under `no-referrer` a browser sends `Origin: null` with a form, which the CSRF check refuses.
    """

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = secrets_in_query(request)
        response = _exposed(request, found) if found else view(request, *args, **kwargs)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    return inner


def _exposed(request: HttpRequest, found: list[str]) -> HttpResponse:
    error = SecretInUrlError(reason="secret_in_query")
    refuse(request, error)
    kids = [kid for kid in map(kid_in, found) if kid]
    context = {"error": error, "kid": kids[0] if kids else "", "is_admin": True}
    return TemplateResponse(request, "admin/console/exposed.html", context, status=error.status).render()
