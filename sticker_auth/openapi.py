"""The API document: what a view already states (its door, scopes, limits and body) becomes security, refusals and headers.

Nothing of that is repeated at the views. A view adds its summary, shapes and examples; `_RAISES` adds the refusals that only
its own act can meet.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from core.api import ApiView
from core.errors import (
    ForbiddenError,
    HttpsRequiredError,
    IdempotencyConflictError,
    InvalidApiKeyError,
    InvalidRequestError,
    MultipleCredentialsError,
    NotFoundError,
    PartnerSuspendedError,
    PayloadTooLargeError,
    RateLimitExceededError,
    SecretInUrlError,
    ServiceUnavailableError,
    SessionExpiredError,
    SessionTokenExpiredError,
    StickerError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
)
from core.strict_json import JsonObject
from organizations.errors import OrganizationNotFoundError, ProfileExistsError
from partners.authentication import KeyedView
from partners.errors import KeyNotRotatableError
from sessions_app.errors import (
    EmbedCallError,
    ProfileNotFoundError,
    SessionNotFoundError,
    UserNotFoundError,
)
from sessions_app.views import CurrentView, EmbedView, RedeemView
from sticker_auth import openapi_gateway as gateway_parts
from sticker_auth import openapi_grants as grant_parts
from sticker_auth import openapi_leaks as leak_parts
from sticker_auth import openapi_parts as parts
from sticker_auth import openapi_surfaces as surface_parts
from sticker_auth import openapi_tokens as token_parts
from sticker_auth import openapi_webhooks as webhook_parts
from sticker_auth.openapi_examples import EXAMPLES
from sticker_auth.openapi_surface_examples import SURFACE_EXAMPLES
from sticker_auth.openapi_webhook_examples import WEBHOOK_EXAMPLES
from surfaces.authentication import SurfaceView
from surfaces.errors import ReferenceTakenError

Errors = tuple[type[StickerError], ...]

_ANYWHERE: Final[Errors] = (InvalidRequestError, SecretInUrlError, HttpsRequiredError, ServiceUnavailableError)
_WITH_KEY: Final[Errors] = (MultipleCredentialsError, UnauthorizedError, InvalidApiKeyError, PartnerSuspendedError)
_WITH_BODY: Final[Errors] = (PayloadTooLargeError, UnsupportedMediaTypeError)
_RAISES: Final[Mapping[str, Errors]] = {
    "organization_setup": (ProfileExistsError, IdempotencyConflictError),
    "partner_organization_setup": (IdempotencyConflictError,),
    **grant_parts.RAISES,
    "handshake": (OrganizationNotFoundError, ProfileNotFoundError, UserNotFoundError),
    "session_status": (SessionNotFoundError,),
    "session_revoke": (SessionNotFoundError,),
    "user_sessions_revoke": (ProfileNotFoundError,),
    "session_redeem": (SessionTokenExpiredError, RateLimitExceededError),
    "session_current": (SessionExpiredError,),
    "session_refresh": (SessionExpiredError,),
    "session_heartbeat": (SessionExpiredError,),
    "key_self_rotate": (KeyNotRotatableError, IdempotencyConflictError),
    "order_create": (ReferenceTakenError,),
    "payment_create": (ReferenceTakenError,),
    "report": (RateLimitExceededError,),
    "revoke": (ForbiddenError,),
    **leak_parts.RAISES,
    **token_parts.RAISES,
    **webhook_parts.RAISES,
}
_REPLAYED: Final = frozenset({"organization_setup", "partner_organization_setup"}) | webhook_parts.REPLAYED
_IDEMPOTENT: Final = _REPLAYED | {"key_self_rotate"}
_TAGS: Final = {
    "surfaces": "Surfaces",
    "organizations": "Organizations",
    "sessions_app": "Sessions",
    "partners": "Keys",
    "webhooks": webhook_parts.TAG,
    "sticker_auth": "Reports",
}
_SAME_LABELS: Final = re.compile(r"\* `([^`]*)` - \1(\n|$)")


def complete(result: JsonObject, generator: SchemaGenerator, **_kwargs: Any) -> JsonObject:
    """Postprocessing: complete every operation from its view, and the document with what no view owns."""
    # Serializers that are named "…Request" already must not become "…RequestRequest".
    result = json.loads(json.dumps(result, default=str).replace("RequestRequest", "Request"))
    endpoints: Any = generator.endpoints
    for path, _regex, method, callback in endpoints:
        operation = result["paths"].get(path, {}).get(method.lower())
        if operation and issubclass(callback.cls, ApiView):
            _complete(operation, callback.cls, method)
    components = result["components"]
    for kind, entries in (
        each for part in (parts, surface_parts, token_parts, leak_parts, webhook_parts) for each in part.components().items()
    ):
        components.setdefault(kind, {}).update(entries)
    _say_one_of_three(components["schemas"]["HandshakeRequest"])
    for schema in components["schemas"].values():
        _drop_idle_labels(schema)
    result["info"]["description"] = parts.INTRODUCTION
    result["servers"] = [{"url": settings.PUBLIC_BASE_URL}]
    tags = {
        **parts.TAGS,
        **token_parts.TAGS,
        **surface_parts.TAGS,
        **gateway_parts.TAGS,
        **leak_parts.TAGS,
        **webhook_parts.TAGS,
    }
    result["tags"] = [{"name": name, "description": text} for name, text in tags.items()]
    result["paths"].update(parts.pages(embed_base=settings.EMBED_BASE_URL) | gateway_parts.pages() | leak_parts.pages())
    result["webhooks"] = webhook_parts.events()
    return result


@cache
def document() -> JsonObject:
    """The whole document; it cannot change while the process runs."""
    generator: Any = SchemaGenerator  # typed in parts only
    found: JsonObject = generator().get_schema(request=None, public=True)
    return found


def _complete(operation: JsonObject, view: type[ApiView], method: str) -> None:
    operation["tags"] = [_tag(view)]
    operation["security"] = _security(view, method, operation["operationId"])
    if names := _parameters(operation["operationId"], view):
        operation["parameters"] = [*operation.get("parameters", []), *(_ref("parameters", name) for name in names)]
    if issubclass(view, KeyedView | SurfaceView) and view.required_scopes[method]:
        operation["description"] += f"\n\nNeeds the scope `{view.required_scopes[method]}`."
    _add_examples(operation)
    responses = operation["responses"]
    for status, response in _refusals(_errors_of(operation, view, method), view).items():
        responses.setdefault(status, response)
    operation["responses"] = dict(sorted(responses.items()))
    for status, response in responses.items():
        response["description"] = response.get("description") or parts.STATUSES[status]
        for name in _header_names(operation, view, status):
            response.setdefault("headers", {})[name] = _ref("headers", name)


def _parameters(operation_id: str, view: type[ApiView]) -> list[str]:
    """Name the parameters that a view has because of what it is."""
    names = [*token_parts.PARAMETERS.get(operation_id, ()), *leak_parts.PARAMETERS.get(operation_id, ())]
    if issubclass(view, EmbedView):
        names += parts.EMBED_PARAMETERS[issubclass(view, RedeemView) :]
    if issubclass(view, SurfaceView):
        names += surface_parts.parameters(view)
    if operation_id in _IDEMPOTENT:
        names.append("IdempotencyKey")
    return names


def _tag(view: type[ApiView]) -> str:
    if issubclass(view, SurfaceView):
        return view.surface.value.capitalize()
    if view.__module__ == token_parts.MODULE:
        return token_parts.TAG
    if view.__module__ == leak_parts.MODULE:
        return leak_parts.TAG
    if view.__module__ == "surfaces.introspection_views":
        return "Credentials"
    return "Embed page" if issubclass(view, EmbedView) else _TAGS[view.__module__.partition(".")[0]]


def _security(view: type[ApiView], method: str, operation_id: str) -> list[JsonObject]:
    if issubclass(view, KeyedView):
        scope = view.required_scopes[method]
        return [{name: [scope] if scope else []} for name in parts.KEY_SCHEMES]
    if issubclass(view, SurfaceView):
        return surface_parts.security(view, method)
    if view.__module__ == token_parts.MODULE:
        return token_parts.security(operation_id)
    if issubclass(view, RedeemView) or not issubclass(view, EmbedView):
        return []
    # Without a cookie the handle stands in the body (memory mode), or nobody is signed in.
    return [{"embedCookie": []}, *([{"embedToken": []}] if issubclass(view, CurrentView) else []), {}]


def _errors_of(operation: JsonObject, view: type[ApiView], method: str) -> Errors:
    errors = [*_ANYWHERE, *_RAISES.get(operation["operationId"], ())]
    if issubclass(view, KeyedView):
        errors += [*_WITH_KEY, *([ForbiddenError] if view.required_scopes[method] else [])]
    if issubclass(view, SurfaceView):
        errors += surface_parts.errors_of(view, method)
    if issubclass(view, EmbedView):
        errors.append(EmbedCallError)
    if view.throttle_scope:
        errors.append(RateLimitExceededError)
    if "requestBody" in operation:
        errors += _WITH_BODY
    if any(parameter.get("in") == "path" for parameter in operation.get("parameters", [])):
        errors.append(NotFoundError)
    return tuple(errors)


def _refusals(errors: Iterable[type[StickerError]], view: type[ApiView]) -> dict[str, JsonObject]:
    schema, example = _refusal_form(view)
    by_status: dict[str, list[type[StickerError]]] = {}
    for error in sorted(set(errors), key=lambda each: -each.code):
        by_status.setdefault(str(error.status), []).append(error)
    return {
        status: {
            "description": "\n".join(f"- `{error.slug}`: {error.message}" for error in group),
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{schema}"},
                    "examples": {error.slug: {"summary": error.title, "value": example(error)} for error in group},
                },
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
            },
        }
        for status, group in by_status.items()
    }


def _refusal_form(view: type[ApiView]) -> tuple[str, Callable[[type[StickerError]], JsonObject]]:
    """The schema of a view's refusals, and how an example of one is made."""
    if token_parts.is_oauth(view):
        return token_parts.OAUTH_ERROR, token_parts.error_example
    if issubclass(view, SurfaceView) or token_parts.is_numbered(view):
        return "PlatformError", surface_parts.error_example
    return "Error", parts.error_example


def _header_names(operation: JsonObject, view: type[ApiView], status: str) -> list[str]:
    """Name the headers worth a line; the request id of refusals and the like are told once, in the introduction."""
    is_success = status.startswith("2")
    names = ["X-Request-ID"] if is_success else []
    if (is_success and view.throttle_scope) or status == "429":
        names += ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
    if is_success and issubclass(view, KeyedView):
        names += ["Deprecation", "Sunset", "Link"]
    if is_success and operation["operationId"] in parts.SETS_COOKIE:
        names.append("Set-Cookie")
    if is_success and operation["operationId"] in _REPLAYED:
        names.append("Idempotent-Replayed")
    if status in ("429", "503"):
        names.append("Retry-After")
    return [*names, "WWW-Authenticate"] if status == "401" else names


def _add_examples(operation: JsonObject) -> None:
    given = {
        **EXAMPLES,
        **grant_parts.EXAMPLES,
        **token_parts.EXAMPLES,
        **SURFACE_EXAMPLES,
        **gateway_parts.GATEWAY_EXAMPLES,
        **leak_parts.LEAK_EXAMPLES,
        **WEBHOOK_EXAMPLES,
    }.get(operation["operationId"])
    if given is None:
        return
    if given.requests:
        operation["requestBody"]["content"]["application/json"]["examples"] = dict(given.requests)
    for status, value in given.answers.items():
        operation["responses"][status]["content"]["application/json"]["example"] = value


def _ref(kind: str, name: str) -> JsonObject:
    return {"$ref": f"#/components/{kind}/{name}"}


def _say_one_of_three(handshake: JsonObject) -> None:
    for way in parts.HANDSHAKE_WAYS:
        for name in way["properties"]:
            known = handshake["properties"][name]
            handshake["properties"][name] = {**known, "type": ["string", "null"]} if "type" in known else {}
    handshake["oneOf"] = parts.HANDSHAKE_WAYS


def _drop_idle_labels(schema: JsonObject) -> None:
    """Leave out the list of choices where it only says each name twice."""
    if "enum" in schema and "description" in schema:
        schema["description"] = _SAME_LABELS.sub("", schema["description"]).strip()
        if not schema["description"]:
            del schema["description"]
