"""Ties between processes: a child must not outlive its parent, and a server must not be root."""

import os
import signal
import subprocess
import sys

import pytest

from sticker_auth.local import leash
from sticker_auth.local.environment import PROJECT_ROOT
from tests.servers import await_end

PARENT = """
import subprocess, sys
from sticker_auth.local import leash
child = subprocess.Popen(["sleep", "600"], preexec_fn=leash.end_with_parent())
print(child.pid, flush=True)
sys.stdin.read()
"""
WHO_AM_I = "import os; print(os.geteuid()); print(open('/proc/self/status').read())"


def test_child_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    await_end(child)


def test_server_is_not_root_and_keeps_one_right_at_most() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHO_AM_I], preexec_fn=leash.server_rights(), capture_output=True, text=True, check=True
    )
    uid, rights = done.stdout.split()[0], effective_rights(done.stdout)
    assert uid == str(leash.server_owner())
    assert uid != "0"
    assert rights in (0, leash.MAY_SEARCH, leash.MAY_OVERRIDE)


def test_server_of_a_user_runs_as_that_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert leash.server_owner() == 1000


def effective_rights(status: str) -> int:
    [line] = [line for line in status.splitlines() if line.startswith("CapEff:")]
    return int(line.split()[1], 16)
