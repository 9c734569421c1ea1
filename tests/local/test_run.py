"""The launcher, as a newcomer uses it: it says when it is ready, is stopped without a trace, and recovers from kill -9."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from partners.scopes import Scope
from sticker_auth.local import facts
from sticker_auth.local.environment import PROJECT_ROOT
from tests.local import processes
from tests.servers import Process, await_end, await_url, program, unused_port

STOP_SECONDS = 5.0
KEPT = (
    *("staff_username", "staff_password", "partner_id", "api_key", "surface_api_key", "organization_id", "internal_user_id"),
    *("reseller_email", "reseller_password", "customer_email", "customer_password"),
)


class Run:
    """One start of the launcher."""

    def __init__(self, folder: Path, *, port: int = 0, **env: str) -> None:
        self.folder, self.port = folder, port or unused_port()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "VAR_DIR": str(folder / "var")}
        self.env |= {"PORT": str(self.port), **env}
        command = [sys.executable, "-m", "sticker_auth.local.run"]
        self.process = Process(command, env=self.env, log=folder / f"run-{self.port}.log")

    def facts(self) -> dict[str, str]:
        """Wait until it is ready and read what it then published."""
        self.process.await_line("Ctrl-C stops everything.")
        published: dict[str, str] = json.loads(self.published.read_text())
        return published

    @property
    def published(self) -> Path:
        return facts.published_path(self.folder / "var")

    @property
    def output(self) -> str:
        return self.process.log.read_text()

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to stop, as a terminal does: the whole process group at once. Returns the seconds it took."""
        began = time.monotonic()
        os.killpg(self.process.pid, signum)
        assert self.process.wait() == 0, self.output
        return time.monotonic() - began


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Run]:
    """Run the launcher for a block; whatever it leaves is ended afterwards."""
    folder.mkdir(exist_ok=True)
    run = Run(folder, **options)
    try:
        yield run
    finally:
        run.process.stop()
        processes.kill_all(folder)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run that is ready, for tests that only look."""
    with running(tmp_path_factory.mktemp("ready")) as run:
        run.facts()
        yield run


def call(*command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=PROJECT_ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def ask(url: str, *, key: str = "", body: dict[str, str] | None = None) -> tuple[Message, str]:
    """Call the service and return the headers and the text of its answer, whatever the status."""
    headers = {"Content-Type": "application/json"} | ({"ApiKey": key} if key else {})
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.headers, error.read().decode()


def handshake(published: dict[str, str]) -> dict[str, Any]:
    """Do a handshake with published credentials."""
    url, body = f"{published['base_url']}/v1/partner/handshake", {"internal_user_id": published["internal_user_id"]}
    answer: dict[str, Any] = json.loads(ask(url, key=published["api_key"], body=body)[1])
    return answer


def frame_ancestors(published: dict[str, str]) -> str:
    """Ask the embed page who may frame it."""
    headers, _ = ask(f"{published['base_url']}/sandbox/embedded/{published['partner_id']}")
    [allowed] = re.findall(r"frame-ancestors ([^;]*)", headers["Content-Security-Policy"])
    return str(allowed).strip()


def listening_addresses(port: int) -> set[str]:
    """Tell on which addresses of this machine something listens at a port, as the kernel writes them."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}


def test_facts_are_complete_and_private(ready: Run) -> None:
    published = ready.facts()
    assert list(published) == list(facts.Facts.__dataclass_fields__)
    assert all(published.values())
    assert stat.S_IMODE(ready.published.stat().st_mode) == 0o600
    assert published["base_url"] == f"http://127.0.0.1:{ready.port}"
    assert published["demo_url"].startswith("http://localhost:")
    assert published["api_key"].startswith("sk_test_")
    assert published["surface_api_key"].startswith("ak_test_")


def test_reseller_and_customer_sign_in_with_what_is_published(ready: Run) -> None:
    published = ready.facts()
    for who, path in (("reseller", "/Login/Customer/Api/Verify"), ("customer", "/Login/Customer/Verify")):
        body = {"Email": published[f"{who}_email"], "Password": published[f"{who}_password"]}
        request = urllib.request.Request(published["base_url"] + path, json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("X-Shop-Handle", published["shop_handle"])
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["data"]["Token"].count(".") == 2


def test_every_address_answers(ready: Run) -> None:
    published = ready.facts()
    for name in ("admin_url", "docs_url", "demo_url"):
        await_url(published[name])


def test_printed_handshake_works_when_pasted(ready: Run) -> None:
    program("curl", package="curl")
    [command] = re.findall(r"^curl (?:.*\\\n)*.*$", ready.output, re.MULTILINE)
    answer = json.loads(call("sh", "-c", command).stdout)
    assert re.fullmatch(r"[0-9a-f]{64}", answer["session_key"])
    assert answer["iframe_url"].startswith(f"{ready.facts()['base_url']}/sandbox/embedded/{ready.facts()['partner_id']}")


def test_key_has_every_scope(ready: Run) -> None:
    published = ready.facts()
    _, answer = ask(f"{published['base_url']}/v1/keys/self", key=published["api_key"])
    assert set(json.loads(answer)["scopes"]) == set(Scope)


def test_demo_page_may_frame_us(ready: Run) -> None:
    published = ready.facts()
    assert frame_ancestors(published) == published["demo_url"].rstrip("/")


def test_everything_listens_on_loopback_only(ready: Run) -> None:
    demo_port = int(ready.facts()["demo_url"].rstrip("/").rpartition(":")[2])
    gateway_port = int(ready.facts()["gateway_url"].rpartition(":")[2])
    for port in (ready.port, demo_port, gateway_port):
        assert listening_addresses(port) == {"0100007F"}


def test_command_joins_the_running_servers(ready: Run) -> None:
    kid = ready.facts()["api_key"][8:20]
    done = call(sys.executable, "manage.py", "identify_key", kid, "--json", env=ready.env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kid"] == kid


def test_broken_launch_leaves_the_running_one_alone(ready: Run) -> None:
    second = call(sys.executable, "-m", "sticker_auth.local.run", env={**ready.env, "PORT": str(unused_port())})
    assert second.returncode == 1
    assert f"already runs at http://127.0.0.1:{ready.port}" in second.stderr
    await_url(ready.facts()["base_url"] + "/healthz")


def test_busy_port_is_reported_and_nothing_stays(ready: Run, tmp_path: Path) -> None:
    second = call(sys.executable, "-m", "sticker_auth.local.run", env={**ready.env, "VAR_DIR": str(tmp_path / "var")})
    assert second.returncode == 1
    assert f"Port {ready.port} can't be used" in second.stderr
    assert processes.of_folder(tmp_path) == {}


def test_second_run_stands_beside_the_first_on_the_next_port(ready: Run, tmp_path: Path) -> None:
    with running(tmp_path, port=ready.port + 1) as second:
        theirs, ours = second.facts(), ready.facts()
        assert theirs["partner_id"] != ours["partner_id"]
        assert theirs["demo_url"] != ours["demo_url"]
        assert handshake(theirs)["success"] is True
        assert handshake(ours)["success"] is True
        assert second.stop() < STOP_SECONDS
    assert handshake(ours)["success"] is True


def test_stopped_run_leaves_nothing_and_the_next_keeps_the_credentials(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        before = first.facts()
        assert before["staff_password"] in first.output
        assert first.stop(signal.SIGINT) < STOP_SECONDS
        assert processes.of_folder(tmp_path) == {}
    with running(tmp_path) as second:
        after = second.facts()
        assert [after[name] for name in KEPT] == [before[name] for name in KEPT]
        assert before["staff_password"] not in second.output
        assert handshake(after)["success"] is True
        assert frame_ancestors(after) == after["demo_url"].rstrip("/")
        assert second.stop() < STOP_SECONDS
    assert processes.of_folder(tmp_path) == {}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_first_start_is_heeded(tmp_path: Path, signum: signal.Signals) -> None:
    with running(tmp_path) as run:
        run.process.await_line("Starting the service")
        assert run.stop(signum) < STOP_SECONDS
        assert processes.of_folder(tmp_path) == {}
    assert not (tmp_path / "var" / "demo.json").exists()


def test_killed_run_recovers_at_the_next_start_and_removed_facts_are_made_anew(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        before = first.facts()
        processes.kill_all(tmp_path)
    (tmp_path / "var" / "demo.json").unlink()
    with running(tmp_path, port=first.port) as second:
        after = second.facts()
        assert after["partner_id"] == before["partner_id"]
        assert after["staff_password"] != before["staff_password"]
        assert after["staff_password"] in second.output
        assert handshake(after)["success"] is True
        assert handshake({**after, "api_key": before["api_key"]})["code"] == "INVALID_API_KEY"


def test_killed_launcher_takes_everything_with_it(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        run.facts()
        everything = processes.of_folder(tmp_path)
        os.kill(run.process.pid, signal.SIGKILL)
        for pid in everything:
            await_end(pid)
    assert processes.of_folder(tmp_path) == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"STICKER_ENV": "production"}, "development service"),
        ({"PORT": "eight"}, "must be a number"),
        ({"PORT": "70000"}, "must be a number"),
    ],
)
def test_wrong_configuration_is_refused_in_plain_words(tmp_path: Path, given: dict[str, str], reason: str) -> None:
    env = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), **given}
    done = call(sys.executable, "-m", "sticker_auth.local.run", env=env)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_named_servers_are_used_and_none_is_started(tmp_path: Path, databases: Any, redis_server: Any) -> None:
    name = databases.clone()
    named = {"DATABASE_URL": databases.url(name), "CELERY_BROKER_URL": redis_server.broker_url}
    with running(tmp_path, **named) as run:
        assert handshake(run.facts())["success"] is True
        assert not (tmp_path / "var" / "pg").exists()
        assert not [command for command in processes.of_folder(tmp_path).values() if "redis-server" in command]
        run.stop()
    databases.drop(name)
