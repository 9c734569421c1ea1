"""Data of events that may be sent: everything that the rules allow, the odd and the ugly included."""

from typing import Any, Final

from hypothesis import strategies as st

from core.strict_json import MAX_SAFE_INTEGER
from webhooks.canonical import problems

_UGLY: Final = st.sampled_from(
    ["", " ", "\x00", "\x1f", "\x7f", "\u2028\u2029", "\ufeff", "\\", '"', "/", "</script>", "é", "漢字", "😀", "\u0301", "١٢٣"]
)
_TEXTS: Final = st.text(max_size=20) | _UGLY
_NAMES: Final = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True) | _TEXTS
_SCALARS: Final = st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | _TEXTS
_VALUES: Final = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=15
)
PAYLOADS: Final[st.SearchStrategy[dict[str, Any]]] = st.dictionaries(_NAMES, _VALUES, max_size=5).filter(
    lambda data: not problems(data)
)
