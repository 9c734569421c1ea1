"""`reencrypt`: everything that is stored encrypted is sealed anew with the newest key; progress goes to stderr."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.commands import Outcome, ServiceCommand, command_actor
from core.keyring import encryption_ring
from surfaces.services.reencryption import Reencryption, reencrypt


class Command(ServiceCommand):
    help = "Seal every stored secret anew that is not sealed with the newest encryption key. Safe to stop and to run again."

    def act(self, options: Mapping[str, Any]) -> Outcome:
        found: dict[str, Reencryption] = {}
        for so_far in reencrypt(actor=command_actor()):
            found[so_far.what] = so_far
            if so_far.outdated:
                self.stderr.write(f"{so_far.what}: {so_far.done + so_far.unreadable} of {so_far.outdated}")
        kinds = [asdict(each) for each in found.values()]
        return Outcome({"key": encryption_ring().active.id, "values": kinds}, [_line(each) for each in found.values()])


def _line(so_far: Reencryption) -> str:
    if not so_far.outdated:
        return f"{so_far.what}: all up to date"
    left = f", {so_far.unreadable} do not open here" if so_far.unreadable else ""
    return f"{so_far.what}: {so_far.done} sealed anew{left}"
