"""What a proxy asks: which request of a client it asks about, read from that proxy's own headers and nothing else.

Each proxy writes a few headers over whatever the client sent under these names; every other header is the client's. So a
dialect names the headers that are the proxy's, and a request in which one of them comes twice, or beside another spelling of
it (`X_Forwarded_Uri`: some servers take it for `X-Forwarded-Uri`), is denied rather than interpreted. No I/O, no settings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from surfaces.errors import AmbiguousRequestError
from surfaces.names import Dialect

Headers = tuple[tuple[str, str], ...]

MAX_TARGET_CHARS: Final = 8192
CREDENTIAL_HEADERS: Final = ("authorization", "x-api-key", "x-stash-api-key", "apikey")
TENANT_HEADERS: Final = ("x-tenant", "x-shop-handle")
IDENTITY_PREFIX: Final = "x-auth-"
# Some frameworks let these rule over the method or the path that was checked.
OVERRIDE_HEADERS: Final = frozenset(
    {"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"}
)
_NOT_ALNUM: Final = re.compile(r"[^a-z0-9]")
_METHOD: Final = re.compile(r"[A-Z]{1,16}", re.ASCII)
_TARGET: Final = re.compile(r"/[\x21-\x7e]*", re.ASCII)


class Doubt(StrEnum):
    """Why a check is denied before it is asked who the client is; for the ledger."""

    SPELLING = "gateway_header_spelling"
    DOUBLED = "gateway_header_doubled"
    MISSING = "gateway_header_missing"
    OVERRIDE = "gateway_override_header"
    METHOD = "gateway_method"
    TARGET = "gateway_target"
    CHECK_PATH = "gateway_check_path"


@dataclass(frozen=True, slots=True)
class Check:
    """A check as the proxy sent it. `rest` is what follows the policy's name in the check's own address, undecoded.

    Names of headers are in lower case, one entry a line; values are as latin-1 has them.
    """

    method: str
    rest: str
    headers: Headers = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """The request a proxy asks about. `path` and `query` are as the client wrote them; `address` is who the proxy talks to."""

    method: str
    path: str
    query: str = field(repr=False)
    host: str
    address: str
    tenant: str
    shop: str
    agent: str
    request_id: str
    credentials: Headers = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Wording:
    """The headers a proxy writes itself; without `method` and `target` the check's own request line is the client's."""

    host: str
    address: str
    method: str = ""
    target: str = ""

    def names(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.method, self.target, self.host, self.address)))


_FORWARDED: Final = _Wording("x-forwarded-host", "x-forwarded-for", "x-forwarded-method", "x-forwarded-uri")
WORDINGS: Final[Mapping[Dialect, _Wording]] = {
    Dialect.NGINX: _Wording("x-original-host", "x-forwarded-for", "x-original-method", "x-original-uri"),
    Dialect.CADDY: _FORWARDED,
    Dialect.TRAEFIK: _FORWARDED,
    Dialect.ENVOY: _Wording("host", "x-sticker-client-address"),
}
GUARDED_HEADERS: Final = frozenset(
    (
        *(name for wording in WORDINGS.values() for name in wording.names()),
        *CREDENTIAL_HEADERS,
        *TENANT_HEADERS,
        *OVERRIDE_HEADERS,
    )
)


def read_check(check: Check, dialect: Dialect) -> ClientRequest:
    """Find out which client's request a proxy asks about.

    Raises: AmbiguousRequestError for whatever another server could read differently.
    """
    _refuse_spellings(check.headers)
    wording = WORDINGS[dialect]
    lines = _lines(check.headers)
    if any(name in lines for name in OVERRIDE_HEADERS):
        raise AmbiguousRequestError(reason=Doubt.OVERRIDE)
    method, target = _request_line(check, wording, lines)
    path, _, query = target.partition("?")
    return ClientRequest(
        method=method,
        path=path,
        query=query,
        host=_optional(lines, wording.host),
        address=_optional(lines, wording.address).rpartition(",")[2].strip(),
        tenant=_optional(lines, "x-tenant"),
        shop=_optional(lines, "x-shop-handle"),
        agent=first_line(check, "user-agent"),
        request_id=first_line(check, "x-request-id"),
        credentials=tuple((name, value) for name, value in check.headers if name in CREDENTIAL_HEADERS),
    )


def first_line(check: Check, name: str) -> str:
    """The first value of a header that decides nothing."""
    return next((value for found, value in check.headers if found == name), "")


def _refuse_spellings(headers: Headers) -> None:
    for name, _ in headers:
        plain = _NOT_ALNUM.sub("-", name)
        if plain != name and (plain in GUARDED_HEADERS or plain.startswith(IDENTITY_PREFIX)):
            raise AmbiguousRequestError(reason=Doubt.SPELLING)


def _lines(headers: Headers) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for name, value in headers:
        if name in GUARDED_HEADERS:
            lines.setdefault(name, []).append(value)
    return lines


def _request_line(check: Check, wording: _Wording, lines: Mapping[str, list[str]]) -> tuple[str, str]:
    if wording.target:
        if check.rest:
            raise AmbiguousRequestError(reason=Doubt.CHECK_PATH)
        method, target = _required(lines, wording.method), _required(lines, wording.target)
    else:
        method, target = check.method, check.rest
    if not _METHOD.fullmatch(method):
        raise AmbiguousRequestError(reason=Doubt.METHOD)
    if len(target) > MAX_TARGET_CHARS or not _TARGET.fullmatch(target) or "#" in target:
        raise AmbiguousRequestError(reason=Doubt.TARGET)
    return method, target


def _required(lines: Mapping[str, list[str]], name: str) -> str:
    value = _optional(lines, name)
    if not value:
        raise AmbiguousRequestError(reason=Doubt.MISSING)
    return value


def _optional(lines: Mapping[str, list[str]], name: str) -> str:
    found = lines.get(name, [])
    if len(found) > 1:
        raise AmbiguousRequestError(reason=Doubt.DOUBLED)
    return found[0] if found else ""
