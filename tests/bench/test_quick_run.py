"""The bench's own plumbing, on tiny numbers and with the bundled load generator; the figures mean nothing here."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    "--keys=400",
    "--used=100",
    "--few-keys=40",
    "--dead=500",
    "--rounds=1",
    "--purges=1",
    "--seconds=0.3",
    "--client=bundled",
]
PROMISED = {
    "verify_vs_bare_drf",
    "verify_vs_api_key_package",
    "verify_cpu_vs_api_key_package",
    "handshake_vs_bare_drf",
    "redeem_vs_bare_drf",
    "keys_1m_vs_1k_p50",
    "keys_1m_vs_1k_cpu",
    "bytes_per_key",
    "tracking_on_vs_off",
    "purge_vs_delete",
    "purge_longest_statement_ms",
    "redeem_p99_under_purge_vs_idle",
    "p99_over_p50",
}


def test_quick_run_ends_with_every_promised_ratio_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", *TINY],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert set(answer) == {"ratios", "errors", "rounds", "versions"}
    assert set(answer["ratios"]) == PROMISED
    assert all(ratio > 0 for ratio in answer["ratios"].values())
    assert answer["errors"] == 0
    assert answer["rounds"] == 1
    assert list(tmp_path.iterdir()) == []
