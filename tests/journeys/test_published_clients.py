"""Clients written from the published guides, in Python and in Node, run unchanged against the service."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.journeys.parties import Backend, Page, send
from tests.servers import bare_environment

CLIENTS: Final = Path(__file__).parent / "clients"
FORMS: Final = ("bearer", "scheme", "x-api-key", "x-stash-api-key", "apikey")


def run(backend: Backend, *command: str) -> dict[str, Any]:
    """Run a client with its credentials where the guides put them: in the environment."""
    env = {**bare_environment(), "STICKER_API_URL": backend.base_url, "STICKER_API_KEY": backend.key}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def check(backend: Backend, report: dict[str, Any]) -> None:
    """The client got what the guides promise, and both addresses open the iframe."""
    assert (report["same_profile"], report["expires_in"], report["is_used"]) == (True, 300, False)
    assert report["unknown"] == "PROFILE_NOT_FOUND"
    for source in (report["iframe_src"], report["ready_made_src"]):
        parts = urlsplit(source)
        assert parts.path == f"/sandbox/embedded/{backend.partner_id}"
        token = re.fullmatch(r"session_key=([0-9a-f]{64})", parts.query or parts.fragment)
        assert token
        assert send(backend.base_url, "GET", f"{parts.path}?{parts.query}").status == 200
        assert Page(backend).open(token[1]).status == 200


@pytest.mark.parametrize("form", FORMS)
def test_python_client_signs_its_user_in(backend: Backend, form: str) -> None:
    check(backend, run(backend, sys.executable, str(CLIENTS / "guide_client.py"), form))


@pytest.mark.parametrize("form", FORMS)
def test_node_client_signs_its_user_in(backend: Backend, node: str, form: str) -> None:
    check(backend, run(backend, node, str(CLIENTS / "guide_client.mjs"), form))
