"""What a run is asked to do."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.load import choose_client

PEERS: Final = ("api-key", "knox", "oauth", "jwt")


@dataclass(frozen=True, slots=True)
class Options:
    """The size of a run. `keys` are rows of each credential table, `used` of them are sent; `dead` tokens are purged.

    Each visit of a way to send webhooks makes `deliveries`; `single_events` are timed one by one, also beside a `backlog`.
    Without `has_gateway` no gateway is started, and its cells are not visited.
    """

    is_quick: bool
    is_json: bool
    rounds: int
    seconds: float
    keys: int
    few_keys: int
    used: int
    dead: int
    purges: int
    deliveries: int
    hook_rounds: int
    single_events: int
    backlog: int
    workers: int
    client: str
    peers: tuple[str, ...]
    has_gateway: bool
    cells: tuple[str, ...]
    deadline_seconds: int


_FULL: Final = Options(
    is_quick=False,
    is_json=False,
    rounds=5,
    seconds=3,
    keys=1_000_000,
    few_keys=1_000,
    used=20_000,
    dead=1_000_000,
    purges=3,
    deliveries=4_000,
    hook_rounds=3,
    single_events=300,
    backlog=200_000,
    workers=1,
    client="auto",
    peers=PEERS,
    has_gateway=True,
    cells=(),
    deadline_seconds=1800,
)
_QUICK: Final = replace(
    _FULL,
    is_quick=True,
    rounds=3,
    seconds=2,
    purges=1,
    deliveries=1_500,
    hook_rounds=0,
    single_events=100,
    peers=PEERS[:1],
    has_gateway=False,
    deadline_seconds=290,
)
_OF_WEBHOOKS: Final = ("deliveries", "hook_rounds", "single_events", "backlog")


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the promised ratios only, in under five minutes")
    parser.add_argument("--json", action="store_true", dest="is_json", help="end with one JSON object on the last line")
    parser.add_argument("--cells", help="comma-separated names of the cells to visit; default all")
    parser.add_argument("--gateway", action="store_true", help="visit the gateway's cells in the quick form too, and its peers")
    parser.add_argument("--webhooks", action="store_true", help="measure webhooks in the quick form too")
    parser.add_argument("--client", choices=["auto", "wrk", "bundled"], help="load generator; default wrk when installed")
    numbers = ("rounds", "keys", "few_keys", "used", "dead", "purges", "workers", "deadline_seconds", *_OF_WEBHOOKS)
    for name in numbers:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    parser.add_argument("--seconds", type=float, help="length of one visit")
    given = vars(parser.parse_args(arguments))
    chosen = _QUICK if given.pop("quick") else _FULL
    if given.pop("webhooks"):
        chosen = replace(chosen, hook_rounds=max(1, chosen.hook_rounds))
    if given.pop("gateway"):
        chosen = replace(chosen, has_gateway=True, peers=PEERS)
    cells = tuple(filter(None, (given.pop("cells") or "").split(",")))
    options = replace(chosen, cells=cells, **{name: value for name, value in given.items() if value is not None})
    return replace(options, client=choose_client(options.client), used=min(options.used, options.keys))
