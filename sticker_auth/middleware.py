"""What stands around Django's own middleware: the ways of an API request, and the content policy of our own pages.

An API path needs no session, message, CSRF token or static file (it is opened by a header or a bound cookie of its own), and
stepping through all that takes a tenth of a request's time. Django's classes stand under their own names, so that its
deployment checks see them.
"""

from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.api import refuse
from core.errors import HttpsRequiredError
from core.middleware import GetResponse, is_api
from core.responses import PLATFORM_PREFIXES, error_response

# What programs call with a credential in a header.
_CALLED: Final = ("/v1/", *PLATFORM_PREFIXES)


class HttpsOnlyApi:
    """Refuse an API call over plain http where https is due, instead of redirecting it.

    Its credential has crossed the network in the clear already, and a redirect would hide that from the caller for ever.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and request.path_info.startswith(_CALLED):
            error = HttpsRequiredError(reason="plain_http")
            refuse(request, error)
            return error_response(request, error)
        return self.get_response(request)


class ApiShortcut:
    """Take an API request past every middleware that follows, straight to its view."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._to_view = _innermost(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._to_view(request) if is_api(request.path_info) else self.get_response(request)


def _innermost(handler: GetResponse) -> GetResponse:
    """Follow a chain of middleware, each wrapped by Django, to the handler that calls the view."""
    while (following := getattr(getattr(handler, "__wrapped__", None), "get_response", None)) is not None:
        handler = following
    return handler


# Unfold's Alpine evaluates expressions and sets inline styles; nobody but staff loads these pages, and nothing from outside.
_ADMIN_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class PagePolicy:
    """Give every page that has no Content-Security-Policy of its own the one of its part of the site."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not is_api(request.path_info):
            policy = _ADMIN_POLICY if request.path_info.startswith("/admin/") else _PAGE_POLICY
            response.headers.setdefault("Content-Security-Policy", policy)
        return response
