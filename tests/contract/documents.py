"""The tables of our documents, read back."""

import re
from collections.abc import Sequence
from typing import Final

from sticker_auth.local.environment import PROJECT_ROOT

_ROW: Final = re.compile(r"^\| *(?P<cells>.+?) *\|$", re.MULTILINE)


def table_rows(document: str, *, columns: Sequence[str]) -> list[list[str]]:
    """Return the cells of every table of a document that has exactly these columns, without backticks."""
    found, is_wanted = [], False
    for match in _ROW.finditer((PROJECT_ROOT / "docs" / document).read_text(encoding="utf-8")):
        cells = [cell.strip().strip("`") for cell in match["cells"].split(" | ")]
        if cells == list(columns):
            is_wanted = True
        elif len(cells) != len(columns) or set(match["cells"]) <= set("-| "):
            is_wanted = is_wanted and len(cells) == 1
        elif is_wanted:
            found.append(cells)
    return found
