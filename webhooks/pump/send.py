"""One attempt: sign, send, and say in the words of the closed list how it ended."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import structlog

from core.egress.door import Answered, Door
from core.egress.failures import EgressFailedError, OwnFaultError
from core.egress.policy import EgressReason, EgressRefusedError, check_url
from core.egress.trace import Phase, Trace
from core.logs import mask
from webhooks.pump.claim import Job
from webhooks.pump.schedule import pause_seconds, reason_of_status
from webhooks.reasons import AttemptReason
from webhooks.signing import Notice, Secrets, WebhookSecretError, delivery_headers

MAX_TEXT_BYTES: Final = 4 * 1024
MAX_HEADER_CHARS: Final = 256
# What the log keeps of an answer's headers: nothing that could be a credential.
KEPT_HEADERS: Final = (
    "content-type",
    "content-length",
    "content-encoding",
    "date",
    "location",
    "retry-after",
    "server",
    "x-request-id",
)
_ENCODED: Final = "(an encoded body, which is not read)"

log = structlog.get_logger("sticker.pump")

_TIMEOUTS: Final = {
    Phase.RESOLVE: AttemptReason.DNS_TIMEOUT,
    Phase.CONNECT: AttemptReason.CONNECT_TIMEOUT,
    Phase.TLS: AttemptReason.CONNECT_TIMEOUT,
    Phase.ANSWER: AttemptReason.READ_TIMEOUT,
    Phase.BODY: AttemptReason.TOTAL_TIMEOUT,
}
_FAILURES: Final = {
    EgressReason.DNS: AttemptReason.DNS_FAILED,
    EgressReason.TLS: AttemptReason.TLS_FAILED,
    EgressReason.PROTOCOL: AttemptReason.BAD_RESPONSE,
}


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How an attempt ended, its instants by the monotonic clock; `pause_seconds` is how long the receiver wants no calls."""

    job: Job
    reason: AttemptReason
    began: float
    ended: float
    status: int | None = None
    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None
    address: str | None = None
    pause_seconds: float | None = None
    response_text: str = field(default="", repr=False)
    response_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def total_ms(self) -> int:
        """Milliseconds from the first step to the last."""
        return round((self.ended - self.began) * 1000)


async def attempt(door: Door, job: Job, keys: Secrets | None) -> AttemptResult:
    """Make one attempt. Whatever happens, it ends in a result."""
    began = time.monotonic()
    try:
        return await _attempt(door, job, keys)
    except EgressRefusedError:
        return AttemptResult(job, AttemptReason.URL_REFUSED, began, time.monotonic())
    except WebhookSecretError:
        return AttemptResult(job, AttemptReason.SECRET_UNREADABLE, began, time.monotonic())
    except Exception:
        # The outer edge of an attempt: one that fails in an unforeseen way must not take the others with it.
        log.exception("pump.attempt_failed", delivery=job.delivery_id)
        return AttemptResult(job, AttemptReason.INTERNAL, began, time.monotonic())


async def _attempt(door: Door, job: Job, keys: Secrets | None) -> AttemptResult:
    trace = Trace(check_url(job.url))
    if keys is None or job.body is None:
        reason = AttemptReason.SECRET_UNREADABLE if keys is None else AttemptReason.INTERNAL
        return _result(job, reason, trace)
    headers = {"Content-Type": "application/json", **_headers(job, job.body, keys)}
    try:
        answered = await door.post(trace, headers=headers, body=job.body)
    except EgressRefusedError:
        # The address stays ours: whoever set the name up must not learn what stands there.
        return replace(_result(job, AttemptReason.ADDRESS_REFUSED, trace), address=None)
    except OwnFaultError as error:
        log.error("pump.own_fault", delivery=job.delivery_id, error=str(error))
        return _result(job, AttemptReason.INTERNAL, trace)
    except EgressFailedError as error:
        return _result(job, reason_of_failure(error.reason, trace.phase), trace)
    return _answered(_result(job, reason_of_status(answered.status), trace), answered)


def reason_of_failure(reason: EgressReason, phase: Phase) -> AttemptReason:
    """Name a call that brought no answer, by what failed and how far it had come."""
    if reason is EgressReason.TIMEOUT:
        return _TIMEOUTS[phase]
    if reason is EgressReason.CONNECT and phase is not Phase.CONNECT:
        return AttemptReason.CONNECTION_LOST
    return _FAILURES.get(reason, AttemptReason.CONNECT_FAILED)


def _headers(job: Job, body: bytes, keys: Secrets) -> dict[str, str]:
    notice = Notice(
        message_id=job.message_id,
        timestamp=int(time.time()),
        event_type=job.event_type,
        attempt=job.attempt,
        sequence=job.seq,
        is_replay=job.is_replay,
    )
    return delivery_headers(body, notice=notice, keys=keys, signature_format=job.signature_format)


def _result(job: Job, reason: AttemptReason, trace: Trace) -> AttemptResult:
    return AttemptResult(
        job=job,
        reason=reason,
        began=trace.began,
        ended=time.monotonic(),
        dns_ms=trace.dns_ms,
        connect_ms=trace.connect_ms,
        tls_ms=trace.tls_ms,
        first_byte_ms=trace.first_byte_ms,
        address=trace.address or None,
    )


def _answered(result: AttemptResult, answered: Answered) -> AttemptResult:
    return replace(
        result,
        status=answered.status,
        response_text=_text(answered),
        response_headers={
            name: _plain(answered.headers[name])[:MAX_HEADER_CHARS] for name in KEPT_HEADERS if name in answered.headers
        },
        pause_seconds=pause_seconds(answered.status, answered.headers.get("retry-after"), now=datetime.now(UTC)),
    )


def _text(answered: Answered) -> str:
    if answered.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return _ENCODED
    return mask(_plain(answered.body[:MAX_TEXT_BYTES].decode(errors="replace")))


def _plain(text: str) -> str:
    """Text as PostgreSQL can hold it."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
