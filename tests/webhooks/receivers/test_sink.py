"""The receiver for one's own machine, as a process: it verifies, answers and prints."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Process, bare_environment, unused_port
from tests.webhooks.receivers.deliveries import Line, delivery
from webhooks.formats import SignatureFormat
from webhooks.signing import Secrets, mint_secret

SECRET = mint_secret()
DATA = {"order": "ord_1", "note": "café € 😀"}


class SinkProcess:
    """A running `webhook_sink`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        port = unused_port()
        self.url = f"http://127.0.0.1:{port}/hook"
        self._log = folder / f"sink-{port}.log"
        env = {**bare_environment(), "VAR_DIR": str(folder / "var")}
        self.process = Process(
            [sys.executable, "manage.py", "webhook_sink", "--port", str(port), *arguments], env=env, log=self._log
        )
        self.process.await_line("Listening on")
        self.line = Line(self.url)

    def printed(self) -> list[dict[str, Any]]:
        """What it said of each delivery, with --json."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]

    def text(self) -> str:
        return self._log.read_text(encoding="utf-8")


StartSink = Callable[..., SinkProcess]


@pytest.fixture
def start_sink(tmp_path: Path) -> Iterator[StartSink]:
    started: list[SinkProcess] = []

    def start(*arguments: str, secret: str | None = SECRET) -> SinkProcess:
        if secret:
            (tmp_path / "secret").write_text(f"{secret}\n")
            arguments = ("--secret-file", str(tmp_path / "secret"), *arguments)
        started.append(SinkProcess(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.line.close()
        each.process.kill()


@pytest.mark.parametrize("signature_format", SignatureFormat)
def test_a_good_delivery_is_accepted_and_a_tampered_one_refused(
    start_sink: StartSink, signature_format: SignatureFormat
) -> None:
    sink = start_sink("--json", "--format", signature_format)
    line = sink.line
    sent = delivery(DATA, secrets=Secrets(SECRET), signature_format=signature_format, sequence=1)
    assert line.post(sent).json() == {"received": True}
    refused = line.post(sent, body=sent.body.replace(b"ord_1", b"ord_2"))
    assert (refused.status, refused.json()) == (401, {"error": "Something was altered"})
    sink.process.await_line('"altered"')
    good, bad = sink.printed()
    assert (good["verified"], good["id"], good["type"], good["status"]) == (True, "msg_1", "purchase.completed", 200)
    assert good["body"] == sent.body.decode()
    assert (bad["verified"], bad["findings"][0]["mistake"], bad["status"]) == (False, "altered", 401)


def test_what_is_printed_for_people_names_the_mistake_and_no_secret(start_sink: StartSink) -> None:
    sink = start_sink()
    line = sink.line
    sent = delivery(DATA, secrets=Secrets(SECRET), message_id="msg_7", sequence=4)
    line.post(sent)
    line.post(sent, body=sent.body + b"\n")
    line.post(delivery(DATA, secrets=Secrets(SECRET), message_id="msg_8", sequence=7))
    line.post(sent)
    sink.process.await_line("seen before")
    text = sink.text()
    assert "purchase.completed  msg_7  attempt 1  seq 4  verified  -> 200" in text
    assert "The body has white space around it" in text
    assert "2 missing before it" in text
    assert "seen before" in text
    assert "café € 😀" in text
    assert "whsec_" not in text


def test_what_a_terminal_would_obey_is_escaped(start_sink: StartSink) -> None:
    sink = start_sink(secret=None)
    sent = delivery({"note": "\x1b[2J\x9b31m\u202e"}, secrets=Secrets(SECRET))
    assert sink.line.post(sent, webhook_event_type="\x1b]0;title").status == 200
    sink.process.await_line("202e")
    text = sink.text()
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    assert "not verified: no secret was given" in text


def test_the_proof_that_a_ping_asks_for_is_given(start_sink: StartSink) -> None:
    sink = start_sink()
    ping = delivery({"challenge": "abc"}, secrets=Secrets(SECRET), event_type="endpoint.verify")
    assert sink.line.post(ping).json() == {"received": True, "challenge": "abc"}


def test_any_of_the_secrets_in_the_file_will_do(start_sink: StartSink) -> None:
    older = mint_secret()
    sink = start_sink("--format", "stash", secret=f"{SECRET}\n{older}")
    for secret in (SECRET, older):
        assert sink.line.post(delivery(DATA, secrets=Secrets(secret), signature_format=SignatureFormat.STASH)).status == 200


def test_status_and_delay_are_as_asked_and_do_not_spare_a_bad_signature(start_sink: StartSink) -> None:
    sink = start_sink("--status", "503", "--delay", "0.3")
    sent, line = delivery(DATA, secrets=Secrets(SECRET)), sink.line
    started = time.monotonic()
    assert line.post(sent).status == 503
    assert time.monotonic() - started >= 0.3
    assert line.post(sent, webhook_signature="v1,AAAA").status == 401


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_while_a_sender_waits(start_sink: StartSink, signum: signal.Signals) -> None:
    sink = start_sink("--delay", "3600")
    sink.line.begin(b"{}")
    sink.process.await_line("REFUSED")
    os.kill(sink.process.pid, signum)
    assert sink.process.wait() == 0
    assert "Traceback" not in sink.text()


@pytest.mark.parametrize(
    "arguments",
    [["--port", "x"], ["--port", "70000"], ["--status", "99"], ["--delay", "-1"], ["--secret-file", "/nonexistent"]],
)
def test_wrong_arguments_are_refused_with_2(tmp_path: Path, arguments: list[str]) -> None:
    env = {**bare_environment(), "VAR_DIR": str(tmp_path)}
    process = Process([sys.executable, "manage.py", "webhook_sink", *arguments], env=env, log=tmp_path / "log")
    assert process.wait() == 2


def test_a_request_without_a_body_is_told_so(start_sink: StartSink) -> None:
    sink = start_sink()
    sink.line.begin(None)
    assert sink.line.end().status == 411
