"""What proving a credential yields, whichever kind it is: the caller, and where the rules stand for its tenant.

Each kind has one implementation, beside this file: `key_proof`, `token_proof`, `player_proof`. Each makes at most one query and
no write, and that one query also reads `standing_sql`, so that the rules used are never older than the answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from core.principals import Actor, ActorKind, Environment, RequestContext
from partners.verification import Verification
from surfaces.names import SurfaceName


class CredentialKind(StrEnum):
    """What was proved."""

    API_KEY = "api_key"
    ACCESS_TOKEN = "access_token"  # noqa: S105  # a name
    PLAYER_TOKEN = "player_token"  # noqa: S105  # a name


class NotProvenError(Exception):
    """A credential that proves nothing. `reason` is for the ledger; the rest names what it claims, where that is genuine.

    `version` is that of the rules, where the proof's query read it before the refusal.
    """

    def __init__(
        self,
        reason: str,
        *,
        partner_id: UUID | None = None,
        environment: str = "",
        key_id: str = "",
        version: int | None = None,
        verification: Verification | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.partner_id = partner_id
        self.environment = environment
        self.key_id = key_id
        self.version = version
        self.verification = verification


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version of the rules is in force, and what one tenant may use under it: route ids, and surfaces as `-number`."""

    version: int
    grants: frozenset[int]

    def covers(self, *, route_id: int, surface: int) -> bool:
        """Tell whether the tenant may use a route, by itself or with all of its surface."""
        return route_id in self.grants or -surface in self.grants


def standing_sql(*, partner: str, environment: str) -> str:
    """A column for the one query of a check, over its SQL expressions for the partner's id and the environment."""
    return f"""(SELECT array_prepend(book.version, ARRAY(
      SELECT coalesce(e.route_id, -e.surface_id::bigint) FROM surfaces_entitlement e
      WHERE e.partner_id = {partner} AND e.environment = {environment})) FROM surfaces_rulebook book)"""  # noqa: S608  # constants


def read_standing(column: Sequence[int] | None) -> Standing:
    """Read what `standing_sql` gave.

    Raises: RuntimeError when the rulebook's row is gone: nothing can be decided then.
    """
    if not column:
        raise RuntimeError("the rulebook has no row")
    return Standing(column[0], frozenset(column[1:]))


@dataclass(frozen=True, slots=True)
class Proven:
    """A proven caller of a surface.

    `surface` is the one a token was made for; None for a key, whose scopes and kind say where it may be used. `key_id` is the
    kid of the API key, or of what signed the token. A suspended partner's credential is proven; the rules then refuse it.
    """

    kind: CredentialKind
    partner_id: UUID
    partner_slug: str
    partner_is_active: bool
    environment: Environment
    subject: str
    scopes: frozenset[str]
    standing: Standing
    surface: SurfaceName | None = None
    key_id: str = ""
    client_id: str = ""
    session_id: str = ""
    token_id: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    profile_id: UUID | None = None
    # Set where a credential is good once: uses it up, or raises NotProvenError. Called once nothing else can refuse any more.
    settle: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    # Set for API keys alone: what their use is counted by, and what their sunset headers are made of.
    verification: Verification | None = field(default=None, repr=False, compare=False)

    def actor(self, context: RequestContext) -> Actor:
        """The caller in the words of the ledger: a key by its kid, anyone else by their session or subject."""
        if self.kind is CredentialKind.API_KEY:
            return Actor(ActorKind.KEY, self.key_id, "", context)
        return Actor(ActorKind.SESSION, self.session_id or self.subject, "", context)
