"""A pass over what is due: a few threads, each with one grant at a time, so that memory does not grow with what waits."""

import threading
import time
from collections import Counter
from typing import Final
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connections

from core.principals import Actor
from organizations.models import RunOutcome
from organizations.services.sync_claims import claim_next, claim_organization
from organizations.services.sync_runs import run_claim
from organizations.services.sync_switches import request_sync

# How long a thread without work waits for one whose provider becomes free.
_PAUSE_SECONDS: Final = 0.25
log = structlog.get_logger("sticker.sync")


def sync_due(*, threads: int, seconds: float, actor: Actor) -> Counter[RunOutcome]:
    """Sync what is due until nothing is, or for so many seconds; what has begun is finished. Returns how the runs ended.

    Safe to run in any number of processes at once: each grant is worked on by one of them.
    """
    work = _Pass(deadline=time.monotonic() + seconds, actor=actor)
    others = [threading.Thread(target=work.run_in_thread, name=f"sync-{number}") for number in range(threads - 1)]
    for thread in others:
        thread.start()
    try:
        work.run()
    finally:
        for thread in others:
            thread.join()
    return work.outcomes


def sync_organization(organization_id: UUID, *, actor: Actor) -> RunOutcome | None:
    """Sync one organization here and now, whatever it knows already; None when a worker is at it just now.

    Raises: NotConnectedError; GrantStateError; NotConfiguredError.
    """
    request_sync(organization_id, actor=actor)
    claim = claim_organization(organization_id)
    return run_claim(claim, actor=actor) if claim else None


class _Pass:
    def __init__(self, *, deadline: float, actor: Actor) -> None:
        self.outcomes: Counter[RunOutcome] = Counter()
        self._deadline = deadline
        self._actor = actor
        self._changed = threading.Condition()
        self._busy = 0

    def run_in_thread(self) -> None:
        try:
            self.run()
        except (OperationalError, InterfaceError) as error:
            log.error("sync.database", error=type(error).__name__)
        finally:
            connections.close_all()

    def run(self) -> None:
        while time.monotonic() < self._deadline:
            if not self._run_one() and not self._wait():
                return

    def _run_one(self) -> bool:
        with self._changed:
            self._busy += 1
        try:
            claim = claim_next()
            if claim is None:
                return False
            outcome = run_claim(claim, actor=self._actor)
            with self._changed:
                self.outcomes[outcome] += 1
            return True
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _wait(self) -> bool:
        """Wait a moment while others are at work: what they hold may have kept more from being taken."""
        with self._changed:
            if self._busy == 0:
                return False
            self._changed.wait(_PAUSE_SECONDS)
            return True
