"""The shell of every REST endpoint: a lean APIView that denies by default and turns refusals into the one error shape.

It leaves out what our endpoints never use (content negotiation, parsers, renderers, browsable pages), which is a third of
what a stock view costs.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from core.errors import (
    FieldProblem,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    SecretInUrlError,
    ServiceUnavailableError,
    StickerError,
    UnsupportedMediaTypeError,
)
from core.http import secrets_in_form, secrets_in_query
from core.responses import error_response
from core.strict_json import MAX_BODY_BYTES, JsonObject, read_json

log = structlog.get_logger("sticker.api")

RefusalHook = Callable[[HttpRequest, StickerError], None]
ExposureHook = Callable[[HttpRequest], None]


class ApiView(APIView):
    """One endpoint. A subclass states its authentication, permissions, and the scope of each method it serves."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    authentication_classes: Any = ()
    permission_classes: Any = ()
    required_scopes: ClassVar[Mapping[str, str | None]] = {}
    throttle_scope: ClassVar[str | None] = None
    # Fields that would grant something if they were honoured; refused wherever they are not part of the contract.
    granting_fields: ClassVar[frozenset[str]] = frozenset({"partner_id", "environment", "scopes", "is_used", "expires_at"})

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: `Allow` goes with a refused method only, and nothing is negotiated."""
        return {}

    def initialize_request(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> Request:
        made = Request(request, authenticators=[cls() for cls in self.authentication_classes])
        # It refers to itself in here, for parsers; we have none. See also `finalize_response`.
        made.parser_context = {}
        return made

    def initial(self, request: Request, *_args: Any, **_kwargs: Any) -> None:
        # Read from Django's request: DRF's looks up each of its attributes in vain first.
        http = request._request
        method = str(http.method).lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise MethodNotAllowedError(reason="method")
        if "\x00" in http.path:
            raise NotFoundError(reason="nul_in_path")
        if secrets_in_query(http):
            raise SecretInUrlError(reason="secret_in_query")
        self.perform_authentication(request)
        for permission_class in self.permission_classes:
            permission_class().has_permission(request, self)

    def finalize_response(self, request: Request, response: HttpResponseBase, *_args: Any, **_kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        for name, value in request._request.META.get("sticker.headers", {}).items():
            response.headers.setdefault(name, value)
        # Django's alias of `get` ties the view to itself; untied, all of the request is freed at once, not by the collector.
        vars(self).pop("head", None)
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        request: HttpRequest = self.request._request
        error = as_sticker_error(exc)
        if isinstance(error, MethodNotAllowedError):
            error.headers["Allow"] = ", ".join(sorted(self.allowed_methods))
        if error.status >= 500:
            log.error("request.failed", slug=error.slug, path=request.path, exc_info=exc)
        refuse(request, error)
        return error_response(request, error)

    def read_body(self, request: Request) -> JsonObject:
        """Read the JSON body.

        Raises: UnsupportedMediaTypeError, PayloadTooLargeError, InvalidRequestError as the strict reader says, or for a
        field that would grant something.
        """
        body = read_request_json(request._request)
        granting = self.granting_fields & body.keys()
        if granting:
            details = [FieldProblem(name, "This field cannot be set by the caller.") for name in sorted(granting)]
            raise InvalidRequestError(reason="granting_field", details=details)
        return body


_refusal_hooks: list[RefusalHook] = []


def on_refusal(hook: RefusalHook) -> None:
    """Register what is told of every refusal (the ledger counts them); core itself knows no ledger."""
    _refusal_hooks.append(hook)


_exposure_hooks: list[ExposureHook] = []


def on_exposure(hook: ExposureHook) -> None:
    """Register what looks at a request with a secret in its URL or form before the refusal is told: it may name the key."""
    _exposure_hooks.append(hook)


def refuse(request: HttpRequest, error: StickerError) -> None:
    """Tell the registered hooks of one refusal."""
    request.META["sticker.refusal"] = error
    if isinstance(error, SecretInUrlError):
        for name_key in _exposure_hooks:
            name_key(request)
    for hook in _refusal_hooks:
        hook(request, error)


def read_request_json(request: HttpRequest) -> JsonObject:
    """Read a request's body as one strict JSON object, capped before it is read."""
    declared = str(request.META.get("CONTENT_LENGTH") or "0")
    if not declared.isdecimal() or int(declared) > MAX_BODY_BYTES:
        raise PayloadTooLargeError
    if request.content_type == "application/json":
        return read_json(request.body)
    if secrets_in_form(request):
        raise SecretInUrlError(reason="secret_in_form")
    raise UnsupportedMediaTypeError(reason="media_type")


def as_sticker_error(exc: Exception) -> StickerError:
    """Say in our words what went wrong; whatever is unknown becomes a 500 that tells nothing."""
    if isinstance(exc, StickerError):
        return exc
    for kinds, made in _TRANSLATIONS:
        if isinstance(exc, kinds):
            return made()
    return InternalError(reason=type(exc).__name__)


_TRANSLATIONS: Final[tuple[tuple[tuple[type[Exception], ...], Callable[[], StickerError]], ...]] = (
    ((OperationalError, InterfaceError), lambda: ServiceUnavailableError(reason="database")),
    ((exceptions.MethodNotAllowed,), lambda: MethodNotAllowedError(reason="method")),
    ((exceptions.NotFound, Http404), lambda: NotFoundError(reason="no_such_row")),
    ((RequestDataTooBig,), PayloadTooLargeError),
    ((SuspiciousOperation,), lambda: InvalidRequestError(reason="suspicious")),
    ((UnreadablePostError, exceptions.ParseError), lambda: InvalidRequestError(reason="unreadable")),
)
