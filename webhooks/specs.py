"""What an endpoint is asked to be: checked values, before any row is touched."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from core.egress.policy import EgressRefusedError, check_url
from core.errors import FieldProblem, InvalidRequestError
from webhooks.catalogue import pattern_problem
from webhooks.formats import SignatureFormat
from webhooks.models import Endpoint

MAX_PATTERNS: Final = 50


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """The part of an endpoint that its owner decides. `rate_per_minute` None means no limit but the receiver's own."""

    url: str
    event_types: tuple[str, ...] = ("*",)
    signature_format: SignatureFormat = SignatureFormat.STANDARD
    description: str = ""
    max_concurrency: int = 5
    rate_per_minute: int | None = None
    echoes_challenge: bool = False

    def checked(self) -> "EndpointSpec":
        """The same in its normal form.

        Raises: InvalidRequestError naming each field that cannot be.
        """
        problems = [*_pattern_problems(self.event_types)]
        url = self.url
        try:
            url = check_url(self.url.strip()).url
        except EgressRefusedError as error:
            problems.append(FieldProblem("url", str(error)))
        if problems:
            raise InvalidRequestError(reason="endpoint_field", details=problems)
        return replace(self, url=url, event_types=tuple(dict.fromkeys(self.event_types)))

    def differences(self, endpoint: Endpoint) -> dict[str, Any]:
        """The columns of an endpoint that would change, with their new values."""
        wanted = {each.name: getattr(self, each.name) for each in fields(self)}
        wanted["event_types"] = list(self.event_types)
        wanted["signature_format"] = self.signature_format.value
        return {name: value for name, value in wanted.items() if getattr(endpoint, name) != value}


def spec_of(endpoint: Endpoint) -> EndpointSpec:
    """What an endpoint is now."""
    return EndpointSpec(
        url=endpoint.url,
        event_types=tuple(endpoint.event_types),
        signature_format=SignatureFormat(endpoint.signature_format),
        description=endpoint.description,
        max_concurrency=endpoint.max_concurrency,
        rate_per_minute=endpoint.rate_per_minute,
        echoes_challenge=endpoint.echoes_challenge,
    )


def _pattern_problems(patterns: Sequence[str]) -> Iterable[FieldProblem]:
    if not 1 <= len(patterns) <= MAX_PATTERNS:
        yield FieldProblem("event_types", f"Name 1 to {MAX_PATTERNS} event types.")
    for index, pattern in enumerate(patterns[:MAX_PATTERNS]):
        if (problem := pattern_problem(pattern)) is not None:
            yield FieldProblem(f"event_types[{index}]", problem)
