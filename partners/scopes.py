"""The closed list of scopes a key may carry, with a sentence for the person who ticks the box."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.db import models

if TYPE_CHECKING:
    _BigIntegerField = models.BigIntegerField[Iterable[str], list["Scope"]]
else:
    _BigIntegerField = models.BigIntegerField


class Scope(StrEnum):
    ORGANIZATION_WRITE = "organization:write"
    ORGANIZATION_READ = "organization:read"
    SESSION_CREATE = "session:create"
    SESSION_READ = "session:read"
    SESSION_REVOKE = "session:revoke"
    KEY_READ = "key:read"
    KEY_ROTATE = "key:rotate"
    KEY_REVOKE = "key:revoke"
    WEBHOOKS_MANAGE = "webhooks:manage"
    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"
    REPORTS_READ = "reports:read"
    INTROSPECT = "introspect"
    TOKENS_EXCHANGE = "tokens:exchange"
    ORDERS_CREATE = "orders:create"
    ORDERS_READ = "orders:read"
    PRODUCTS_READ = "products:read"
    PAYMENTS_WRITE = "payments:write"


MEANINGS: Final[dict[Scope, str]] = {
    Scope.ORGANIZATION_WRITE: "Set up organizations and their users",
    Scope.ORGANIZATION_READ: "Read organizations",
    Scope.SESSION_CREATE: "Ask for session tokens (handshake)",
    Scope.SESSION_READ: "See the state of a session",
    Scope.SESSION_REVOKE: "Revoke sessions",
    Scope.KEY_READ: "See this key's own facts",
    Scope.KEY_ROTATE: "Rotate this key",
    Scope.KEY_REVOKE: "Revoke this key",
    Scope.WEBHOOKS_MANAGE: "Manage webhook endpoints",
    Scope.EVENTS_WRITE: "Publish events",
    Scope.EVENTS_READ: "Read the event feed",
    Scope.REPORTS_READ: "Read reports",
    Scope.INTROSPECT: "Ask whether a credential is valid",
    Scope.TOKENS_EXCHANGE: "Exchange tokens",
    Scope.ORDERS_CREATE: "Create orders",
    Scope.ORDERS_READ: "Read orders",
    Scope.PRODUCTS_READ: "Read products",
    Scope.PAYMENTS_WRITE: "Make payments",
}


def parse_scopes(names: Iterable[str]) -> list[Scope]:
    """Read scope names, each once, in the order of the list.

    Raises: ValueError naming the first unknown scope.
    """
    wanted = {Scope(name.strip()) for name in names if name.strip()}
    return [scope for scope in Scope if scope in wanted]


# The position in the list is the bit in the column: append only, never reorder.
_BITS: Final = {scope: 1 << position for position, scope in enumerate(Scope)}


def to_bits(scopes: Iterable[Scope]) -> int:
    """Pack scopes into the integer a key row stores."""
    return sum(_BITS[scope] for scope in set(scopes))


@lru_cache(maxsize=4096)
def from_bits(bits: int) -> frozenset[Scope]:
    """Unpack a key row's integer; bits nobody knows any more grant nothing."""
    return frozenset(scope for scope, bit in _BITS.items() if bits & bit)


class ScopesField(_BigIntegerField):
    """A set of scopes, packed into one integer in the database and an ordered list in Python."""

    def from_db_value(self, value: int | None, *_args: object) -> list[Scope]:
        granted = from_bits(value or 0)
        return [scope for scope in Scope if scope in granted]

    def to_python(self, value: Any) -> list[Scope]:
        return value if isinstance(value, list) else self.from_db_value(int(value or 0))

    def get_prep_value(self, value: Any) -> int:
        return value if isinstance(value, int) else to_bits(parse_scopes(value))
