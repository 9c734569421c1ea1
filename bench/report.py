"""What a run says: the promised ratios, a table of the cells, and the versions of everything that took part."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from bench import cells
from bench.purge import PurgeFigures
from bench.rounds import Results
from bench.stage import Stage
from bench.webhooks import WebhookFigures

_PACKAGES: Final = (
    "django",
    "djangorestframework",
    "psycopg",
    "granian",
    "djangorestframework-api-key",
    "django-rest-knox",
    "django-oauth-toolkit",
    "djangorestframework-simplejwt",
)
_API_KEY: Final = cells.PEERS["api-key"]
# name: (cell, the cell it is compared with, figure)
_RATIOS: Final = {
    "verify_vs_bare_drf": (cells.VERIFY, cells.BARE_DRF, "rps"),
    "verify_vs_api_key_package": (cells.VERIFY, _API_KEY, "rps"),
    "verify_cpu_vs_api_key_package": (cells.VERIFY, _API_KEY, "cpu_us"),
    "handshake_vs_bare_drf": (cells.HANDSHAKE, cells.BARE_DRF, "rps"),
    "redeem_vs_bare_drf": (cells.REDEEM, cells.BARE_DRF, "rps"),
    "keys_1m_vs_1k_p50": (cells.VERIFY_QUIET, cells.VERIFY_FEW, "p50_ms"),
    "keys_1m_vs_1k_cpu": (cells.VERIFY_QUIET, cells.VERIFY_FEW, "cpu_us"),
    "tracking_on_vs_off": (cells.VERIFY, cells.VERIFY_QUIET, "rps"),
    "gateway_key_vs_bare_drf": (cells.GATEWAY_KEY, cells.BARE_DRF, "rps"),
    "gateway_token_vs_bare_drf": (cells.GATEWAY_TOKEN, cells.BARE_DRF, "rps"),
    "gateway_token_vs_oauth_toolkit": (cells.GATEWAY_TOKEN, cells.PEERS["oauth"], "rps"),
    "gateway_token_vs_simplejwt": (cells.GATEWAY_TOKEN, cells.PEERS["jwt"], "rps"),
    "gateway_token_cpu_vs_oauth_toolkit": (cells.GATEWAY_TOKEN, cells.PEERS["oauth"], "cpu_us"),
    "gateway_token_cpu_vs_simplejwt": (cells.GATEWAY_TOKEN, cells.PEERS["jwt"], "cpu_us"),
}


def ratios(stage: Stage, results: Results, purge: PurgeFigures | None, hooks: WebhookFigures | None = None) -> dict[str, float]:
    """Every promised ratio whose cells were visited."""
    found = {
        name: results.ratio(cell, base, figure)
        for name, (cell, base, figure) in _RATIOS.items()
        if cell in results and base in results
    }
    found["bytes_per_key"] = stage.ours["bytes_per_row"]
    if cells.VERIFY in results:
        found["p99_over_p50"] = results.median(cells.VERIFY, "spread")
    if purge:
        found |= purge.ratios()
    if hooks:
        found |= hooks.ratios()
    return {name: round(value, 3) for name, value in found.items()}


def versions(stage: Stage) -> dict[str, str]:
    """Everything whose version matters for the figures."""
    with stage.connect() as connection:
        server = str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]  # SHOW gives a row
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "postgresql": server, **packages, "client": stage.options.client}


def table(stage: Stage, results: Results) -> str:
    """The cells as a Markdown table: rates and processor time as ratios to the bare DRF view, and the rest as it is."""
    columns = ("cell", "rps", "times bare DRF", "CPU times bare DRF", "server + PG µs", "p50 / p99 ms", "errors")
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    return "\n".join([head, *(_line(results, name) for name in results.visits)])


def _line(results: Results, name: str) -> str:
    def times(figure: str) -> str:
        return f"{results.ratio(name, cells.BARE_DRF, figure):.2f}" if cells.BARE_DRF in results else "-"

    def of(figure: str) -> float:
        return results.median(name, figure)

    errors = sum(visit.errors for visit in results.visits[name])
    return (
        f"| {name} | {of('rps'):.0f} | {times('rps')} | {times('cpu_us')} | {of('server_us'):.0f} + {of('postgres_us'):.0f} "
        f"| {of('p50_ms'):.2f} / {of('p99_ms'):.2f} | {errors} |"
    )


def bytes_per_row(stage: Stage) -> Mapping[str, float]:
    """Disk of one credential with its indexes, ours and the others'."""
    others = {cells.PEERS[peer]: stage.peers[peer]["bytes_per_row"] for peer in stage.options.peers if peer != "jwt"}
    return {"ours": stage.ours["bytes_per_row"], **others}
