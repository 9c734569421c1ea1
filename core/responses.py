"""The wire shapes of an answer: JSON, the error bodies of both families, and RFC 9457 for those who ask for it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
from django.http import HttpRequest, HttpResponse

from core.errors import ErrorFamily, StickerError
from core.http import request_id
from core.logs import mask

PROBLEM_JSON: Final = "application/problem+json"
# Where the platform's surfaces are served. Their refusals are numbered, also where no view was reached.
PLATFORM_PREFIXES: Final = ("/Reseller/", "/Orders/", "/Storefront/", "/Payment/", "/Supplier/", "/Login/")
_FAMILY: Final = "sticker.family"
_CHALLENGE: Final = 'Bearer realm="sticker"'


def json_response(body: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Answer with JSON that no cache may keep."""
    content = orjson.dumps(body, default=_spelled, option=orjson.OPT_PASSTHROUGH_DATETIME)
    response = HttpResponse(content, status=status, content_type="application/json", headers=headers)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: how every answer spells an instant."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _spelled(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def use_family(request: HttpRequest, family: ErrorFamily) -> None:
    """Say in which family of bodies this request is refused, where its path alone does not tell."""
    request.META[_FAMILY] = family


def family_of(request: HttpRequest) -> ErrorFamily:
    """The family of bodies this request is refused in."""
    by_path = ErrorFamily.PLATFORM if request.path_info.startswith(PLATFORM_PREFIXES) else ErrorFamily.PARTNER
    family: ErrorFamily = request.META.get(_FAMILY, by_path)
    return family


def platform_success(data: Mapping[str, object] | Sequence[object] | None) -> HttpResponse:
    """Answer as the platform's surfaces do when it went well."""
    return json_response({"success": True, "message": "OK", "data": data})


def error_response(request: HttpRequest, error: StickerError) -> HttpResponse:
    """Answer with a refusal: the body of the request's family, or problem+json when `Accept` names it."""
    headers = dict(error.headers)
    if error.status == 401:
        headers.setdefault("WWW-Authenticate", challenge(error))
    if error.reason.startswith("scope:"):
        scope = error.reason.removeprefix("scope:")
        headers.setdefault("WWW-Authenticate", f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"')
    if PROBLEM_JSON in request.META.get("HTTP_ACCEPT", ""):
        response = json_response(_problem(request, error), status=error.status, headers=headers)
        response.headers["Content-Type"] = PROBLEM_JSON
        return response
    body = platform_error(request, error) if family_of(request) is ErrorFamily.PLATFORM else _error_body(request, error)
    return json_response(body, status=error.status, headers=headers)


def challenge(error: StickerError) -> str:
    """`WWW-Authenticate` of a 401: no error attribute when no credential was sent (RFC 6750 §3.1)."""
    return _CHALLENGE if error.slug == "UNAUTHORIZED" else f'{_CHALLENGE}, error="invalid_token"'


def platform_error(request: HttpRequest, error: StickerError) -> dict[str, object]:
    """A refusal in the platform's family: a number first, and the same name as everywhere."""
    details = _details(error)
    return {
        "success": False,
        "code": error.code,
        "message": error.text,
        "data": None,
        "name": error.slug,
        "request_id": request_id(request),
        **({"details": details} if details else {}),
        **error.extra,
    }


def _error_body(request: HttpRequest, error: StickerError) -> dict[str, object]:
    return {
        "success": False,
        "error": error.title,
        "code": error.slug,
        "message": error.text,
        "details": _details(error),
        "request_id": request_id(request),
        **error.extra,
    }


def _problem(request: HttpRequest, error: StickerError) -> dict[str, object]:
    return {
        "type": f"/docs/errors#{error.slug.lower()}",
        "title": error.title,
        "status": error.status,
        "detail": error.text,
        "instance": mask(request.path),
        "code": error.slug,
        "errors": _details(error),
        "request_id": request_id(request),
        **error.extra,
    }


def _details(error: StickerError) -> list[dict[str, str]]:
    # Both may repeat what the caller sent, and callers log what we answer.
    return [{"field": mask(problem.field), "message": mask(problem.message)} for problem in error.details]
