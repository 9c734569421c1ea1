"""Fetching the key sets of issuers: one process at a time, at a bounded rate, through the guarded way out.

The row in the database says who may fetch and when, so that the bounds hold over all processes.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction

from core.db import fetch_one, write_one
from core.egress.fetch import EgressFailedError, EgressRefusedError, Fetched, FetchLimits, fetch
from surfaces.players.issuers import IssuerRules
from surfaces.players.key_sets import store_failure, store_key_set
from surfaces.players.keys import KeySet, UnusableKeyError, read_key_set

log = structlog.get_logger("sticker.players")

REQUEST_SECONDS: Final = 1.0
BACKGROUND_SECONDS: Final = 3.0
MAX_DOCUMENT_BYTES: Final = 64 * 1024
FORCED_EVERY: Final = timedelta(seconds=30)
MIN_TTL: Final = timedelta(seconds=60)
MAX_TTL: Final = timedelta(hours=1)
USUAL_TTL: Final = timedelta(minutes=10)
_LEASE: Final = timedelta(seconds=10)
_MAX_AGE: Final = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?([0-9]{1,9})\"?\s*(?:,|$)", re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|,)\s*no-(?:store|cache)\b", re.IGNORECASE)


class Why(StrEnum):
    """What a fetch is for: the keys are due, a token names one that is not among them, or staff wants it now."""

    DUE = "due"
    UNKNOWN_KID = "unknown_kid"
    STAFF = "staff"


class Went(StrEnum):
    """How an attempt to refresh went. `BUSY`: another process is at it. `NOT_NOW`: the bounds forbid it."""

    FETCHED = "fetched"
    FAILED = "failed"
    BUSY = "busy"
    NOT_NOW = "not_now"


@dataclass(frozen=True, slots=True)
class State:
    """How the row stands at the moment."""

    version: int
    is_fresh: bool
    is_usable: bool
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The outcome of one attempt, with what was fetched or why that failed."""

    went: Went
    key_set: KeySet | None = None
    failure: str = ""


_CLAIM: Final = """
UPDATE surfaces_jwkscache
SET lease = %(lease)s, lease_until = clock_timestamp() + %(lasts)s::interval,
    forced_at = CASE WHEN %(why)s::text = 'unknown_kid' THEN clock_timestamp() ELSE forced_at END
WHERE issuer_id = %(issuer)s AND coalesce(lease_until <= clock_timestamp(), true) AND CASE %(why)s::text
  WHEN 'staff' THEN true
  WHEN 'unknown_kid' THEN coalesce(forced_at <= clock_timestamp() - %(every)s::interval, true)
  ELSE coalesce(fresh_until <= clock_timestamp() + %(early)s::interval, true)
       AND coalesce(next_attempt_at <= clock_timestamp(), true)
  END
RETURNING version
"""
_STATE: Final = """
SELECT version, coalesce(fresh_until > clock_timestamp(), false), coalesce(usable_until > clock_timestamp(), false),
       coalesce(lease_until > clock_timestamp(), false)
FROM surfaces_jwkscache WHERE issuer_id = %(issuer)s
"""


def refresh(rules: IssuerRules, *, why: Why, seconds: float, early: timedelta = timedelta(0)) -> Refreshed:
    """Fetch an issuer's key set, if this process may now; of concurrent callers in all processes exactly one does.

    `early` brings the time at which keys are due forward. Inside a transaction nothing is fetched: whoever rehearses a
    request has to do with the keys at hand.
    """
    if _is_in_transaction():
        return Refreshed(Went.NOT_NOW)
    lease = uuid.uuid4()
    params = {"issuer": rules.id, "lease": lease, "lasts": _LEASE, "why": why.value, "every": FORCED_EVERY, "early": early}
    if write_one(_CLAIM, params) is None:
        state = read_state(rules.id)
        return Refreshed(Went.BUSY if state.is_busy else Went.NOT_NOW)
    try:
        fetched = _fetched(rules.jwks_url, seconds)
        key_set = _read(fetched)
    except _FetchError as error:
        store_failure(rules.id, lease=lease, failure=error.reason)
        log.warning("jwks.failed", issuer=str(rules.id), reason=error.reason, why=why.value)
        return Refreshed(Went.FAILED, failure=error.reason)
    store_key_set(rules.id, lease=lease, keys=key_set.keys, ttl=time_to_live(fetched.headers))
    return Refreshed(Went.FETCHED, key_set)


def time_to_live(headers: Mapping[str, str]) -> timedelta:
    """How long an answer says it holds, within our bounds (RFC 9111 §5.2.2)."""
    said = headers.get("cache-control", "")
    if _NOT_KEPT.search(said):
        return MIN_TTL
    found = _MAX_AGE.search(said)
    return min(max(timedelta(seconds=int(found[1])), MIN_TTL), MAX_TTL) if found else USUAL_TTL


def read_state(issuer_id: UUID) -> State:
    """How an issuer's row stands now."""
    row = fetch_one(_STATE, {"issuer": issuer_id})
    return State(*row) if row else State(0, is_fresh=False, is_usable=False)


def _is_in_transaction() -> bool:
    try:
        with transaction.atomic(durable=True):
            return False
    except RuntimeError:
        return True


class _FetchError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _fetched(url: str, seconds: float) -> Fetched:
    limits = FetchLimits(total_seconds=seconds, connect_seconds=seconds, max_body_bytes=MAX_DOCUMENT_BYTES)
    try:
        fetched = fetch(url, headers={"Accept": "application/jwk-set+json, application/json"}, limits=limits)
    except (EgressRefusedError, EgressFailedError) as error:
        raise _FetchError(error.reason.value) from error
    if fetched.status != 200:
        raise _FetchError(f"status_{fetched.status}")
    return fetched


def _read(fetched: Fetched) -> KeySet:
    try:
        key_set = read_key_set(fetched.body)
    except UnusableKeyError as error:
        raise _FetchError("document") from error
    if not key_set.keys:
        raise _FetchError("no_usable_key")
    return key_set
