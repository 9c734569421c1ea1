"""Remove what has expired now, and show how it goes."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from core.commands import Outcome, ServiceCommand, command_actor
from sessions_app.services.purge import purge


class Command(ServiceCommand):
    help = "Remove spent and expired rows and cut old client addresses, by the retention settings."

    def act(self, options: Mapping[str, Any]) -> Outcome:
        removed: dict[str, int] = {}
        longest = 0.0
        for progress in purge(now=timezone.now(), actor=command_actor()):
            removed[progress.target] = removed.get(progress.target, 0) + progress.rows
            longest = max(longest, progress.seconds)
            self.stderr.write(f"{progress.target}: {removed[progress.target]:,} rows ({progress.seconds * 1000:.0f} ms)")
        lines = [f"{name}: {rows:,} rows" for name, rows in removed.items()] or ["Nothing had expired."]
        return Outcome({"removed": removed, "longest_statement_ms": round(longest * 1000, 1)}, lines)
