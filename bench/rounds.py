"""Visiting the cells forwards and backwards, round after round, so that a busy neighbour disturbs all of them alike."""

import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from bench import load
from bench.cells import Cell
from bench.processes import cpu_seconds
from bench.stage import Stage

_WARM_UP_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit showed; processor time is in microseconds a request."""

    rps: float
    server_us: float
    postgres_us: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def cpu_us(self) -> float:
        """Server and PostgreSQL together."""
        return self.server_us + self.postgres_us

    @property
    def spread(self) -> float:
        """How much slower the slowest hundredth is than the middle."""
        return self.p99_ms / self.p50_ms if self.p50_ms else 0.0


@dataclass(frozen=True, slots=True)
class Results:
    """All visits by cell, two a round."""

    visits: Mapping[str, Sequence[Visit]]

    def __contains__(self, cell: str) -> bool:
        return cell in self.visits

    def errors(self) -> int:
        """Answers that were not 2xx, in all cells."""
        return sum(visit.errors for visits in self.visits.values() for visit in visits)

    def median(self, cell: str, figure: str) -> float:
        """The median of one figure over the visits of a cell."""
        return float(median(getattr(visit, figure) for visit in self.visits[cell]))

    def ratio(self, cell: str, base: str, figure: str) -> float:
        """The median over the rounds of the ratio of two cells within a round."""
        return median(
            ours / theirs for ours, theirs in zip(self._by_round(cell, figure), self._by_round(base, figure), strict=True)
        )

    def _by_round(self, cell: str, figure: str) -> list[float]:
        values = [getattr(visit, figure) for visit in self.visits[cell]]
        return [fmean(pair) for pair in zip(values[::2], values[1::2], strict=True)]


def measure(stage: Stage, cells: Sequence[Cell]) -> Results:
    """Visit every cell twice a round."""
    visits: dict[str, list[Visit]] = defaultdict(list)
    for cell in cells:
        _visit(stage, cell, min(_WARM_UP_SECONDS, stage.options.seconds))
    for number in range(stage.options.rounds):
        for cell in (*cells, *reversed(cells)):
            visits[cell.name].append(_visit(stage, cell, stage.options.seconds))
        print(f"round {number + 1} of {stage.options.rounds} done", file=sys.stderr)
    return Results(visits)


def _visit(stage: Stage, cell: Cell, seconds: float) -> Visit:
    server, file = stage.servers[cell.server], next(cell.files)
    server_before, postgres_before = cpu_seconds(server.pid), cpu_seconds(stage.postgres_pid)
    burst = load.saturate(stage.options.client, port=server.port, file=file, seconds=seconds)
    time.sleep(cell.settle_seconds)
    micro = 1e6 / max(1, burst.requests)
    return Visit(
        rps=burst.rps,
        server_us=(cpu_seconds(server.pid) - server_before) * micro,
        postgres_us=(cpu_seconds(stage.postgres_pid) - postgres_before) * micro,
        p50_ms=burst.p50_ms,
        p99_ms=burst.p99_ms,
        errors=burst.errors,
    )
