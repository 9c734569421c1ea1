"""Receivers of partners, as processes."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.servers import Process, unused_port
from tests.webhooks.receivers.deliveries import Line
from webhooks.formats import SignatureFormat

HERE: Final = Path(__file__).parent


class Receiver:
    """A partner's receiver that is running, with a kept connection to it."""

    def __init__(self, *command: str, secret: str, signature_format: SignatureFormat, log: Path, port: int) -> None:
        env = {"PATH": os.environ["PATH"], "PORT": str(port), "FORMAT": signature_format.value, "WEBHOOK_SECRET": secret}
        self.url = f"http://127.0.0.1:{port}/webhooks"
        self.process = Process(command, env=env, log=log)
        self.process.await_line("Receiving")
        self.line = Line(self.url)

    def stop(self) -> None:
        self.line.close()
        self.process.kill()


class StartReceiver(Protocol):
    """Starts a receiver in a language."""

    def __call__(self, language: str, *, secret: str, signature_format: SignatureFormat, port: int = 0) -> Receiver: ...


@pytest.fixture(scope="module")
def start_receiver(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[StartReceiver]:
    """Start receivers; all of them end with the module's tests."""
    started: list[Receiver] = []
    folder = tmp_path_factory.mktemp("receivers")

    def start(language: str, *, secret: str, signature_format: SignatureFormat, port: int = 0) -> Receiver:
        command = (sys.executable, str(HERE / "python" / "receiver.py"))
        if language == "node":
            if signature_format is SignatureFormat.STANDARD:
                request.getfixturevalue("node_packages")
            command = (request.getfixturevalue("node"), str(HERE / "node" / "receiver.mjs"))
        log = folder / f"{language}-{len(started)}.log"
        port = port or unused_port()
        started.append(Receiver(*command, secret=secret, signature_format=signature_format, log=log, port=port))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def node_packages() -> None:
    """The locked packages of the Node receivers, which `make test` installs."""
    if not (HERE / "node" / "node_modules" / "standardwebhooks").is_dir():
        pytest.skip(f"the Node receivers' packages are missing: npm ci --prefix {HERE / 'node'}")
