"""Programs side by side: one signal stops them all, at any moment, and none is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sticker_auth.local.environment import PROJECT_ROOT
from tests.local import processes
from tests.servers import Process

DRIVER = """
import json, os, sys
from sticker_auth.local import processes
commands = {name: [sys.executable, "-c", code] for name, code in json.loads(sys.argv[1]).items()}
sys.exit(processes.run(commands, env=os.environ, speaker="speaker"))
"""
WAITS = "import signal; print('waiting', flush=True); signal.pause()"
SHOUTS = "while True: print('x' * 200, flush=True)"
IS_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
FAILS = "import sys; print('oh no'); sys.exit(3)"
LEAVES_A_CHILD = "import subprocess, sys; subprocess.Popen(['sleep', '600'])"


class Start:
    """Starts the driver; everything it starts carries the folder in its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, **codes: str) -> Process:
        return Process(self.command(codes), env=self.env, log=self.folder / "output")

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "MARK": str(self.folder)}

    def command(self, codes: dict[str, str]) -> list[str]:
        return [sys.executable, "-c", DRIVER, json.dumps(codes)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run programs, given as Python code by name; whatever is left is ended afterwards."""
    yield Start(tmp_path)
    processes.kill_all(tmp_path)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_everything_with_success(start: Start, signum: signal.Signals) -> None:
    driver = start(one=WAITS, two=WAITS)
    driver.await_line("waiting", count=2)
    os.kill(driver.pid, signum)
    assert driver.wait() == 0
    assert processes.of_folder(start.folder) == {}


def test_signal_amid_much_output_is_heeded(start: Start) -> None:
    driver = start(one=SHOUTS, two=SHOUTS)
    driver.await_line("xxx", count=2000)
    for _ in range(20):
        os.kill(driver.pid, signal.SIGINT)
    assert driver.wait() == 0
    assert processes.of_folder(start.folder) == {}


def test_program_that_ignores_the_request_is_ended_in_time(start: Start) -> None:
    driver = start(one=IS_STUBBORN)
    driver.await_line("waiting")
    began = time.monotonic()
    os.kill(driver.pid, signal.SIGTERM)
    assert driver.wait() == 0
    assert time.monotonic() - began < 5
    assert processes.of_folder(start.folder) == {}


def test_one_that_fails_stops_the_others_and_is_named(start: Start) -> None:
    driver = start(first=WAITS, second=FAILS)
    assert driver.wait() == 1
    driver.await_line("second | oh no")
    driver.await_line("'second' ended with status 3")
    assert processes.of_folder(start.folder) == {}


def test_what_a_program_left_running_is_ended_with_it(start: Start) -> None:
    driver = start(first=LEAVES_A_CHILD, second=WAITS)
    assert driver.wait() == 1
    assert processes.of_folder(start.folder) == {}


def test_lines_of_the_speaker_stay_bare(start: Start) -> None:
    driver = start(other=WAITS, speaker="print('curl it', flush=True); import signal; signal.pause()")
    driver.await_line("other   | waiting")
    driver.await_line("curl it")
    os.kill(driver.pid, signal.SIGTERM)
    assert driver.wait() == 0
    assert "\ncurl it\n" in f"\n{driver.log.read_text()}"


def test_reader_that_goes_away_does_not_stop_it(start: Start) -> None:
    command = start.command({"one": "print('first', flush=True)\nwhile True: print('more', flush=True)"})
    with subprocess.Popen(command, cwd=PROJECT_ROOT, env=start.env, stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"one | first\n"
        driver.stdout.close()
        with pytest.raises(subprocess.TimeoutExpired):
            driver.wait(0.5)
        driver.terminate()
        assert driver.wait() == 0


MEANWHILE = """
import os, sys
from sticker_auth.local import processes
def meanwhile():
    print("preparing", flush=True)
    if sys.argv[1] == "fails":
        raise SystemExit(7)
    return {"later": [sys.executable, "-c", sys.argv[1]]}
sys.exit(processes.run({"first": [sys.executable, "-c", sys.argv[2]]}, env=os.environ, speaker="", meanwhile=meanwhile))
"""


def test_what_comes_later_is_started_after_the_work_between(start: Start, tmp_path: Path) -> None:
    driver = Process([sys.executable, "-c", MEANWHILE, WAITS, WAITS], env=start.env, log=tmp_path / "output")
    driver.await_line("waiting", count=2)
    os.kill(driver.pid, signal.SIGTERM)
    assert driver.wait() == 0
    assert processes.of_folder(tmp_path) == {}


def test_what_was_started_first_is_stopped_when_the_work_between_fails(start: Start, tmp_path: Path) -> None:
    driver = Process([sys.executable, "-c", MEANWHILE, "fails", WAITS], env=start.env, log=tmp_path / "output")
    assert driver.wait() == 7
    assert processes.of_folder(tmp_path) == {}
