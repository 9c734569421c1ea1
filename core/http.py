"""What the request carries besides its body: its id, its caller's address, its one credential."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from django.conf import settings
from django.http import HttpRequest

from core.credentials import MAX_CREDENTIAL_CHARS, is_session_token, keys_within
from core.errors import InvalidApiKeyError, MultipleCredentialsError, UnauthorizedError
from core.logs import mask
from core.net import client_address
from core.principals import RequestContext

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z._-]{8,64}", re.ASCII)
KEY_HEADERS: Final = ("HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_X_STASH_API_KEY", "HTTP_APIKEY")
# Set by the server's entry when a header such as `X_Api_Key` came along, which some servers take for `X-Api-Key`.
STRAY_CREDENTIAL: Final = "sticker.stray_credential"
_QUERY_SEPARATORS: Final = re.compile(r"[&=;]")
_SCHEMES: Final = ("bearer", "apikey")
_MAX_USER_AGENT_CHARS: Final = 256
_MAX_CONTENT_TYPE_CHARS: Final = 256
_CHARSET: Final = re.compile(r";\s*charset[^;]*", re.IGNORECASE)


def request_id(request: HttpRequest) -> str:
    """The id that joins answer, log and ledger: the caller's `X-Request-ID` when it is well formed, else a new one."""
    known: str | None = request.META.get("sticker.request_id")
    if known is None:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        # An id is echoed, logged and kept: a credential that was sent as one must not be.
        known = given if _REQUEST_ID.fullmatch(given) and mask(given) == given else secrets.token_hex(16)
        request.META["sticker.request_id"] = known
    return known


def context_of(request: HttpRequest) -> RequestContext:
    """Who sent this request, as far as the network tells."""
    known: RequestContext | None = request.META.get("sticker.context")
    if known is None:
        address = client_address(request.META, trusted_hops=settings.TRUSTED_PROXY_HOPS)
        agent = request.META.get("HTTP_USER_AGENT", "")[:_MAX_USER_AGENT_CHARS]
        known = RequestContext(request_id(request), address, agent)
        request.META["sticker.context"] = known
    return known


def one_credential(request: HttpRequest) -> str:
    """Take the request's one credential out of the header it stands in, as `credential_in` does."""
    return credential_in(request.META)


def credential_in(meta: Mapping[str, Any]) -> str:
    """Take the one credential out of a request's headers, named as WSGI names them.

    Raises: UnauthorizedError without any; MultipleCredentialsError with two headers, one header twice (servers join the
    lines with a comma) or in two spellings; InvalidApiKeyError when the text cannot be a credential.
    """
    found = [(name, meta[name]) for name in KEY_HEADERS if meta.get(name)]
    if not found:
        raise UnauthorizedError(reason="no_credential")
    if len(found) > 1 or "," in found[0][1] or meta.get(STRAY_CREDENTIAL):
        raise MultipleCredentialsError(reason="several_credentials")
    name, value = found[0]
    return _plain(_without_scheme(value) if name == "HTTP_AUTHORIZATION" else value.strip())


def _without_scheme(value: str) -> str:
    scheme, _, credential = value.strip().partition(" ")
    if scheme.lower() not in _SCHEMES or not credential:
        raise UnauthorizedError(reason="unknown_scheme")
    return credential.strip()


def _plain(credential: str) -> str:
    if not 0 < len(credential) <= MAX_CREDENTIAL_CHARS or not credential.isascii() or not credential.isprintable():
        raise InvalidApiKeyError(reason="malformed")
    if " " in credential:
        raise MultipleCredentialsError(reason="several_credentials")
    return credential


def without_charset(content_type: str) -> str:
    """A Content-Type as Django may see it: everything here is UTF-8, and no longer than anyone needs.

    Django decodes the query string by the charset a caller names, in a place where a failure is a fault of the server.
    """
    return _CHARSET.sub("", content_type)[:_MAX_CONTENT_TYPE_CHARS]


def secrets_in_query(request: HttpRequest) -> list[str]:
    """Every key or session token in the query string, where none may stand on an API path.

    Read by hand: `request.GET` decodes by the charset the caller names, and refuses more than 1000 fields.
    """
    query: str = request.META.get("QUERY_STRING", "")
    if not query:
        return []
    parts = [unquote_plus(part) for part in _QUERY_SEPARATORS.split(query)]
    return [*keys_within(" ".join(parts)), *filter(is_session_token, parts)]


def secrets_in_form(request: HttpRequest) -> list[str]:
    """Every key in a body that is not JSON."""
    return [] if request.content_type == "application/json" else keys_within(request.body.decode("latin-1"))
