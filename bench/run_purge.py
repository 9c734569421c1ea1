"""Run the service's purge once and print, for each batch, when it ended, how many rows it took, and its length in seconds.

A program of its own: `python -m bench.run_purge`, with the service's environment. Instants are the monotonic clock's, which all
processes of a machine share.
"""

import time

import django

django.setup()

from django.utils import timezone  # noqa: E402  # models need the setup

from bench import seeds  # noqa: E402
from sessions_app.services.purge import purge  # noqa: E402


def main() -> None:
    """Purge and print."""
    began = time.monotonic()
    batches = [(time.monotonic(), progress.rows, progress.seconds) for progress in purge(now=timezone.now())]
    seeds.hand_over({"began": began, "ended": time.monotonic(), "batches": batches})


if __name__ == "__main__":
    main()
