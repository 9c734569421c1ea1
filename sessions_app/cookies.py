"""The embed session's cookie: partitioned by the embedding site, one name per partner and environment."""

import re
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from core.principals import Environment
from sessions_app.handles import Handle, parse_handle

_NAME: Final = re.compile(r"__Host-es-[0-9a-f]{8}-[lt]", re.ASCII)


def cookie_name(partner_id: UUID, environment: Environment) -> str:
    """Two partners, or two environments, on one page do not overwrite each other."""
    return f"__Host-es-{partner_id.hex[:8]}-{environment.value[0]}"


def read_cookie(request: HttpRequest, name: str | None) -> Handle | None:
    """Read the handle out of the named cookie; without a name, out of the only embed cookie there is."""
    names = [name] if name else [each for each in request.COOKIES if _NAME.fullmatch(each)]
    return parse_handle(request.COOKIES.get(names[0], "")) if len(names) == 1 else None


def candidates(partner_id: UUID, environment: Environment | None) -> list[str]:
    """The names a session of this partner may stand under, its environment known or not."""
    return [cookie_name(partner_id, each) for each in ([environment] if environment else Environment)]


def names_of(request: HttpRequest, handle: Handle) -> list[str]:
    """The request's cookies that hold this very handle."""
    return [name for name, value in request.COOKIES.items() if _NAME.fullmatch(name) and value == handle.text]


def set_cookie(response: HttpResponse, name: str, handle: Handle, *, max_age_seconds: int) -> None:
    """Send the handle as a cookie; written by hand because Python 3.11 and Django 5.2 know no `Partitioned`."""
    response.headers["Set-Cookie"] = f"{name}={handle.text}; Max-Age={max_age_seconds}; {_ATTRIBUTES}"


def clear_cookie(response: HttpResponse, name: str) -> None:
    """Expire the cookie; the attributes must be those it was set with."""
    response.headers["Set-Cookie"] = f"{name}=; Max-Age=0; {_ATTRIBUTES}"


_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
