"""A server puts its whole process environment into each request if one lets it; ours stays out."""

import json
import os
import sys
import urllib.request
from pathlib import Path

from django.test import RequestFactory

from tests.servers import TEST_SETTINGS, Process, await_url, bare_environment, unused_port

SECRETS = [TEST_SETTINGS[name] for name in TEST_SETTINGS if name != "STICKER_ENV"]


def test_a_request_through_the_bridge_holds_nothing_of_the_process(tmp_path: Path) -> None:
    port = unused_port()
    server = Process(
        [
            *(sys.executable, "-m", "granian", "--interface", "rsgi", "tests.core.environ_probe:application"),
            *("--host", "127.0.0.1", "--port", str(port), "--no-ws"),
        ],
        env={**bare_environment(), "CANARY": "in-the-environment"},
        log=tmp_path / "probe.log",
    )
    try:
        await_url(f"http://127.0.0.1:{port}/")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/whoami?x=1", timeout=10) as answer:
            seen = json.load(answer)
    finally:
        server.stop()
    assert (seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/v1/whoami", "x=1")
    assert not [value for value in (*SECRETS, "in-the-environment") if value in str(seen)]


def test_the_entry_for_other_servers_takes_the_process_out_of_a_request() -> None:
    from sticker_auth import wsgi

    request = RequestFactory().get("/healthz").environ
    environ = {**os.environ, **request}
    assert "STICKER_PEPPERS" in environ
    b"".join(wsgi.application(environ, lambda *_: None))
    assert not [value for value in SECRETS if value in str(environ)]
