"""Which tenant a call without a credential is for: as its host says, or a header that names a tenant by slug or id."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from core.errors import FieldProblem, InvalidRequestError
from surfaces.decisions import host_name
from surfaces.models import TenantHost

_NAME: Final = re.compile(r"[0-9a-z-]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedTenant:
    """A tenant as a call names it: by slug or id, empty for none, and the host that was called, which may be somebody's."""

    name: str = ""
    host: str = ""


def wanted_tenant(*, host: str, names: Iterable[str]) -> WantedTenant:
    """Read what a call says; `names` are the values of the headers that may name a tenant.

    Raises: InvalidRequestError when a name is malformed, or when two differ.
    """
    found = {name.strip().lower() for name in names if name.strip()}
    if len(found) > 1 or not all(_NAME.fullmatch(name) for name in found):
        raise _unclear("Name one tenant, by its slug or id.")
    return WantedTenant("".join(found), host_name(host))


def require_named(wanted: WantedTenant) -> None:
    """Insist that a call names a tenant.

    Raises: InvalidRequestError.
    """
    if not wanted.name and not TenantHost.objects.filter(host=wanted.host).exists():
        raise _unclear("Name the tenant by its slug or id here or in X-Shop-Handle, or call its own host.")


def _unclear(message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="tenant_header", details=[FieldProblem("X-Tenant", message)])
