"""Rings in a file: running processes follow it, and what is not good is not taken up."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from core import keyring_file
from core.keyring import jwt_ring, pepper_ring
from core.keyring_file import read_rings, replace_ring


def entry(number: int, *, staged: bool = False) -> str:
    return f"{'+' * staged}{number}:{base64.urlsafe_b64encode(bytes([number]) * 32).decode()}"


@pytest.fixture
def file(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ring file that is looked at anew on every use."""
    monkeypatch.setattr(keyring_file, "STALE_SECONDS", 0.0)
    path = tmp_path / "rings.env"
    path.write_text(f"# ours\nSTICKER_ENV=development\nSTICKER_JWT_KEYS={entry(1)}\n")
    path.chmod(0o640)
    settings.STICKER_KEYRING_FILE = str(path)
    return path


def change(path: Path, after: str) -> bool:
    return replace_ring(str(path), setting="STICKER_JWT_KEYS", before=read_rings(str(path))["STICKER_JWT_KEYS"], after=after)


def test_a_ring_that_the_file_names_is_the_files_and_the_others_are_the_settings(file: Path) -> None:
    assert jwt_ring().active.secret == bytes([1]) * 32
    assert pepper_ring().active.secret.startswith(b"test-pepper")


def test_a_changed_file_is_followed(file: Path) -> None:
    assert len(jwt_ring()) == 1
    assert change(file, f"{entry(1)},{entry(2, staged=True)}")
    assert (jwt_ring().active.id, len(jwt_ring())) == (1, 2)
    assert change(file, f"{entry(1)},{entry(2)}")
    assert jwt_ring().active.id == 2
    assert change(file, entry(2))
    assert jwt_ring().get(1) is None


def test_within_a_second_nobody_looks_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jwt_ring().active.id == 1
    monkeypatch.setattr(keyring_file, "STALE_SECONDS", 3600.0)
    assert change(file, f"{entry(1)},{entry(2)}")
    assert jwt_ring().active.id == 1


@pytest.mark.parametrize("broken", ["STICKER_JWT_KEYS=1:short\n", "STICKER_JWT_KEYS=nothing\n", "\xff\n"])
def test_a_broken_file_changes_nothing(file: Path, broken: str) -> None:
    assert jwt_ring().active.id == 1
    file.write_bytes(broken.encode("latin-1"))
    assert jwt_ring().active.id == 1
    file.write_text(f"STICKER_JWT_KEYS={entry(1)},{entry(3)}\n")
    assert jwt_ring().active.id == 3


def test_a_ring_that_is_no_longer_named_stays_as_it_was(file: Path) -> None:
    assert jwt_ring().active.id == 1
    file.write_text("")
    assert jwt_ring().active.secret == bytes([1]) * 32
    file.unlink()
    assert jwt_ring().active.secret == bytes([1]) * 32


def test_a_change_touches_its_own_line_and_keeps_the_mode(file: Path) -> None:
    assert change(file, f"{entry(1)},{entry(2)}")
    assert file.read_text() == f"# ours\nSTICKER_ENV=development\nSTICKER_JWT_KEYS={entry(1)},{entry(2)}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_ring_the_file_does_not_have_yet_is_added(file: Path) -> None:
    assert replace_ring(str(file), setting="STICKER_PEPPERS", before="", after=entry(4))
    assert read_rings(str(file))["STICKER_PEPPERS"] == entry(4)
    assert read_rings(str(file))["STICKER_JWT_KEYS"] == entry(1)


def test_of_many_who_change_the_same_ring_one_does(file: Path) -> None:
    before = read_rings(str(file))["STICKER_JWT_KEYS"]

    def change_it(number: int) -> bool:
        return replace_ring(str(file), setting="STICKER_JWT_KEYS", before=before, after=f"{before},{entry(number)}")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change_it, range(2, 20))) == 1


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="STICKER_KEYRING_FILE"):
        read_rings(str(tmp_path / "nowhere"))
