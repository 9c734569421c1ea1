"""What the demo partner's backend does: calls the service with the API key, and keeps a masked record of each call."""

import json
import re
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

KEPT_CALLS: Final = 50
TIMEOUT_SECONDS: Final = 10
SECRET: Final = re.compile(r"\b((?:sk|ak)_(?:live|test)_[0-9A-Za-z]{12})[0-9A-Za-z]+|\b([0-9a-f]{6})[0-9a-f]{58}\b")
HIDDEN_FIELDS: Final = frozenset({"access_token", "refresh_handle"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The partner's own configuration; the API key never leaves this process except in a header to `base_url`."""

    base_url: str
    embed_base: str
    partner_id: str
    internal_user_id: str
    partner_org_id: str
    api_key: str = field(repr=False)

    @classmethod
    def from_file(cls, path: Path) -> "Settings":
        """Read the JSON file; fields of no use here are ignored."""
        given: dict[str, str] = json.loads(path.read_text())
        return cls(**{name: given[name].rstrip("/") for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the service: HTTP status, 0 when there was none, and its JSON."""

    status: int
    body: dict[str, Any]
    request_id: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the backend as it is shown: secrets masked, duration in milliseconds."""

    number: int
    at: str
    purpose: str
    method: str
    path: str
    status: int
    duration_ms: int
    request_id: str
    sent: Any
    answered: Any


def masked(value: Any) -> Any:
    """Return a copy in which keys keep their public part and tokens their first six characters."""
    if isinstance(value, dict):
        return {name: "••••" if name in HIDDEN_FIELDS else masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        return SECRET.sub(lambda match: f"{match[1] or match[2]}••••", value)
    return value


class PartnerBackend:
    """The partner's calls to the service; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._lock = threading.Lock()
        self._count = 0
        self._last_link = ""

    def calls(self) -> list[Call]:
        """Return the latest calls, newest first."""
        with self._lock:
            return list(reversed(self._calls))

    def new_session(self) -> Reply:
        """Ask for a one-time link for the visitor who is signed in here (always the same one in this demo)."""
        reply = self._with_key(
            "Asked for a one-time link", "POST", "/v1/partner/handshake", {"internal_user_id": self.settings.internal_user_id}
        )
        self._last_link = str(reply.body.get("session_key", ""))
        return reply

    def replay_link(self) -> Reply:
        """Redeem the latest link once more, as somebody would who copied it: another browser, another redeem_id."""
        body = {
            "session_key": self._last_link,
            "partner_id": self.settings.partner_id,
            "redeem_id": secrets.token_hex(16),
            "environment": "live" if self.settings.api_key.startswith("sk_live_") else "test",
        }
        embed = urlsplit(self.settings.embed_base)
        headers = {"Origin": f"{embed.scheme}://{embed.netloc}", "X-Sticker-Embed": "1"}
        return self._call("Tried a copied link", "POST", "/v1/sessions/redeem", body, headers)

    def revoke_sessions(self) -> Reply:
        """End every session of the visitor, open frames included."""
        user = quote(self.settings.internal_user_id, safe="")
        return self._with_key("Ended all sessions of the visitor", "DELETE", f"/v1/users/{user}/sessions", None)

    def _with_key(self, purpose: str, method: str, path: str, body: dict[str, str] | None) -> Reply:
        return self._call(purpose, method, path, body, {"Authorization": f"Bearer {self.settings.api_key}"})

    def _call(self, purpose: str, method: str, path: str, body: dict[str, str] | None, headers: Mapping[str, str]) -> Reply:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.settings.base_url + path, data, dict(headers), method=method)  # noqa: S310  # our own address
        if data is not None:
            request.add_header("Content-Type", "application/json")
        began = time.monotonic()
        reply = _send(request)
        duration_ms = round((time.monotonic() - began) * 1000)
        with self._lock:
            self._count += 1
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            call = Call(
                self._count,
                at,
                purpose,
                method,
                path,
                reply.status,
                duration_ms,
                reply.request_id,
                masked(body),
                masked(reply.body),
            )
            self._calls.append(call)
        return reply


def _send(request: urllib.request.Request) -> Reply:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # our own address
            return Reply(answer.status, _parsed(answer.read()), answer.headers.get("X-Request-ID", ""))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, _parsed(refusal.read()), refusal.headers.get("X-Request-ID", ""))
    except OSError:
        return Reply(0, {"message": "The service did not answer."}, "")


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {"value": value}
