"""What wraps every request: its id, its one log line, and the headers that hold for every answer."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.http import context_of, request_id
from core.logs import log_request, request_log
from core.responses import PLATFORM_PREFIXES

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_API_PREFIXES: Final = (
    "/v1/",
    "/embedded/",
    "/sandbox/embedded/",
    "/healthz",
    "/readyz",
    "/.well-known/",
    "/auth/verify/",
    *PLATFORM_PREFIXES,
)


def is_api(path: str) -> bool:
    """Tell whether a path is served without the admin's sessions, cookies and messages."""
    return path.startswith(_API_PREFIXES)


class RequestLog:
    """Give each request an id, echo it as `X-Request-ID`, and write one line when it is answered."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        if request_log.isEnabledFor(logging.INFO):
            log_request(_fields(request, response, began))
        return response


def _fields(request: HttpRequest, response: HttpResponseBase, began: float) -> dict[str, Any]:
    meta = request.META
    refusal = meta.get("sticker.refusal")
    context = context_of(request)
    return {
        "event": "request",
        "at": time.time(),
        "request_id": context.request_id,
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - began) * 1000, 2),
        "address": context.address,
        "kid": meta.get("sticker.kid"),
        "partner": meta.get("sticker.partner"),
        "reason": refusal.reason if refusal else None,
    }
