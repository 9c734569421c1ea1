"""How a call to a provider can end badly: what that means for the grant decides what is done next."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final

from django.utils import timezone

from core.egress.fetch import EgressFailedError, EgressRefusedError, Fetched
from organizations.sync_reasons import SyncReason

MAX_RETRY_AFTER_SECONDS: Final = 86_400
_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class Meaning(Enum):
    """What a failure says about the grant. Only `GRANT_ENDED` may end one."""

    LATER = auto()
    """Nothing: it passes by itself."""
    LOST = auto()
    """The request may have been acted on, and the answer is lost."""
    UNAUTHORIZED = auto()
    """The access token is not accepted."""
    GRANT_ENDED = auto()
    """The refresh token, or the code, is not good any more."""
    CLIENT_WRONG = auto()
    """We are not accepted: that concerns all grants of this provider."""
    SETTINGS_WRONG = auto()
    """Something is set wrong, here or there, and stays so until a person looks at it."""


class ProviderFailureError(Exception):
    """A call to a provider that did not bring what was asked for. The text repeats nothing of the answer."""

    def __init__(
        self,
        meaning: Meaning,
        reason: SyncReason,
        *,
        http_status: int | None = None,
        retry_after_seconds: int = 0,
        problems: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(reason.value)
        self.meaning = meaning
        self.reason = reason
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds
        self.problems = problems

    def meaning_instead(self, meaning: Meaning) -> "ProviderFailureError":
        """The same failure where it means something else."""
        return ProviderFailureError(
            meaning, self.reason, http_status=self.http_status, retry_after_seconds=self.retry_after_seconds
        )


def not_reached(error: EgressRefusedError | EgressFailedError) -> ProviderFailureError:
    """What a call that brought no answer means; it is lost when the other side may have read it."""
    was_sent = isinstance(error, EgressFailedError) and error.was_sent
    return ProviderFailureError(Meaning.LOST if was_sent else Meaning.LATER, SyncReason(error.reason.value))


def passing(fetched: Fetched) -> ProviderFailureError | None:
    """What a status that speaks of no grant means: 408, 429, 5xx and redirects; None for any other."""
    status = fetched.status
    wait = retry_after(fetched.headers)
    if status in (408, 429):
        reason = SyncReason.RATE_LIMITED if status == 429 else SyncReason.TIMEOUT
        return ProviderFailureError(Meaning.LATER, reason, http_status=status, retry_after_seconds=wait)
    if status >= 500:
        return ProviderFailureError(Meaning.LATER, SyncReason.PROVIDER_ERROR, http_status=status, retry_after_seconds=wait)
    if 300 <= status < 400:
        return ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.REDIRECT, http_status=status)
    return None


def retry_after(headers: Mapping[str, str]) -> int:
    """The seconds that `Retry-After` asks for (RFC 9110 §10.2.3), at most a day; 0 without a readable one."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(int(text), MAX_RETRY_AFTER_SECONDS)
    try:
        seconds = (parsedate_to_datetime(text) - timezone.now()).total_seconds()
    except (TypeError, ValueError):
        return 0
    return int(min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS))
