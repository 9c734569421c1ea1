"""A receiver for one's own machine: verifies what comes, answers, and tells what it thinks of it."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from webhooks.doctor import Case, Diagnosis, Finding, KnownSecret, diagnose
from webhooks.formats import SignatureFormat

MAX_BODY_BYTES: Final = 1024 * 1024
_IDLE_SECONDS: Final = 30.0
_BODILESS: Final = (204, 304)


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """How a sink behaves. Without secrets it accepts everything; `status` is what it answers to what it accepts."""

    port: int = 0
    signature_format: SignatureFormat = SignatureFormat.STANDARD
    secrets: tuple[str, ...] = field(default=(), repr=False)
    status: int = 200
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery and the verdict on it. `notes` say what its place in the order tells: repeats and gaps."""

    headers: Mapping[str, str]
    body: bytes
    status: int
    is_verified: bool
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The delivery as one object."""
        return {
            "type": self.headers.get("webhook-event-type"),
            "id": self.headers.get("webhook-id"),
            "attempt": self.headers.get("webhook-attempt"),
            "seq": self.headers.get("webhook-seq"),
            "verified": self.is_verified,
            "status": self.status,
            "findings": [{"mistake": each.mistake.value, "text": each.text} for each in self.findings],
            "notes": list(self.notes),
            "body": self.body.decode("utf-8", "replace"),
        }


class Judge:
    """Verifies deliveries one after the other and remembers which it has seen."""

    def __init__(self, plan: SinkPlan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._last_seq = 0

    def judge(self, headers: Mapping[str, str], body: bytes, *, now: float) -> Received:
        """Verify one delivery. `headers` has lower-case names; `now` is in seconds since 1970."""
        found = self._verify(headers, body, now)
        is_accepted = found is None or (found.fits and not found.findings)
        return Received(
            headers=headers,
            body=body,
            status=self._plan.status if is_accepted else 401,
            is_verified=found is not None and is_accepted,
            findings=found.findings if found else (),
            notes=self._notes(headers) if is_accepted else (),
        )

    def _verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Diagnosis | None:
        """The verdict by the first secret that fits, else by the first; None where there is no secret to verify with."""
        first = None
        for secret in self._plan.secrets:
            case = Case(headers, body, self._plan.signature_format, now, (KnownSecret(secret),))
            found = diagnose(case)
            if found.fits:
                return found
            first = first or found
        return first

    def _notes(self, headers: Mapping[str, str]) -> tuple[str, ...]:
        message_id, seq = headers.get("webhook-id", ""), _number(headers.get("webhook-seq", ""))
        notes = []
        with self._lock:
            if message_id and message_id in self._seen:
                notes.append("seen before")
            self._seen.add(message_id)
            if seq and self._last_seq and seq > self._last_seq + 1:
                notes.append(f"{seq - self._last_seq - 1} missing before it")
            self._last_seq = max(seq, self._last_seq)
        return tuple(notes)


class Sink(ThreadingHTTPServer):
    """The receiver as a server of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, plan: SinkPlan, *, tell: Callable[[Received], None]) -> None:
        super().__init__(("127.0.0.1", plan.port), _Handler)
        self.plan = plan
        self.stopping = threading.Event()
        self._judge = Judge(plan)
        self._tell = tell
        self._telling = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/"

    def receive(self, headers: Mapping[str, str], body: bytes) -> Received:
        """Judge one delivery and tell about it."""
        received = self._judge.judge(headers, body, now=time.time())
        with self._telling:
            self._tell(received)
        return received


class _Handler(BaseHTTPRequestHandler):
    """One connection of a sender."""

    server: Sink
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS

    def do_POST(self) -> None:
        length = _number(self.headers.get("Content-Length") or "")
        if not 0 < length <= MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(413 if length else 411, {"error": "Send a body with a Content-Length of at most 1 MiB."})
            return
        body = self.rfile.read(length)
        received = self.server.receive({name.lower(): value for name, value in self.headers.items()}, body)
        self.server.stopping.wait(self.server.plan.delay_seconds)
        self._answer(received.status, _reply(received))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of connections: the sink tells of deliveries."""

    def _answer(self, status: int, reply: Mapping[str, object]) -> None:
        content = b"" if status in _BODILESS else json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _reply(received: Received) -> dict[str, object]:
    if received.status == 401:
        return {"error": received.findings[0].title if received.findings else "Not verified"}
    challenge = _challenge(received)
    return {"received": True} if challenge is None else {"received": True, "challenge": challenge}


def _challenge(received: Received) -> object:
    """What a ping that asks for proof wants to hear again."""
    try:
        body: Any = json.loads(received.body)
        return body["data"]["challenge"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
