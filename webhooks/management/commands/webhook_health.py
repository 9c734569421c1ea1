"""Whether webhooks are well: what must always hold, and how the deliveries stand."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.commands import Outcome, ServiceCommand
from webhooks.services.invariants import WebhookHealth, count_states, read_health


class Command(ServiceCommand):
    help = "Say what must always hold of webhooks and whether it does, and count the deliveries. Exits 1 when it does not."

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not self._is_well:
            sys.exit(1)

    def act(self, options: Mapping[str, Any]) -> Outcome:
        health, states = read_health(), count_states()
        self._is_well = health.is_well
        total = sum(states.values())
        return Outcome({"is_well": health.is_well, **asdict(health), "states": states, "total": total}, _lines(health, states))


def _lines(health: WebhookHealth, states: Mapping[str, int]) -> list[str]:
    return [
        "Well." if health.is_well else "Not well:",
        *(f"  {name.replace('_', ' ')}: {count:,}" for name, count in health.broken.items() if count),
        f"Pumps at work: {health.pumps}",
        f"Oldest delivery that is due: {health.oldest_due_seconds:.1f} s",
        f"Failing endpoints: {health.failing_endpoints}",
        f"Set aside for staff: {health.quarantined}",
        *(f"{name}: {count:,}" for name, count in states.items()),
    ]
