"""The words of a decision: the question, the steps, and what was decided."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.errors import ErrorFamily, StickerError
from partners.verification import Verification
from surfaces.rulebook import Rule
from surfaces.verification import NotProvenError, Proven


class Step(StrEnum):
    """The steps of a decision, in their order."""

    RELOADED = "reloaded"
    PATH = "path"
    RULE = "rule"
    CREDENTIAL = "credential"
    PROVEN = "proven"
    TENANT = "tenant"
    PARTNER = "partner"
    ENTITLEMENT = "entitlement"
    SCOPE = "scope"


# Told of each step that was passed, with what it found.
Trace = Callable[[Step, object], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A request as the rules see it.

    `path` is the request line's, undecoded and without query. `headers` maps the names WSGI gives to the headers a credential
    may stand in. `tenant` and `shop` are `X-Tenant` and `X-Shop-Handle`. `surfaces` are the numbers of those whose rules may
    answer; None for all.
    """

    method: str
    path: str
    headers: Mapping[str, Any] = field(repr=False)
    address: str | None = None
    host: str = ""
    tenant: str = ""
    shop: str = ""
    surfaces: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided. Without `error` the request may pass, and `rule` and `proven` are set.

    `headers` go with the answer of a request that passes; a refusal has its own.
    """

    error: StickerError | None
    rule: Rule | None = None
    proven: Proven | None = None
    refused: NotProvenError | None = None
    key_prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> ErrorFamily:
        """The family of bodies a refusal is told in."""
        return self.rule.surface.family if self.rule else ErrorFamily.PLATFORM

    @property
    def verification(self) -> Verification | None:
        """What is known of the API key, where one that exists was presented."""
        known = self.proven or self.refused
        return known.verification if known else None

    def passed(self) -> tuple[Rule, Proven]:
        """The rule and the caller of a request that may pass.

        Raises: the refusal.
        """
        if self.error is not None:
            raise self.error
        if self.rule is None or self.proven is None:
            raise ValueError("a decision without refusal has a rule and a caller")
        return self.rule, self.proven


def host_name(host: str) -> str:
    """The name of a `Host` header: without port, final dot and letter case."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name.strip("[]").rstrip(".").lower()
