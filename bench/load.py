"""One burst of load: by wrk where it is installed, else by our own client."""

import json
import math
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import bare_environment, run_to_end

CONNECTIONS: Final = 8
_SCRIPT: Final = Path(__file__).with_name("play.lua")
_SPARE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst gave. `errors` counts every answer that is not 2xx and every broken connection."""

    requests: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float

    @property
    def rps(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def choose_client(wanted: str) -> str:
    """Settle `auto` to what this machine has.

    Raises: SystemExit when wrk is asked for and not installed.
    """
    if wanted == "wrk" and not shutil.which("wrk"):
        sys.exit("wrk is not installed; leave --client out to use the bundled client")
    return ("wrk" if shutil.which("wrk") else "bundled") if wanted == "auto" else wanted


def saturate(client: str, *, port: int, file: Path, seconds: float) -> Burst:
    """Play a file over eight busy connections."""
    if client == "bundled":
        return _burst([*_own_client(port, file, seconds), "--connections", str(CONNECTIONS)], seconds)
    whole = max(1, math.ceil(seconds))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}s", "--latency", "-s", str(_SCRIPT)]
    return _burst([*command, f"http://127.0.0.1:{port}/", "--", str(file)], whole)


def _own_client(port: int, file: Path, seconds: float) -> list[str]:
    return [sys.executable, "-m", "bench.client", str(port), str(file), str(seconds)]


def _burst(command: list[str], seconds: float) -> Burst:
    printed = run_to_end(command, env=bare_environment(), seconds=seconds + _SPARE_SECONDS)
    return Burst(**json.loads(printed.strip().splitlines()[-1]))
