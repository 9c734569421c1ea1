"""The bench's own plumbing, on tiny numbers and with the bundled load generator; the figures mean nothing here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
WEBHOOKS = ["--webhooks", "--cells=webhooks", "--deliveries=40", "--single-events=4", "--backlog=100"]
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
PROMISED_OF_WEBHOOKS = {
    "webhooks_fresh_0ms_per_second",
    "webhooks_fresh_100ms_per_second",
    "webhooks_kept_0ms_per_second",
    "webhooks_kept_100ms_per_second",
    "webhooks_celery_0ms_per_second",
    "webhooks_celery_100ms_per_second",
    "webhooks_vs_celery_0ms",
    "webhooks_vs_celery_100ms",
    "webhooks_first_attempt_p99_ms",
    "webhooks_beside_backlog_p95_ms",
}


def bench(*arguments: str, folder: Path) -> dict[str, Any]:
    """Run the bench with its files in a folder, which it leaves empty; what it answers."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"TMPDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert set(answer) == {"ratios", "errors", "rounds", "versions"}
    assert answer["errors"] == 0
    assert min(answer["ratios"].values()) > 0, answer["ratios"]
    return answer


def test_quick_run_ends_with_every_promised_ratio_and_leaves_nothing_behind(tmp_path: Path) -> None:
    answer = bench(*TINY, folder=tmp_path)
    assert set(answer["ratios"]) == PROMISED
    assert answer["rounds"] == 1


def test_webhooks_are_measured_beside_one_task_for_each_delivery(tmp_path: Path) -> None:
    answer = bench(*TINY, *WEBHOOKS, folder=tmp_path)
    assert set(answer["ratios"]) == PROMISED_OF_WEBHOOKS | {"bytes_per_key"}
