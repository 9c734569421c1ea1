"""The secrets file of a checkout: made once, private, shared by all, and never a production server's."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.keyring import parse_ring
from sticker_auth.local import environment
from sticker_auth.local.environment import PROJECT_ROOT
from tests.servers import TEST_SETTINGS

NAMES = tuple(TEST_SETTINGS)
LOAD = f"""
import json, os
from sticker_auth.local.environment import load
load()
print(json.dumps({{name: os.environ.get(name) for name in {NAMES}}}))
"""


def loaded(folder: Path, **given: str) -> dict[str, str | None]:
    """Load in a process of its own, as every command does, and tell what it then finds."""
    env: Mapping[str, str] = {"PATH": os.environ["PATH"], "VAR_DIR": str(folder), **given}
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=PROJECT_ROOT, env=env, capture_output=True, text=True, check=True)
    values: dict[str, str | None] = json.loads(done.stdout)
    return values


def test_first_command_makes_secrets_that_the_next_one_finds(tmp_path: Path) -> None:
    first = loaded(tmp_path / "var")
    assert first["STICKER_ENV"] == "development"
    assert all(first.values())
    assert loaded(tmp_path / "var") == first


def test_generated_rings_are_long_enough_and_differ(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    assert made["STICKER_PEPPERS"] != made["STICKER_JWT_KEYS"]
    for name in ("STICKER_PEPPERS", "STICKER_JWT_KEYS"):
        assert len(parse_ring(str(made[name]), setting=name).active.secret) == 32


def test_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    loaded(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.env"]


def test_commands_that_start_at_once_get_the_same_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: loaded(tmp_path / "var"), range(6)))
    assert all(each == found[0] for each in found)


def test_what_is_set_already_wins(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    mixed = loaded(tmp_path, STICKER_PEPPERS="7:mine")
    assert mixed["STICKER_PEPPERS"] == "7:mine"
    assert mixed["SECRET_KEY"] == made["SECRET_KEY"]


def test_production_neither_makes_nor_takes_up_a_developers_secrets(tmp_path: Path) -> None:
    assert loaded(tmp_path, STICKER_ENV="production")["SECRET_KEY"] is None
    assert not (tmp_path / "secrets.env").exists()
    loaded(tmp_path)
    assert loaded(tmp_path, STICKER_ENV="production")["SECRET_KEY"] is None


def test_an_operators_own_file_is_read_in_production(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("# ours\nSTICKER_ENV=production\n\nSECRET_KEY = a=b \n")
    assert loaded(tmp_path)["STICKER_ENV"] == "production"
    assert loaded(tmp_path, STICKER_ENV="production")["SECRET_KEY"] == "a=b"


@pytest.mark.parametrize("name", NAMES[1:])
def test_nothing_is_made_where_someone_has_begun_to_configure(tmp_path: Path, name: str) -> None:
    loaded(tmp_path, **{name: TEST_SETTINGS[name]})
    assert not (tmp_path / "secrets.env").exists()


def test_folder_is_var_in_the_checkout_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VAR_DIR", raising=False)
    assert environment.var_dir() == PROJECT_ROOT / "var"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAR_DIR", "elsewhere")
    assert environment.var_dir() == tmp_path / "elsewhere"


def test_private_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    environment.write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        environment.write_private(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_an_earlier_version_gets_what_it_lacks(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    path = tmp_path / "secrets.env"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("STICKER_ENCRYPTION_KEYS")]
    path.write_text("\n".join(kept) + "\n")
    again = loaded(tmp_path)
    assert again["STICKER_ENCRYPTION_KEYS"] not in (None, made["STICKER_ENCRYPTION_KEYS"])
    assert {**made, "STICKER_ENCRYPTION_KEYS": again["STICKER_ENCRYPTION_KEYS"]} == again
    assert loaded(tmp_path) == again
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
