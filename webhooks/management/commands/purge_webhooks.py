"""Remove deliveries, contents and attempts that are over their time, now."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from core.commands import Outcome, ServiceCommand, command_actor
from webhooks.services.retention import purge_webhooks


class Command(ServiceCommand):
    help = "Remove what the retention settings let go of webhooks, and make the tables of the attempts to come."

    def act(self, options: Mapping[str, Any]) -> Outcome:
        removed = {each.target: each.rows for each in purge_webhooks(now=timezone.now(), actor=command_actor())}
        lines = [f"{name.replace('_', ' ')}: {rows:,}" for name, rows in removed.items()] or ["Nothing was over its time."]
        return Outcome({"removed": removed}, lines)
