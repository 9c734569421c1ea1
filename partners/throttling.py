"""The rate limits of endpoints a key opens: one step per call of a known key, told in the headers of every answer to it."""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from rest_framework.request import Request

from core.principals import Principal
from partners.authentication import KeyedView, principal_of
from partners.limits import refused, take


class ThrottleScope(StrEnum):
    """The calls that are limited, each by an allowance of its own."""

    SETUP = "setup"
    HANDSHAKE = "handshake"


@dataclass(frozen=True, slots=True)
class Allowance:
    """The bucket a call takes from, and how many calls a minute it allows."""

    bucket: str
    limit: int


def allowance(principal: Principal, scope: ThrottleScope) -> Allowance:
    """Name the bucket of a caller: its partner's, in its environment, or its key family's where the key has its own limit."""
    if scope is ThrottleScope.SETUP:
        limit, family = principal.setup_per_minute or settings.SETUP_PER_MINUTE, principal.setup_family
    else:
        limit, family = principal.handshake_per_minute or settings.HANDSHAKE_PER_MINUTE, principal.handshake_family
    owner = f"{principal.partner_id}:{principal.environment.value}" if family is None else f"family:{family}"
    return Allowance(f"{scope.value}:{owner}", limit)


class ThrottledView(KeyedView):
    """A keyed endpoint with a rate limit. A subclass states its `throttle_scope`.

    The step is taken as soon as the key is known, so that refusals for scope, partner or body carry the headers too, and
    cannot be had for nothing.
    """

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        self.check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Use one call of the caller's allowance.

        Raises: RateLimitExceededError when none is left.
        """
        allowed = allowance(principal_of(request), ThrottleScope(str(self.throttle_scope)))
        verdict = take(allowed.bucket, limit=allowed.limit)
        headers = request._request.META.setdefault("sticker.headers", {})
        headers.update(verdict.headers())
        if not verdict.is_allowed:
            raise refused(verdict)
