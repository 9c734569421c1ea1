"""Key sets as this process knows them, by their version, and the one second a request may wait for a newer one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from core.db import fetch_one
from core.errors import ServiceUnavailableError
from surfaces.players.issuers import IssuerRules, Sighting
from surfaces.players.jwks import FORCED_EVERY, REQUEST_SECONDS, State, Went, Why, read_state, refresh
from surfaces.players.keys import UnusableKeyError, VerificationKey, stored_key

_READ: Final = "SELECT version, document::text, dropped_kids FROM surfaces_jwkscache WHERE issuer_id = %(issuer)s"
_UNKNOWN_SECONDS: Final = 60.0
_MAX_UNKNOWN: Final = 1024
_MAX_REMEMBERED: Final = 2048
_POLL_SECONDS: Final = 0.05


def keys_for(rules: IssuerRules, sighting: Sighting, *, kid: str, is_worth_fetching: bool) -> Sequence[VerificationKey]:
    """The keys of a key set that hold for one token, fetched where they must be.

    Raises: ServiceUnavailableError when there are none to decide with.
    """
    state = State(sighting.jwks_version or 0, sighting.jwks_is_fresh, sighting.jwks_is_usable)
    # Whoever has just had the set renewed does not ask for it again.
    may_ask = state.is_fresh and is_worth_fetching
    if not state.is_fresh and is_worth_fetching:
        state = _renewed(rules, state)
    if not state.is_usable:
        raise ServiceUnavailableError(reason="player_keys_unavailable", retry_after_seconds=5)
    held = _held(rules.id, state.version)
    if kid and may_ask and held.is_unknown(kid) and _may_ask(rules.id, state.version, kid):
        state = _asked_for(rules)
        held = _held(rules.id, state.version)
        # Only now that this process holds what was fetched: whoever is held back from here on finds it.
        _not_before[rules.id] = time.monotonic() + FORCED_EVERY.total_seconds()
        if held.is_unknown(kid):
            _remember_unknown(rules.id, state.version, kid)
    return held.keys


def held_keys(issuer_id: UUID, *, version: int) -> Sequence[VerificationKey]:
    """The keys a key set's row holds at a version, without those that staff dropped; nothing is fetched."""
    return _held(issuer_id, version).keys


@dataclass(frozen=True, slots=True)
class _Held:
    """A key set as this process knows it."""

    version: int
    keys: Sequence[VerificationKey]
    dropped: frozenset[str]

    def is_unknown(self, kid: str) -> bool:
        return kid not in self.dropped and all(key.kid != kid for key in self.keys)


def _renewed(rules: IssuerRules, state: State) -> State:
    """Have keys that are due renewed; who has old ones to go on with does not wait for another's fetch."""
    went = refresh(rules, why=Why.DUE, seconds=REQUEST_SECONDS).went
    if went is Went.BUSY and not state.is_usable:
        return _awaited(rules.id)
    return state if went is Went.BUSY else read_state(rules.id)


def _asked_for(rules: IssuerRules) -> State:
    """Have a key set fetched for the sake of a key it does not hold yet, or wait for whoever is at it."""
    went = refresh(rules, why=Why.UNKNOWN_KID, seconds=REQUEST_SECONDS).went
    return _awaited(rules.id) if went is Went.BUSY else read_state(rules.id)


def _awaited(issuer_id: UUID) -> State:
    deadline = time.monotonic() + REQUEST_SECONDS
    state = read_state(issuer_id)
    while state.is_busy and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        state = read_state(issuer_id)
    return state


def _may_ask(issuer_id: UUID, version: int, kid: str) -> bool:
    """Spare the database what the bounds would refuse anyway, and other tokens the fetch a made-up id would use up."""
    now = time.monotonic()
    return _not_before.get(issuer_id, 0) <= now and _unknown.get((issuer_id, version, kid), 0) <= now


def _remember_unknown(issuer_id: UUID, version: int, kid: str) -> None:
    if len(_unknown) >= _MAX_UNKNOWN:
        _unknown.clear()
    _unknown[issuer_id, version, kid] = time.monotonic() + _UNKNOWN_SECONDS


def _held(issuer_id: UUID, version: int) -> _Held:
    known = _sets.get(issuer_id)
    if known is not None and known.version == version:
        return known
    row = fetch_one(_READ, {"issuer": issuer_id})
    if row is None:
        return _Held(0, (), frozenset())
    dropped = frozenset(row[2])
    keys = tuple(key for jwk in orjson.loads(row[1]) if (key := _usable(jwk)) and key.name not in dropped)
    if len(_sets) >= _MAX_REMEMBERED:
        _sets.clear()
    _sets[issuer_id] = held = _Held(row[0], keys, dropped)
    return held


def _usable(jwk: Mapping[str, str]) -> VerificationKey | None:
    try:
        return stored_key(jwk)
    except UnusableKeyError:
        return None


# Entries are immutable and replaced whole; losing one costs a read.
_sets: Final[dict[UUID, _Held]] = {}
_unknown: Final[dict[tuple[UUID, int, str], float]] = {}
_not_before: Final[dict[UUID, float]] = {}
