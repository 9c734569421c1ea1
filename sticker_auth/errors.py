"""What is answered outside of any endpoint: an unknown address, a host we do not serve, a fault, a database that is down."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from core.api import as_sticker_error, refuse
from core.errors import InternalError, InvalidRequestError, NotFoundError, StickerError
from core.http import request_id
from core.middleware import is_api
from core.responses import error_response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the shape of the part of the site that was asked."""
    return _answer(request, NotFoundError(reason="no_such_address"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for a request that no view ever saw, for example with a Host header we do not serve."""
    return _answer(request, InvalidRequestError("This request cannot be served here.", reason="bad_request"))


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 with Retry-After when it is the database that does not answer."""
    return _answer(request, _current_error())


def _current_error() -> StickerError:
    error = sys.exc_info()[1]
    return as_sticker_error(error) if isinstance(error, OperationalError | InterfaceError) else InternalError()


def _answer(request: HttpRequest, error: StickerError) -> HttpResponse:
    refuse(request, error)
    if is_api(request.path_info):
        return error_response(request, error)
    context = {"error": error, "request_id": request_id(request)}
    page = TemplateResponse(request, "error.html", context, status=error.status, headers=error.headers)
    return page.render()
