"""What the documents list is what the code has: errors, settings, events."""

import ast
import re

from audit.events import NOTES
from core.errors import CatalogueEntry, StickerError, catalogue
from sticker_auth.local.environment import PROJECT_ROOT
from tests.contract.documents import table_rows

SETTING_COLUMNS = ("name", "default", "unit", "meaning")
LOCAL_SETTINGS = {"VAR_DIR", "PORT"}


def test_every_error_is_documented_with_its_status_and_number() -> None:
    rows = table_rows("errors.md", columns=("status", "number", "name", "meaning", "what to do"))
    documented = [(int(status), int(number), name) for status, number, name, *_ in rows]
    assert documented == [(each.status, each.code, each.slug) for each in catalogue()]


def test_every_documented_error_says_what_it_means_and_what_to_do() -> None:
    rows = table_rows("errors.md", columns=("status", "number", "name", "meaning", "what to do"))
    assert all(len(meaning) > 10 and len(advice) > 10 for *_, meaning, advice in rows)


def test_a_number_and_a_name_mean_one_error() -> None:
    entries: list[CatalogueEntry] = catalogue()
    assert len({each.code for each in entries}) == len({each.slug for each in entries}) == len(entries)


def test_an_error_never_borrows_the_name_of_another() -> None:
    queue, by_slug = [StickerError], dict[str, set[int]]()
    while queue:
        error = queue.pop()
        queue.extend(error.__subclasses__())
        by_slug.setdefault(error.slug, set()).add(error.code)
    assert not {slug: codes for slug, codes in by_slug.items() if len(codes) > 1}


def test_the_number_of_an_invalid_key_is_fixed_for_ever() -> None:
    assert [each.slug for each in catalogue() if each.code == -23] == ["INVALID_API_KEY"]


def test_every_event_type_is_documented_with_its_severity_and_meaning() -> None:
    rows = table_rows("ledger.md", columns=("type", "severity", "meaning"))
    assert rows == [[each.value, note.severity.value, note.meaning] for each, note in NOTES.items()]


def settings_read() -> dict[str, object]:
    """Each name that settings.py reads, with its default where that is written out there."""
    tree = ast.parse((PROJECT_ROOT / "sticker_auth" / "settings.py").read_text(encoding="utf-8"))
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_a_read(node.func) and node.args and isinstance(node.args[0], ast.Constant):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "default"]
            name = str(node.args[0].value)
            found[name] = literal(given[0]) if given else found.get(name)
    return found


def is_a_read(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id == "env"
    return isinstance(function, ast.Name) and function.id in ("required", "number", "networks")


def literal(node: ast.expr) -> object:
    """A default that stands in the code as it is; an ellipsis for one that is worked out."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...


def test_every_setting_is_documented() -> None:
    documented = [row[0] for row in table_rows("settings.md", columns=SETTING_COLUMNS)]
    assert len(documented) == len(set(documented))
    assert set(documented) == set(settings_read()) | LOCAL_SETTINGS


def test_every_documented_default_is_the_one_in_force() -> None:
    documented = {name: default for name, default, *_ in table_rows("settings.md", columns=SETTING_COLUMNS)}
    for name, default in settings_read().items():
        if default is ...:
            continue
        said = re.split(r"[`;]", documented[name])[0]
        assert said == {"": "empty", "[]": "empty", "None": "none"}.get(str(default), str(default)), name
