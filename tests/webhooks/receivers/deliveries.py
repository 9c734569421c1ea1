"""Deliveries made in a test and posted to a receiver on this machine, as the pump would."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from webhooks.canonical import render_body, serialise
from webhooks.formats import SignatureFormat
from webhooks.signing import Notice, Secrets, delivery_headers

_ANSWER_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes and headers of one attempt."""

    body: bytes
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the receiver said."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def delivery(
    data: Mapping[str, Any],
    *,
    secrets: Secrets,
    signature_format: SignatureFormat = SignatureFormat.STANDARD,
    event_type: str = "purchase.completed",
    message_id: str = "msg_1",
    timestamp: int | None = None,
    **notice: Any,
) -> Sent:
    """Sign data as it would be delivered now."""
    stamp = int(time.time()) if timestamp is None else timestamp
    body = render_body(
        serialise(data), event_type=event_type, occurred_at=datetime.fromtimestamp(stamp, UTC), style=signature_format
    )
    said = Notice(message_id, stamp, event_type, **notice)
    headers = delivery_headers(body, notice=said, keys=secrets, signature_format=signature_format)
    return Sent(body, {"Content-Type": "application/json", **headers})


class Line:
    """A kept connection to a receiver."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._path = parts.path or "/"
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_ANSWER_SECONDS)

    def post(self, sent: Sent, *, body: bytes | None = None, **headers: str | None) -> Answered:
        """Send a delivery, or one that was tampered with: another body, headers replaced or (None) left out."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        replaced = {name.lower() for name in changed}
        given = {name: value for name, value in sent.headers.items() if name.lower() not in replaced}
        given |= {name: value for name, value in changed.items() if value is not None}
        self.begin(sent.body if body is None else body, given)
        return self.end()

    def begin(self, body: bytes | None, headers: Mapping[str, str] | None = None) -> None:
        """Send a request without waiting for its answer."""
        self._connection.request("POST", self._path, body=body, headers=headers or {})

    def end(self) -> Answered:
        """Wait for the answer."""
        answer = self._connection.getresponse()
        return Answered(answer.status, answer.read())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
