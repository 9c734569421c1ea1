"""The receiver on this machine, and what its deliveries are signed with."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from webhooks.canonical import render_body, serialise
from webhooks.formats import SignatureFormat
from webhooks.relay.feed import FeedItem
from webhooks.relay.redirects import NoRedirects
from webhooks.signing import Notice, Secrets, delivery_headers

LONGEST_WAIT_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 30.0
# A proxy of the environment leads away from this machine.
_to_receiver: Final = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
# Waits so many seconds, and answers whether to stop.
Sleep = Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One attempt on the receiver. No status: it could not be reached."""

    item: FeedItem
    seq: int
    attempt: int
    status: int | None
    milliseconds: int

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Receiver:
    """The receiver on this machine, and what its deliveries are signed with."""

    url: str
    signature_format: SignatureFormat
    secret: str = field(repr=False)
    attempts: int = 3

    def forward(self, item: FeedItem, *, seq: int, sleep: Sleep) -> Iterator[Forwarded]:
        """Post one event until it is taken, the attempts are used up, or `sleep` says to stop; one result for each attempt."""
        for attempt in range(1, self.attempts + 1):
            done = self._post(item, seq=seq, attempt=attempt)
            yield done
            if done.is_delivered or (attempt < self.attempts and sleep(min(2.0 ** (attempt - 1), LONGEST_WAIT_SECONDS))):
                return

    def _post(self, item: FeedItem, *, seq: int, attempt: int) -> Forwarded:
        started = time.monotonic()
        request = urllib.request.Request(self.url, data=self._body(item), method="POST")  # noqa: S310  # the scheme was checked
        notice = Notice(item.id, int(time.time()), item.type, attempt=attempt, sequence=seq)
        for name, value in self._headers(request.data, notice).items():
            request.add_header(name, value)
        try:
            with _to_receiver.open(request, timeout=_ANSWER_SECONDS) as answer:
                status: int | None = answer.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except (OSError, HTTPException):
            status = None
        return Forwarded(item, seq, attempt, status, round((time.monotonic() - started) * 1000))

    def _body(self, item: FeedItem) -> bytes:
        at = datetime.fromisoformat(item.timestamp)
        return render_body(serialise(item.data), event_type=item.type, occurred_at=at, style=self.signature_format)

    def _headers(self, body: Any, notice: Notice) -> Mapping[str, str]:
        signed = delivery_headers(body, notice=notice, keys=Secrets(self.secret), signature_format=self.signature_format)
        return {"Content-Type": "application/json", **signed}


def check_receiver(url: str) -> str:
    """Take the receiver's address.

    Raises: ValueError for anything but http or https without credentials in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("give an http or https address without credentials in it")
    return url
