"""`rotate_ring`: a new secret of the service's own signs, without a refused call; or an old one is taken away."""

import argparse
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from core.commands import Outcome, ServiceCommand, command_actor
from surfaces.services.rings import RingName, RotatedRing, drop_secret, retire_secret, rotate_ring
from surfaces.services.sealed import reseal


class Command(ServiceCommand):
    help = (
        "Rotate one of the rings in STICKER_KEYRING_FILE: a new secret is staged, every process gets to know it, and then it"
        " signs. With --retire an older one is taken away, once nothing hangs on it any more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ring", required=True, type=RingName, choices=list(RingName))
        parser.add_argument(
            "--wait-seconds",
            type=_seconds,
            help="how long the new secret is only known; by default 3, and 303 for assertion, whose public keys others keep",
        )
        retire = parser.add_argument_group("taking an old one away")
        retire.add_argument("--retire", type=int, metavar="NUMBER", help="take this number out of the ring")
        retire.add_argument(
            "--lose-what-needs-it", action="store_true", help="also when something still needs it, because it leaked"
        )

    def act(self, options: Mapping[str, Any]) -> Outcome:
        ring, number = options["ring"], options["retire"]
        if number is None:
            return _rotated(rotate_ring(ring, wait=options["wait_seconds"], actor=command_actor()))
        resealed = reseal(number) if ring is RingName.ENCRYPTION else 0
        retire = drop_secret if options["lose_what_needs_it"] else retire_secret
        return _retired(retire(ring, number, actor=command_actor()), resealed)


def _rotated(done: RotatedRing) -> Outcome:
    facts = {"ring": done.ring.value, "signing": done.signing, "previous": done.previous}
    advice = f"Later: rotate_ring --ring {done.ring} --retire {done.previous}"
    return Outcome(facts, [f"{done.ring}: number {done.signing} signs, {done.previous} still verifies. {advice}"])


def _retired(done: RotatedRing, resealed: int) -> Outcome:
    facts = {"ring": done.ring.value, "signing": done.signing, "retired": done.previous, "resealed": resealed}
    sealed = f" {resealed} values were sealed anew." if resealed else ""
    return Outcome(facts, [f"{done.ring}: number {done.previous} is gone; {done.signing} signs.{sealed}"])


def _seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("this must be a number of seconds") from error
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("this must be a number of seconds from 0 to 3600")
    return timedelta(seconds=seconds)
