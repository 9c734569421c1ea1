"""The closed lists of this app: the surfaces, how a surface is opened, how it refuses, and the proxies that ask for others."""

from enum import IntEnum, StrEnum


class SurfaceName(StrEnum):
    """The four API surfaces. A row of `Surface` says how each is opened."""

    RESELLER = "reseller"
    STOREFRONT = "storefront"
    PAYMENT = "payment"
    SUPPLIER = "supplier"

    @property
    def number(self) -> "SurfaceNumber":
        """The id of the surface's row."""
        return SurfaceNumber[self.name]


class SurfaceNumber(IntEnum):
    """The ids of the surfaces' rows; seeded, and never given to anything else."""

    RESELLER = 1
    STOREFRONT = 2
    PAYMENT = 3
    SUPPLIER = 4


class Mechanism(StrEnum):
    """What opens a surface: an access token as a bearer, or a surface API key."""

    JWT = "jwt"
    API_KEY = "api_key"


class Dialect(StrEnum):
    """The proxies whose questions the gateway understands."""

    NGINX = "nginx"
    CADDY = "caddy"
    TRAEFIK = "traefik"
    ENVOY = "envoy"


class Method(StrEnum):
    """What a rule may say about the method; `ANY` covers those that have no rule of their own."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    ANY = "ANY"
