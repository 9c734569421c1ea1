"""The public keys with which GitHub signs what its secret scanning finds: fetched, bounded, and kept while it cannot be had."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from core.egress.fetch import EgressFailedError, EgressRefusedError, FetchLimits, fetch
from core.errors import InvalidRequestError, ServiceUnavailableError
from core.strict_json import read_json

log = structlog.get_logger("sticker.leaks")

FRESH_SECONDS: Final = 30 * 60.0
STALE_SECONDS: Final = 24 * 3600.0
FETCH_EVERY_SECONDS: Final = 60.0
MAX_KEYS: Final = 100
_LIMITS: Final = FetchLimits(total_seconds=4.0, connect_seconds=2.0, max_body_bytes=64 * 1024)


@dataclass(frozen=True, slots=True)
class _Held:
    """A key list as it was fetched, and when."""

    keys: Mapping[str, EllipticCurvePublicKey]
    fetched_at: float


class KeyCache:
    """The keys of one address, as this process knows them. They are fetched at most once a minute, whoever asks for what."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._held: _Held | None = None
        self._next_fetch = 0.0
        self._has_failed = False
        self._lock = threading.Lock()

    def find(self, identifier: str) -> EllipticCurvePublicKey | None:
        """Find a key by its id; None when GitHub does not list it.

        Raises: ServiceUnavailableError when the list that would tell cannot be had.
        """
        held = self._held
        if held is None or identifier not in held.keys or held.fetched_at + FRESH_SECONDS <= self._clock():
            self._refresh()
            held = self._held
        if held is None or held.fetched_at + STALE_SECONDS <= self._clock():
            raise ServiceUnavailableError(reason="github_keys_unavailable", retry_after_seconds=int(FETCH_EVERY_SECONDS))
        key = held.keys.get(identifier)
        if key is None and self._has_failed:
            raise ServiceUnavailableError(reason="github_keys_unavailable", retry_after_seconds=int(FETCH_EVERY_SECONDS))
        return key

    def _refresh(self) -> None:
        """Fetch the list unless it was tried within a minute, or another thread is at it: nobody queues behind a fetch."""
        if self._clock() < self._next_fetch or not self._lock.acquire(blocking=False):
            return
        try:
            if self._clock() < self._next_fetch:
                return
            self._next_fetch = self._clock() + FETCH_EVERY_SECONDS
            keys = _fetched(self._url)
            self._has_failed = keys is None
            if keys is not None:
                self._held = _Held(keys, self._clock())
        finally:
            self._lock.release()


@lru_cache(maxsize=4)
def key_cache(url: str) -> KeyCache:
    """The one cache of an address in this process."""
    return KeyCache(url)


def _fetched(url: str) -> Mapping[str, EllipticCurvePublicKey] | None:
    try:
        fetched = fetch(url, headers={"Accept": "application/json"}, limits=_LIMITS)
        failure = "" if fetched.status == 200 else f"status_{fetched.status}"
        keys = {} if failure else _read(fetched.body)
    except (EgressRefusedError, EgressFailedError) as error:
        keys, failure = {}, error.reason.value
    except InvalidRequestError:
        keys, failure = {}, "document"
    if keys:
        return keys
    log.warning("leaks.github_keys_failed", reason=failure or "no_usable_key")
    return None


def _read(body: bytes) -> dict[str, EllipticCurvePublicKey]:
    entries = read_json(body, max_bytes=_LIMITS.max_body_bytes).get("public_keys")
    if not isinstance(entries, list):
        return {}
    found: dict[str, EllipticCurvePublicKey] = {}
    for entry in entries[:MAX_KEYS]:
        identifier, key = _entry(entry)
        if identifier and key is not None:
            found[identifier] = key
    return found


def _entry(entry: object) -> tuple[str, EllipticCurvePublicKey | None]:
    """One entry of the list; a key on another curve, or one that cannot be read, is left out."""
    if not isinstance(entry, dict):
        return "", None
    identifier, pem = entry.get("key_identifier"), entry.get("key")
    if not isinstance(identifier, str) or not isinstance(pem, str):
        return "", None
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return "", None
    is_usable = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    return identifier, key if is_usable and isinstance(key, EllipticCurvePublicKey) else None
