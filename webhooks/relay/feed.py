"""The service's pull feed, as a holder of an API key sees it."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from webhooks.relay.redirects import NoRedirects

PAGE_EVENTS: Final = 50
_MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
_ANSWER_SECONDS: Final = 30.0
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_to_service: Final = urllib.request.build_opener(NoRedirects)


class RelayRefusedError(Exception):
    """Something that trying again will not change; the text is for a person and holds no secret."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One event of the feed."""

    id: str
    type: str
    timestamp: str
    data: Any
    cursor: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The service's pull feed, as a holder of an API key sees it."""

    base_url: str
    key: str = field(repr=False)
    types: Sequence[str] = ()

    def read(self, after: str) -> tuple[list[FeedItem], str]:
        """The next events behind a cursor, and the cursor to go on with.

        Raises: RelayRefusedError when the service refuses; OSError when it cannot be reached or asks for patience.
        """
        request = urllib.request.Request(  # noqa: S310  # the scheme was checked
            f"{self.base_url}/v1/events?{self._query(after)}", headers={"Authorization": f"Bearer {self.key}"}
        )
        try:
            with _to_service.open(request, timeout=_ANSWER_SECONDS) as answer:
                page = json.loads(answer.read(_MAX_PAGE_BYTES))
            items = [FeedItem(**{name: each[name] for name in FeedItem.__slots__}) for each in page["events"]]
            return items, str(page["next"])
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (ValueError, KeyError, TypeError) as error:
            raise RelayRefusedError("What answers there is not the event feed. Is the base URL right?") from error

    def _query(self, after: str) -> str:
        types = {"types": ",".join(self.types)} if self.types else {}
        return urlencode({"limit": PAGE_EVENTS, **({"after": after} if after else {}), **types})


def check_base_url(url: str) -> str:
    """Take the service's address, without a slash at the end.

    Raises: ValueError for one that would carry a key in the clear: http is for this machine alone.
    """
    parts = urlsplit(url)
    if (parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url.rstrip("/")
    raise ValueError("give the service's https address (http for this machine alone)")


def _refusal(error: urllib.error.HTTPError) -> Exception:
    if error.code == 429 or error.code >= 500:
        return OSError(f"HTTP {error.code}")
    try:
        said = json.loads(error.read(65536))
        return RelayRefusedError(f"{said['message']} ({said['code']})")
    except (ValueError, KeyError, TypeError):
        return RelayRefusedError(f"The service answered {error.code}. Is the base URL right?")
