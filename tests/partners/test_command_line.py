"""The management commands as a shell meets them: exit codes, one object on stdout, logs apart, no prompt, no key in `ps`."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sticker_auth.local.environment import PROJECT_ROOT
from tests.databases import Databases
from tests.servers import bare_environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shell(databases: Databases) -> Run:
    """Run a command against one database of this module; nothing can be typed in."""
    url = databases.url(databases.clone())

    def run(*arguments: str, stdin: str = "", database_url: str = url) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "manage.py", *arguments]
        env = {**bare_environment(), "DATABASE_URL": database_url}
        return subprocess.run(
            command, cwd=PROJECT_ROOT, env=env, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def said(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """What stdout holds: exactly one JSON object."""
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def issued(shell: Run) -> dict[str, Any]:
    partner = said(shell("create_partner", "--name", "Acme", "--json"))
    return said(shell("issue_key", "--partner", partner["id"], "--environment", "test", "--scopes", "all", "--json"))


def test_a_partner_and_its_key_are_two_commands_away(issued: dict[str, Any]) -> None:
    assert issued["key"].startswith(f"sk_test_{issued['kid']}")


def test_a_whole_key_is_identified_from_standard_input(shell: Run, issued: dict[str, Any]) -> None:
    done = shell("identify_key", "-", "--json", stdin=f"{issued['key']}\n")
    assert (done.returncode, said(done)["kid"], said(done)["is_genuine"]) == (0, issued["kid"], True)


def test_a_whole_key_among_the_arguments_is_refused_and_not_repeated(shell: Run, issued: dict[str, Any]) -> None:
    done = shell("identify_key", issued["key"], "--json")
    assert (done.returncode, said(done)["error"]) == (2, "BAD_ARGUMENTS")
    assert "standard input" in said(done)["message"]
    assert issued["key"] not in done.stdout + done.stderr


def test_a_refusal_exits_1_with_one_object(shell: Run) -> None:
    done = shell("revoke_key", "--kid", "000000000000", "--reason", "compromise", "--json")
    assert done.returncode == 1
    assert said(done) == {"error": "KEY_NOT_FOUND", "message": "No key has this kid."}


def test_without_json_a_refusal_is_a_line_on_stderr(shell: Run) -> None:
    done = shell("revoke_key", "--kid", "000000000000", "--reason", "compromise")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No key has this kid. (KEY_NOT_FOUND)" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_arguments_exit_2_with_one_object(shell: Run) -> None:
    done = shell("issue_key", "--partner", "acme", "--json")
    assert (done.returncode, said(done)["error"]) == (2, "BAD_ARGUMENTS")
    assert "--environment" in said(done)["message"]


def test_without_json_wrong_arguments_exit_2_with_the_usage(shell: Run) -> None:
    done = shell("issue_key", "--partner", "acme")
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr


def test_a_database_that_does_not_answer_exits_1_with_one_object(shell: Run) -> None:
    nowhere = "postgres://nobody@127.0.0.1:1/nothing"
    done = shell("emergency_revoke", "--partner", "acme", "--reason", "drill", "--json", database_url=nowhere)
    assert (done.returncode, said(done)["error"]) == (1, "SERVICE_UNAVAILABLE")
    assert "Traceback" not in done.stderr


def test_arguments_that_are_no_text_exit_2(shell: Run) -> None:
    done = shell("create_partner", "--name", "caf\udce9", "--json")
    assert (done.returncode, said(done)["message"]) == (2, "The arguments are not UTF-8.")


def test_help_names_every_argument(shell: Run) -> None:
    done = shell("rotate_key", "--help")
    assert done.returncode == 0
    assert all(argument in done.stdout for argument in ("--kid", "--overlap", "--reason", "--json"))
