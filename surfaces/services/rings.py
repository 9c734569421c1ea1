"""Rotating the service's own secrets while requests run: stage, wait until every process knows, promote; later, retire.

A staged secret verifies and does not sign. It is promoted only after every process that uses a ring has had to look at the file
again (`core.keyring_file`), so that nobody meets a signature of a secret it does not know.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from audit.events import EventType
from audit.models import Event
from audit.services import Act, record
from core.errors import ConflictError
from core.keyring import MIN_SECRET_BYTES, Ring, check_ring
from core.keyring_file import STALE_SECONDS, read_rings, replace_ring
from core.principals import Actor
from partners.services.peppers import report_peppers
from sessions_app.models import EmbedSession
from surfaces.gateway.assertion import KEY_SET_SECONDS, LIFETIME_SECONDS
from surfaces.models import ClientSecret, LoginSession
from surfaces.services.sealed import count_sealed

# Twice what a process may lag behind, and a second for clocks and disks.
LOCAL_WAIT: Final = timedelta(seconds=2 * STALE_SECONDS + 1)


class RingName(StrEnum):
    """The four rings, as operators call them."""

    JWT = "jwt"
    PEPPER = "pepper"
    ENCRYPTION = "encryption"
    ASSERTION = "assertion"

    @property
    def setting(self) -> str:
        """The setting, and the line of the file, that the ring stands in."""
        return _SETTINGS[self]

    @property
    def wait(self) -> timedelta:
        """How long a staged secret must be known before it may sign; other services keep our public keys for a while."""
        return LOCAL_WAIT + timedelta(seconds=KEY_SET_SECONDS) if self is RingName.ASSERTION else LOCAL_WAIT


_SETTINGS: Final = {
    RingName.JWT: "STICKER_JWT_KEYS",
    RingName.PEPPER: "STICKER_PEPPERS",
    RingName.ENCRYPTION: "STICKER_ENCRYPTION_KEYS",
    RingName.ASSERTION: "STICKER_ASSERTION_KEYS",
}


@dataclass(frozen=True, slots=True)
class RotatedRing:
    """A ring after a rotation: which number signs now, and which one did before and still verifies."""

    ring: RingName
    signing: int
    previous: int


def rotate_ring(name: RingName, *, wait: timedelta | None = None, actor: Actor) -> RotatedRing:
    """Give a ring a new secret that signs, without a moment in which a process meets what it does not know.

    Takes as long as the wait. Killed within it, the secret stays staged, and the next call goes on with it.
    Raises: ConflictError when the rings of this service are not in a file, or somebody else changes this one.
    """
    previous = _ring(name).active.id
    staged = _stage(name)
    time.sleep((name.wait if wait is None else wait).total_seconds())
    _promote(name, staged, previous, actor)
    return RotatedRing(name, staged, previous)


def retire_secret(name: RingName, number: int, *, actor: Actor) -> RotatedRing:
    """Take a secret out of its ring, if nothing hangs on it any more.

    Raises: ConflictError naming what still does, or when the number signs or is unknown.
    """
    hanging = {what: count for what, count in what_hangs_on(name, number).items() if count}
    if hanging:
        list_ = ", ".join(f"{count} {what}" for what, count in hanging.items())
        raise ConflictError(f"Number {number} is still needed: {list_}.", reason="ring_in_use")
    return drop_secret(name, number, actor=actor)


def drop_secret(name: RingName, number: int, *, actor: Actor) -> RotatedRing:
    """Take a secret out of its ring whatever hangs on it: what it signed, sealed or keyed is lost. For a secret that leaked.

    Raises: ConflictError when the number signs or is unknown, or somebody else changes the ring.
    """
    ring = _ring(name)
    if ring.get(number) is None:
        raise ConflictError(f"The ring has no number {number}.", reason="ring_number")
    if number == ring.active.id:
        raise ConflictError(f"Number {number} signs. Rotate the ring first.", reason="ring_signs")
    before = _text(name)
    after = ",".join(entry for entry in _entries(before) if _number_of(entry) != number)
    with transaction.atomic():
        record(Act(EventType.RING_RETIRED, actor, subject_type="ring", subject_id=name.value, data={"number": number}))
        _write(name, before, after)
    return RotatedRing(name, ring.active.id, number)


def what_hangs_on(name: RingName, number: int) -> Mapping[str, int]:
    """Count what would be refused or lost without a secret; zero for all when it may go."""
    if name is RingName.PEPPER:
        return {**_on_pepper(number), "session tokens that may still be redeemed": _is_recent(name, _session_token_life())}
    if name is RingName.ENCRYPTION:
        return count_sealed(number)
    if name is RingName.JWT:
        return {"access tokens that may still be valid": _is_recent(name, _longest_token_life())}
    return {"assertions that may still be valid": _is_recent(name, timedelta(seconds=LIFETIME_SECONDS))}


def _on_pepper(number: int) -> dict[str, int]:
    keys = {use.id: use.usable_keys for use in report_peppers().peppers}
    now = timezone.now()
    return {
        "API keys": keys.get(number, 0),
        "client secrets": ClientSecret.objects.live(now).filter(pepper_id=number).count(),
        "customers' logins": LoginSession.objects.live(now).filter(pepper_id=number).count(),
        "embed sessions": EmbedSession.objects.filter(ended_at=None, idle_expires_at__gt=now, pepper_id=number).count(),
    }


def _is_recent(name: RingName, life: timedelta) -> int:
    """1 while something that the last rotation put out of use may still be about, by the ledger's word and clock."""
    rotated = Event.objects.filter(type=EventType.RING_ROTATED, subject_id=name.value)
    return int(rotated.filter(recorded_at__gt=Now() - life).exists())


def _longest_token_life() -> timedelta:
    longest: timedelta = max(
        settings.RESELLER_TOKEN_LIFETIME, settings.STOREFRONT_TOKEN_LIFETIME, settings.EMBED_ACCESS_TOKEN_LIFETIME
    )
    return longest


def _session_token_life() -> timedelta:
    life: timedelta = settings.SESSION_TOKEN_LIFETIME
    return life


def _stage(name: RingName) -> int:
    """Add a secret that only verifies, or go on with one that was left staged."""
    before = _text(name)
    left = [_number_of(entry) for entry in _entries(before) if entry.startswith("+")]
    if left:
        return max(left)
    number = max(key.id for key in _ring(name)) + 1
    _write(name, before, f"{before},+{number}:{secrets.token_urlsafe(MIN_SECRET_BYTES)}")
    return number


def _promote(name: RingName, number: int, previous: int, actor: Actor) -> None:
    before = _text(name)
    after = ",".join(entry.lstrip("+") if _number_of(entry) == number else entry for entry in _entries(before))
    data = {"signing": number, "previous": previous}
    with transaction.atomic():
        record(Act(EventType.RING_ROTATED, actor, subject_type="ring", subject_id=name.value, data=data))
        _write(name, before, after)


def _write(name: RingName, before: str, after: str) -> None:
    check_ring(after, setting=name.setting)
    try:
        is_written = replace_ring(settings.STICKER_KEYRING_FILE, setting=name.setting, before=before, after=after)
    except OSError as error:
        raise ConflictError(f"{settings.STICKER_KEYRING_FILE} cannot be written.", reason="ring_file") from error
    if not is_written:
        raise ConflictError("Somebody else is changing this ring. Look at it, and try again.", reason="ring_changed")


def _text(name: RingName) -> str:
    """The ring as the file has it now.

    Raises: ConflictError when there is no file, or it does not name this ring.
    """
    path = settings.STICKER_KEYRING_FILE
    text = read_rings(path).get(name.setting, "") if path else ""
    if not text:
        raise ConflictError(
            f"{name.setting} does not stand in a file that running processes follow. Set STICKER_KEYRING_FILE for all of them,"
            " or rotate by restarts (docs/operators.md).",
            reason="ring_file",
        )
    return text


def _ring(name: RingName) -> Ring:
    return check_ring(_text(name), setting=name.setting)


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _number_of(entry: str) -> int:
    return int(entry.lstrip("+").partition(":")[0])
