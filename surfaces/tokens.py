"""What an access token of a surface says, and for how long: the one place where they are made."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.conf import settings

from core import jwt
from core.principals import Environment
from partners.scopes import Scope
from sessions_app.services import embed
from surfaces.names import SurfaceName

STOREFRONT_SCOPES: Final = frozenset(Scope(name) for name in embed.SCOPE.split())


class Grantee(StrEnum):
    """`client_id` of a token that no registered client asked for: how its holder came by it."""

    RESELLER_LOGIN = "reseller-login"
    STOREFRONT_LOGIN = "storefront-login"
    EMBED = embed.CLIENT_ID


@dataclass(frozen=True, slots=True)
class Grant:
    """Everything a token says about its holder. The epochs are those of the moment, compared on each use."""

    surface: SurfaceName
    partner_id: UUID
    environment: Environment
    subject: UUID
    client_id: str
    scopes: frozenset[Scope]
    partner_epoch: int
    subject_epoch: int
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token just made; its text exists in the answer alone."""

    text: str = field(repr=False)
    expires_at: datetime
    lifetime: timedelta
    scopes: frozenset[Scope]

    @property
    def expires_in(self) -> int:
        """Its life in seconds."""
        return int(self.lifetime.total_seconds())

    @property
    def scope(self) -> str:
        """Its scopes as RFC 6749 writes them."""
        return scope_text(self.scopes)


def audience_of(surface: SurfaceName) -> str:
    """What `aud` names a surface."""
    return f"sticker:{surface.value}"


def scope_text(scopes: Iterable[str]) -> str:
    """Scopes as a token has them: separated by spaces, in the order of the list."""
    held = set(scopes)
    return " ".join(scope.value for scope in Scope if scope in held)


def lifetime_of(surface: SurfaceName) -> timedelta:
    """How long a surface's tokens live."""
    is_reseller = surface is SurfaceName.RESELLER
    lifetime: timedelta = settings.RESELLER_TOKEN_LIFETIME if is_reseller else settings.STOREFRONT_TOKEN_LIFETIME
    return lifetime


def mint_token(grant: Grant, *, now: datetime, at_most: timedelta | None = None) -> AccessToken:
    """Sign a token; `now` is the database's clock, and `at_most` what is left of whatever it hangs on."""
    lifetime = min(lifetime_of(grant.surface), at_most or timedelta.max)
    seconds = max(1, int(lifetime.total_seconds()))
    issued_at = int(now.timestamp())
    text = jwt.mint(_claims(grant), lifetime_seconds=seconds, issued_at=issued_at)
    return AccessToken(text, datetime.fromtimestamp(issued_at + seconds, UTC), timedelta(seconds=seconds), grant.scopes)


def _claims(grant: Grant) -> dict[str, object]:
    claims: dict[str, object] = {
        "iss": settings.PUBLIC_BASE_URL,
        "aud": audience_of(grant.surface),
        "sub": str(grant.subject),
        "client_id": grant.client_id,
        "tenant": str(grant.partner_id),
        "surface": grant.surface.value,
        "scope": scope_text(grant.scopes),
        "env": grant.environment.value,
        "epochs": {"partner": grant.partner_epoch, "subject": grant.subject_epoch},
    }
    return claims if grant.session_id is None else {**claims, "sid": str(grant.session_id)}
