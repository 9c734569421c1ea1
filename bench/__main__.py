"""`python -m bench`: build the stage, visit the cells, purge, report."""

import json
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from bench import cells, options, purge, report, rounds, stage, webhooks


class _OutOfTimeError(BaseException):
    pass


def main(arguments: Sequence[str]) -> int:
    """Run and report; 1 when any answer was an error."""
    chosen = options.parse(arguments)
    _end_in_order(chosen.deadline_seconds)
    began = time.monotonic()
    with stage.built(chosen) as built:
        _say(began, "loaded")
        results = rounds.measure(built, cells.of(built))
        _say(began, "cells measured")
        purged = purge.measure(built) if purge.is_wanted(chosen) else None
        _say(began, "purge measured")
        hooks = webhooks.measure(built) if webhooks.is_wanted(chosen) else None
        _say(began, "webhooks measured")
        errors = results.errors() + sum(part.errors for part in (purged, hooks) if part)
        ratios = report.ratios(built, results, purged, hooks)
        print(report.table(built, results), "", *(f"{name}: {value}" for name, value in ratios.items()), sep="\n")
        sizes = report.bytes_per_row(built)
        print(*(f"bytes per row, {name}: {size:.0f}" for name, size in sizes.items()), sep="\n")
        answer = {"ratios": ratios, "errors": errors, "rounds": chosen.rounds, "versions": report.versions(built)}
    if chosen.is_json:
        print(json.dumps(answer))
    return 1 if errors else 0


def _say(began: float, what: str) -> None:
    print(f"{time.monotonic() - began:5.0f} s  {what}", file=sys.stderr)


def _end_in_order(deadline_seconds: int) -> None:
    """Turn every end from outside, and the end of our own time, into an exception, so that all children are taken down."""
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(signum, _leave)
    signal.alarm(deadline_seconds)


def _leave(signum: int, _frame: FrameType | None) -> None:
    signal.alarm(0)
    raise _OutOfTimeError(signal.Signals(signum).name)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except _OutOfTimeError as end:
        sys.exit(f"ended by {end}")
