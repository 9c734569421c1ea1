"""The cells of a run: which server each asks, what it sends, and how long it goes on working afterwards."""

import json
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import requests
from bench.options import Options
from bench.processes import run_to_end
from bench.stage import FLUSH_SECONDS, Stage

BARE_DJANGO: Final = "bare Django"
BARE_DRF: Final = "bare DRF"
VERIFY: Final = "verify"
VERIFY_QUIET: Final = "verify, no tracking or log"
VERIFY_FEW: Final = "verify, few keys"
HANDSHAKE: Final = "handshake"
REDEEM: Final = "redeem"
GATEWAY_KEY: Final = "gateway check by key"
GATEWAY_TOKEN: Final = "gateway check by token"
PEERS: Final = {
    "api-key": "djangorestframework-api-key",
    "knox": "django-rest-knox",
    "oauth": "django-oauth-toolkit",
    "jwt": "djangorestframework-simplejwt",
}
_SCHEMES: Final = {"api-key": "Api-Key", "knox": "Token", "oauth": "Bearer", "jwt": "Bearer"}
_SETTLE_SECONDS: Final = 2 * FLUSH_SECONDS + 0.2
# No machine redeems faster than this with one worker; a token that is sent twice would count as an error.
_MOST_REDEEMS_A_SECOND: Final = 5_000
_MOST_GATEWAY_CREDENTIALS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that is measured. `files` gives what each visit plays; what `settle_seconds` of work cost is charged to it."""

    name: str
    server: str
    files: Iterator[Path]
    settle_seconds: float = 0.0


def of(stage: Stage) -> list[Cell]:
    """The cells this run visits, in their order."""
    wanted = stage.options.cells
    cells = [
        _plain(stage, BARE_DJANGO, "django"),
        _plain(stage, BARE_DRF, "drf"),
        Cell(VERIFY, "ours", _repeated(_whoami(stage, "ours")), _SETTLE_SECONDS),
        *(_peer(stage, peer) for peer in stage.options.peers),
        Cell(VERIFY_QUIET, "quiet", _repeated(_whoami(stage, "quiet"))),
        Cell(VERIFY_FEW, "few", _repeated(_whoami(stage, "few"))),
        Cell(HANDSHAKE, "ours", _repeated(_handshakes(stage)), _SETTLE_SECONDS),
        Cell(REDEEM, "ours", _redemptions(stage)),
        *_gateway_checks(stage),
    ]
    return [cell for cell in cells if not wanted or cell.name in wanted]


def tokens_per_visit(options: Options) -> int:
    """How many session tokens one visit of the redeem cell may use up."""
    return int((options.seconds + 1) * _MOST_REDEEMS_A_SECOND * options.workers)


def _repeated(path: Path) -> Iterator[Path]:
    while True:
        yield path


def _plain(stage: Stage, name: str, path: str) -> Cell:
    file = stage.folder / f"{path}.requests"
    requests.save(file, [requests.render("GET", f"/{path}", port=stage.servers["peers"].port, headers={})])
    return Cell(name, "peers", _repeated(file))


def _peer(stage: Stage, peer: str) -> Cell:
    file, port = stage.folder / f"{peer}.requests", stage.servers["peers"].port
    headers = ({"Authorization": f"{_SCHEMES[peer]} {text}"} for text in _shuffled(stage.peers[peer]["credentials"]))
    requests.save(file, (requests.render("GET", f"/{peer}", port=port, headers=each) for each in headers))
    return Cell(PEERS[peer], "peers", _repeated(file))


def _whoami(stage: Stage, server: str) -> Path:
    file, port = stage.folder / f"{server}.requests", stage.servers[server].port
    keys = stage.few["keys"] if server == "few" else stage.ours["keys"]
    headers = ({"Authorization": f"Bearer {key}"} for key in _shuffled(keys))
    requests.save(file, (requests.render("GET", "/v1/whoami", port=port, headers=each) for each in headers))
    return file


def _gateway_checks(stage: Stage) -> list[Cell]:
    """A check as Caddy asks it, with a surface key and with a Reseller token."""
    names = {GATEWAY_KEY, GATEWAY_TOKEN}
    if "gateway" not in stage.servers or (stage.options.cells and not names & {*stage.options.cells}):
        return []
    port = stage.servers["gateway"].port
    seed = [sys.executable, "-m", "bench.seed_gateway", str(min(stage.options.used, _MOST_GATEWAY_CREDENTIALS))]
    environment = {**stage.environment, "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
    seeded = json.loads(run_to_end(seed, env=environment, seconds=300))
    keys = _checks(stage, "gateway-key", "/Supplier/Products/List", [{"ApiKey": key} for key in seeded["keys"]])
    tokens = [{"Authorization": f"Bearer {token}"} for token in seeded["tokens"]]
    return [
        Cell(GATEWAY_KEY, "gateway", _repeated(keys), _SETTLE_SECONDS),
        Cell(GATEWAY_TOKEN, "gateway", _repeated(_checks(stage, "gateway-token", "/Orders/Create", tokens))),
    ]


def _checks(stage: Stage, name: str, uri: str, credentials: list[dict[str, str]]) -> Path:
    file, port = stage.folder / f"{name}.requests", stage.servers["gateway"].port
    asked = {"X-Forwarded-Method": "POST", "X-Forwarded-Uri": uri, "X-Forwarded-Host": "shop.example"}
    headers = ({**asked, "X-Forwarded-For": "127.0.0.1", **each} for each in credentials)
    requests.save(file, (requests.render("GET", "/auth/verify/caddy", port=port, headers=each) for each in headers))
    return file


def _handshakes(stage: Stage) -> Path:
    file, port = stage.folder / "handshake.requests", stage.servers["ours"].port
    body = json.dumps({"internal_user_id": "user-1"}).encode()
    headers = ({"Authorization": f"Bearer {key}"} for key in _shuffled(stage.ours["keys"]))
    made = (requests.render("POST", "/v1/partner/handshake", port=port, headers=each, body=body) for each in headers)
    requests.save(file, made)
    return file


def _redemptions(stage: Stage) -> Iterator[Path]:
    """Give each visit a file of tokens nobody has used; they are made in one go for two visits a round and a warm-up."""
    count = tokens_per_visit(stage.options)
    tokens = redeem_requests(stage, count * (2 * stage.options.rounds + 1))
    for number, first in enumerate(range(0, len(tokens), count)):
        file = stage.folder / f"redeem-{number}.requests"
        requests.save(file, tokens[first : first + count])
        yield file


def redeem_requests(stage: Stage, count: int) -> list[bytes]:
    """Make tokens and write out the calls that redeem them, as the embed page makes them."""
    command = [sys.executable, "-m", "bench.seed_tokens", str(count)]
    printed = run_to_end(command, env=stage.environment, seconds=120)
    port = stage.servers["ours"].port
    headers = {"Origin": f"http://127.0.0.1:{port}", "X-Sticker-Embed": "1"}
    return [
        requests.render("POST", "/v1/sessions/redeem", port=port, headers=headers, body=_redemption(token, partner))
        for token, partner in json.loads(printed)
    ]


def _redemption(token: str, partner: str) -> bytes:
    body = {"session_key": token, "partner_id": partner, "redeem_id": secrets.token_hex(16), "environment": "live"}
    return json.dumps(body).encode()


def _shuffled(credentials: list[str]) -> list[str]:
    """An order that walks through the table without any order of its own."""
    secrets.SystemRandom().shuffle(credentials)
    return credentials
