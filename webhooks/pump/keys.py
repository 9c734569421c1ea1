"""The secrets that deliveries are signed with, read anew for each claim: a secret that was revoked signs nothing more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID

import structlog

from core.encryption import DecryptionError, Place, decrypt
from webhooks.models import SecretState
from webhooks.pump.claim import Job
from webhooks.pump.links import Link
from webhooks.signing import Secrets

log = structlog.get_logger("sticker.pump")

_SECRETS: Final = """
SELECT s.endpoint_id, s.id, s.state, s.sealed, s.ping_message_id, e.partner_id, e.environment
FROM webhooks_endpointsecret s JOIN webhooks_endpoint e ON e.id = s.endpoint_id
WHERE s.endpoint_id = ANY(%(endpoints)s)
  AND (s.state IN ('current', 'pending') OR (s.state = 'previous' AND s.expires_at > now()))
ORDER BY s.created_at DESC
"""


@dataclass(frozen=True, slots=True)
class _Key:
    state: str
    ping_message_id: int | None
    text: str = field(repr=False)


class KeyRing:
    """The valid secrets of some endpoints."""

    def __init__(self, keys: Mapping[UUID, list[_Key]]) -> None:
        self._keys = keys

    def of(self, job: Job) -> Secrets | None:
        """Choose what signs a delivery; None when there is nothing that could.

        The ping that asks whether a new secret has arrived is signed with that secret alone: any other would prove nothing.
        """
        keys = self._keys.get(job.endpoint_id, [])
        for key in keys:
            if key.ping_message_id == job.message_pk and key.state == SecretState.PENDING:
                return Secrets(key.text)
        current = next((key.text for key in keys if key.state == SecretState.CURRENT), None)
        if current is None:
            return None
        return Secrets(current, tuple(key.text for key in keys if key.state != SecretState.CURRENT))


async def load_keys(link: Link, jobs: Iterable[Job]) -> KeyRing:
    """Read the valid secrets of the endpoints of some jobs; one that cannot be opened is left out and logged."""
    endpoints = list({job.endpoint_id for job in jobs})
    found: dict[UUID, list[_Key]] = defaultdict(list)
    for endpoint_id, secret_id, state, sealed, ping_message_id, partner_id, environment in await link.fetch(
        _SECRETS, {"endpoints": endpoints}
    ):
        place = Place("webhooks_endpointsecret", "sealed", secret_id, partner_id, environment)
        text = _open(bytes(sealed), place)
        if text is not None:
            found[endpoint_id].append(_Key(state, ping_message_id, text))
    return KeyRing(found)


def _open(sealed: bytes, place: Place) -> str | None:
    try:
        return _opened(sealed, place)
    except DecryptionError as error:
        log.error("pump.secret_unreadable", secret=str(place.row_id), error=str(error))
        return None


@lru_cache(maxsize=4096)
def _opened(sealed: bytes, place: Place) -> str:
    return decrypt(sealed, place=place).decode()
