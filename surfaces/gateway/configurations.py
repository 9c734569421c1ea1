"""The ready configuration of each proxy, as the admin prints it and the tests run it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from urllib.parse import urlsplit

from django.template.loader import render_to_string

from surfaces.gateway.dialects import CREDENTIAL_HEADERS, OVERRIDE_HEADERS, TENANT_HEADERS, WORDINGS
from surfaces.names import Dialect

IDENTITY_HEADERS: Final = (
    "X-Auth-Partner",
    "X-Auth-Subject",
    "X-Auth-Surface",
    "X-Auth-Scopes",
    "X-Auth-Environment",
    "X-Auth-Key-Id",
    "X-Auth-Session",
    "X-Auth-Assertion",
)
FILE_NAMES: Final = {
    Dialect.NGINX: "nginx.conf",
    Dialect.CADDY: "Caddyfile",
    Dialect.TRAEFIK: "traefik.yaml",
    Dialect.ENVOY: "envoy.yaml",
}
# What an upstream's operator replaces.
SAMPLE_UPSTREAM: Final = "127.0.0.1:9000"
SAMPLE_PORT: Final = 8080
# What the client of a refused request is told besides the status.
_TOLD: Final = ("www-authenticate", "retry-after", "content-type", "cache-control", "x-request-id")
_ALWAYS_ASKED: Final = ("x-request-id", "user-agent")


@dataclass(frozen=True, slots=True)
class IdentityHeader:
    """One header of a 200 in the spellings a configuration needs."""

    name: str

    @property
    def lower(self) -> str:
        """As HTTP/2 has it."""
        return self.name.lower()

    @property
    def field(self) -> str:
        """As the end of a variable of nginx."""
        return self.lower.replace("-", "_")

    @property
    def variable(self) -> str:
        """The variable of nginx that keeps its value."""
        return "$sticker_" + self.field.removeprefix("x_auth_")


def configuration(
    dialect: Dialect, *, policy: str, gateway_url: str, upstream: str = SAMPLE_UPSTREAM, port: int = SAMPLE_PORT
) -> str:
    """Write the configuration that puts the check in front of an upstream (`host:port`), for a proxy listening on a port."""
    gateway = urlsplit(gateway_url).netloc
    context: dict[str, Any] = {
        "policy": policy,
        "gateway": gateway,
        "upstream": upstream,
        "listen": port,
        "site": f":{port}",
        "identity": [IdentityHeader(name) for name in IDENTITY_HEADERS],
        "names": " ".join(IDENTITY_HEADERS),
        "asked": [_canonical(name) for name in _asked()],
        "asked_lower": list(_asked()),
        "spellings": [_canonical(name) for name in other_spellings()],
        "told": _TOLD,
    }
    for name, address in (("gateway", gateway), ("upstream", upstream)):
        context[f"{name}_host"], _, context[f"{name}_port"] = address.rpartition(":")
    return render_to_string(f"surfaces/gateway/{FILE_NAMES[dialect]}", context).strip() + "\n"


def other_spellings() -> list[str]:
    """Every name that differs from a guarded one in a dash alone: what a proxy that forwards listed headers must list too."""
    guarded = (*_asked(), *WORDINGS[Dialect.TRAEFIK].names(), *(name.lower() for name in IDENTITY_HEADERS))
    return sorted(spelling for name in guarded for spelling in _spellings(name) if spelling != name)


def _asked() -> tuple[str, ...]:
    return (*CREDENTIAL_HEADERS, *TENANT_HEADERS, *sorted(OVERRIDE_HEADERS), *_ALWAYS_ASKED)


def _spellings(name: str) -> Iterator[str]:
    parts = name.split("-")
    if name in _ALWAYS_ASKED:
        return
    for marks in product("-_", repeat=len(parts) - 1):
        yield "".join(part + mark for part, mark in zip(parts, (*marks, ""), strict=True))


def _canonical(name: str) -> str:
    """Spell a name as Go does: a capital at the start and after each dash."""
    return "-".join(part.capitalize() for part in name.split("-"))
