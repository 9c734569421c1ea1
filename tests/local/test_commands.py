"""The commands of a checkout: `manage.py` brings its database along, the Makefile says what it can do and what it lacks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sticker_auth.local.environment import PROJECT_ROOT
from tests.local import processes


def manage(folder: Path, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a management command as in a fresh checkout."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(folder), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_command_starts_the_database_and_stops_it_again(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", "--verbosity", "0").returncode == 0
    made = manage(tmp_path, "create_partner", "--name", "Acme", "--json")
    assert json.loads(made.stdout)["slug"] == "acme"
    assert processes.of_folder(tmp_path) == {}


def test_command_that_needs_no_database_starts_none(tmp_path: Path) -> None:
    done = manage(tmp_path, "check")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "pg").exists()


def test_production_never_starts_a_database(tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", STICKER_ENV="production")
    assert done.returncode != 0
    assert "SECRET_KEY is missing" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_database_that_can_not_start_is_reported_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "pg" / "data").mkdir(parents=True)
    (tmp_path / "pg" / "data" / "PG_VERSION").write_text("9\n")
    done = manage(tmp_path, "migrate")
    assert done.returncode == 1
    assert "written by PostgreSQL 9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with nothing but the Makefile."""
    shutil.copy(PROJECT_ROOT / "Makefile", tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.environ["PATH"]}
    return subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_make_alone_lists_every_command(checkout: Path) -> None:
    done = make(checkout)
    assert done.returncode == 0
    for command in ("run", "test", "check", "bench", "lock", "help"):
        assert f"make {command} " in done.stdout


def test_too_old_python_is_named(checkout: Path) -> None:
    old = checkout / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(checkout, "run", f"PYTHON={old}")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (checkout / ".venv").exists()


def test_nothing_is_installed_twice(checkout: Path) -> None:
    for name in ("requirements-uv.txt", "requirements.txt"):
        (checkout / name).write_text("")
    (checkout / ".venv").mkdir()
    sums = subprocess.run(["cksum"], input=b"", capture_output=True, check=True).stdout.decode().strip()
    (checkout / ".venv" / ".installed-run").write_text(f"{sums}\n")
    done = make(checkout, "_run_environment", "PYTHON=/bin/false")
    assert (done.returncode, done.stdout) == (0, "")
