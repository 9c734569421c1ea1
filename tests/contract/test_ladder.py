"""The ladder of imports holds: apps import only downward, and so do the layers inside each."""

import subprocess
import sys
from pathlib import Path

import pytest

from sticker_auth.local.environment import PROJECT_ROOT

APPS = ("core", "audit", "partners", "organizations", "sessions_app", "surfaces")


def test_no_import_goes_up_the_ladder() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize("app", APPS)
def test_no_app_has_a_file_whose_name_says_nothing(app: str) -> None:
    vague = {"utils.py", "helpers.py", "common.py", "misc.py", "managers.py"}
    assert not [path for path in (PROJECT_ROOT / app).rglob("*.py") if path.name in vague]
