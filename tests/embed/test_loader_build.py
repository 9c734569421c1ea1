"""The committed loader is small, complete, and built from the source beside it."""

import re
from pathlib import Path

from tools import build_loader

FOLDER = Path(__file__).resolve().parents[2] / "static" / "embed" / "v1"


def test_built_loader_matches_its_source_and_is_under_five_kilobytes() -> None:
    assert build_loader.problem() is None
    assert (FOLDER / "sticker.js").stat().st_size < 5_000


def test_loader_and_frame_load_nothing_from_elsewhere() -> None:
    for name in ("sticker.src.js", "frame.js", "frame.css"):
        assert not re.findall(r"https?://|@import|url\(", (FOLDER / name).read_text()), name


def test_types_name_every_option_the_loader_reads() -> None:
    source = (FOLDER / "sticker.src.js").read_text()
    types = (FOLDER / "sticker.d.ts").read_text()
    read = set(re.findall(r"\boptions\.(\w+)", source)) | set(re.findall(r"'(on[A-Z]\w+)'", source))
    assert read <= set(re.findall(r"^  (\w+)\??[:(]", types, re.MULTILINE))


def test_types_name_every_code_the_pages_send() -> None:
    codes = set(
        re.findall(r"'([A-Z]+(?:_[A-Z]+)+)'", (FOLDER / "frame.js").read_text() + (FOLDER / "sticker.src.js").read_text())
    )
    assert codes
    types = (FOLDER / "sticker.d.ts").read_text()
    document = (FOLDER.parents[2] / "docs" / "embedding.md").read_text()
    assert [code for code in codes if f"'{code}'" not in types or f"`{code}`" not in document] == []
