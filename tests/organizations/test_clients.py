"""Small partner backends in two languages, as the guide describes them, against the real service."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers import LiveService, StartService

CLIENTS: Final = Path(__file__).parent / "clients"


@pytest.fixture
def service(live_service: StartService) -> LiveService:
    return live_service()


def api_key(service: LiveService) -> str:
    """Issue a key as an operator would, by command."""
    partner = json.loads(service.manage("create_partner", "--name", "Acme", "--json"))["id"]
    policy = ("--environment", "test", "--scopes", "organization:write", "--json")
    return str(json.loads(service.manage("issue_key", "--partner", partner, *policy))["key"])


def run(service: LiveService, *command: str) -> dict[str, Any]:
    """Run a client with its credentials in the environment, and read its report."""
    env = {**service.env, "STICKER_API_URL": service.base_url, "STICKER_API_KEY": api_key(service)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_python_client_gets_what_the_guide_promises(service: LiveService) -> None:
    check(run(service, sys.executable, str(CLIENTS / "partner.py")))


def test_node_client_gets_what_the_guide_promises(service: LiveService, node: str) -> None:
    check(run(service, node, str(CLIENTS / "partner.mjs")))


def check(report: dict[str, Any]) -> None:
    first, again, second = report["first"], report["again"], report["second"]
    assert (first["status"], again["status"], second["status"]) == (201, 409, 201)
    assert (again["organization"], again["profile"]) == (first["organization"], first["profile"])
    assert second["organization"] == first["organization"]
    assert second["profile"] != first["profile"]
    assert report["older"] == {"status": 200, "action": "updated", "organization": first["organization"]}
    assert report["older_once"] == report["older"]
    assert (report["wrong"], report["wrong_key"]) == ("INVALID_REQUEST", "INVALID_API_KEY")
