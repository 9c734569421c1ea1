"""Who calls, who acts, and from where: frozen values that cross every layer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID


class Environment(StrEnum):
    """The two worlds that never meet: every row and credential belongs to exactly one."""

    LIVE = "live"
    TEST = "test"


class ActorKind(StrEnum):
    STAFF = "staff"
    KEY = "key"
    SESSION = "session"
    COMMAND = "command"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Where an act came from. `address` and `user_agent` are personal data and are kept apart from the ledger row."""

    request_id: str = ""
    address: str | None = None
    user_agent: str = ""


NO_CONTEXT: Final = RequestContext()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who performs an act: a staff member, an API key (by kid), a shell command or the service itself."""

    kind: ActorKind
    id: str
    label: str = ""
    context: RequestContext = NO_CONTEXT


SYSTEM: Final = Actor(ActorKind.SYSTEM, "system", "Sticker Auth")


@dataclass(frozen=True, slots=True)
class Principal:
    """A proven caller: which partner, in which environment, by which key, allowed what.

    `setup_per_minute` and `handshake_per_minute` are the limits that hold for this key, None where the default does. Where
    the limit is the key's own, `setup_family` or `handshake_family` is the key family that uses it up together.
    """

    partner_id: UUID
    partner_slug: str
    partner_name: str
    partner_epoch: int
    partner_is_active: bool
    environment: Environment
    key_id: int
    kid: str
    kind: str
    scopes: frozenset[str]
    expires_at: datetime | None
    rotated_at: datetime | None
    grace_until: datetime | None
    setup_per_minute: int | None
    handshake_per_minute: int | None
    setup_family: int | None = None
    handshake_family: int | None = None

    def actor(self, context: RequestContext) -> Actor:
        """The same caller in the words of the ledger."""
        return Actor(ActorKind.KEY, self.kid, "", context)
