"""Django's middleware, stepping aside on API paths, and the content policy of our own pages.

API paths need no session, cookie, message or CSRF token (they are opened by a header or a bound cookie of their own), and
each of these costs a request time. Django's SecurityMiddleware, CSRF and X-Frame-Options middleware run everywhere, under
their own names, so that its deployment checks see them.
"""

from typing import Final

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from core.api import refuse
from core.errors import HttpsRequiredError
from core.middleware import GetResponse, is_api
from core.responses import error_response


class _OutsideApi:
    """Mixed in front of a middleware: pass an API request straight on, past all of its kind that follow."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)  # type: ignore[call-arg]  # the middleware mixed in
        following = getattr(get_response, "__wrapped__", None)
        self._api_response: GetResponse = following._api_response if isinstance(following, _OutsideApi) else get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_api(request.path_info):
            return self._api_response(request)
        return super().__call__(request)  # type: ignore[misc,no-any-return]  # the middleware mixed in


class HttpsOnlyApi:
    """Refuse an API call over plain http where https is due, instead of redirecting it.

    Its credential has crossed the network in the clear already, and a redirect would hide that from the caller for ever.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and request.path_info.startswith("/v1/"):
            error = HttpsRequiredError(reason="plain_http")
            refuse(request, error)
            return error_response(request, error)
        return self.get_response(request)


class StaticFiles(_OutsideApi, WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped library
    pass


class Sessions(_OutsideApi, SessionMiddleware):
    pass


class Common(_OutsideApi, CommonMiddleware):
    pass


class Authentication(_OutsideApi, AuthenticationMiddleware):
    pass


class Messages(_OutsideApi, MessageMiddleware):
    pass


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
