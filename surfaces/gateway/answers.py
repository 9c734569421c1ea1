"""What a proxy is told: who the client is, on every 200 in full, or why not, in the statuses that its proxy lets through."""

import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import orjson

from core.errors import ErrorFamily, MultipleCredentialsError, StickerError
from core.logs import mask
from surfaces.gateway.assertion import Assertion, sign
from surfaces.gateway.dialects import ClientRequest
from surfaces.names import Dialect
from surfaces.rulebook import Policy, Rule
from surfaces.verification import CredentialKind, Proven

Headers = tuple[tuple[str, str], ...]

# An absent header is what would let a client's own through.
NONE: Final = "-"
_PLAIN: Final = "".join(set(string.printable) - set(string.whitespace) - {"%"})
_TOLD_AS_IS: Final = frozenset({401, 403, 429, 503})
_NGINX_KNOWS: Final = frozenset({200, 401, 403})
_TWO_CREDENTIALS: Final = 'Bearer realm="sticker", error="invalid_request"'


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the proxy."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)


def accepted(policy: Policy, client: ClientRequest, *, rule: Rule, proven: Proven, request_id: str) -> Answer:
    """Say who the client is: an empty body, every identity header, and the same signed."""
    identity = (
        ("x-auth-partner", str(proven.partner_id)),
        ("x-auth-subject", _header_text(proven.subject)),
        ("x-auth-surface", rule.surface.name.value),
        ("x-auth-scopes", _scope_text(proven.scopes)),
        ("x-auth-environment", proven.environment.value),
        ("x-auth-key-id", _header_text(key_id_of(proven))),
        ("x-auth-session", _header_text(proven.session_id)),
        ("x-auth-assertion", sign(_assertion(policy, client, rule, proven))),
    )
    return Answer(200, (*identity, *_always(request_id)))


def refused(error: StickerError, *, family: ErrorFamily, dialect: Dialect | None, request_id: str) -> Answer:
    """Say no. What the client should see stands in the status where the proxy can pass it on, and always in `X-Error-*`."""
    meant = status_of(error)
    status = meant if dialect is not Dialect.NGINX or meant in _NGINX_KNOWS else 403
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in error.headers.items()}}
    if isinstance(error, MultipleCredentialsError):
        headers["www-authenticate"] = _TWO_CREDENTIALS
    told = (("x-error-status", str(meant)), ("x-error-code", str(error.code)), ("x-error-name", error.slug))
    body = orjson.dumps(_body(error, family, request_id))
    return Answer(status, (*headers.items(), *told, *_always(request_id)), body)


def status_of(error: StickerError) -> int:
    """The status of a refusal at the gate: 401 where we do not know the client, 429, 503, and else 403."""
    if isinstance(error, MultipleCredentialsError):
        return 401
    if error.status in _TOLD_AS_IS:
        return error.status
    return 503 if error.status >= 500 else 403


def key_id_of(proven: Proven) -> str:
    """The public id of the API key; a token's own key says nothing about its bearer."""
    return proven.key_id if proven.kind is CredentialKind.API_KEY else ""


def _assertion(policy: Policy, client: ClientRequest, rule: Rule, proven: Proven) -> Assertion:
    return Assertion(
        audience=policy.audience or policy.name,
        policy=policy.name,
        subject=proven.subject,
        tenant=str(proven.partner_id),
        surface=rule.surface.name.value,
        scope=" ".join(sorted(proven.scopes)),
        environment=proven.environment.value,
        key_id=key_id_of(proven) or None,
        session_id=proven.session_id or None,
        method=client.method,
        path=client.path,
    )


def _always(request_id: str) -> Headers:
    return (("cache-control", "no-store"), ("x-request-id", request_id))


def _scope_text(scopes: Iterable[str]) -> str:
    return " ".join(sorted(scopes)) or NONE


def _header_text(text: str) -> str:
    """A value as a header can carry it: printable ASCII, the rest percent-encoded; never the sign for none."""
    if text == NONE:
        return "%2D"
    return quote(text, safe=_PLAIN) or NONE


def _body(error: StickerError, family: ErrorFamily, request_id: str) -> dict[str, object]:
    text = mask(error.text)
    if family is ErrorFamily.PLATFORM:
        told: dict[str, object] = {"success": False, "code": error.code, "message": text, "data": None, "name": error.slug}
    else:
        told = {"success": False, "error": error.title, "code": error.slug, "message": text, "details": []}
    return {**told, "request_id": request_id, **error.extra}
