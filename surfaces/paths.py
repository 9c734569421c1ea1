"""Paths as rules see them: one normal form, or a refusal where two servers could read a path differently.

A rule guards an upstream only if both agree on what was asked. So everything that some server decodes, merges, cuts or folds
in its own way is refused here, before any rule is looked for: encoded slashes and dots, empty and dotted segments, path
parameters, backslashes, control characters, bytes that are not UTF-8, double encoding, and look-alikes of separators.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from surfaces.errors import AmbiguousPathError

MAX_PATH_CHARS: Final = 2048
MAX_SEGMENTS: Final = 64

# Each is looked for in this order; the name is the reason in the ledger.
_RAW: Final = (
    (re.compile(r"[\x00-\x20\x7f]"), "control_character"),
    (re.compile(r"[^\x00-\x7f]"), "not_ascii"),
    (re.compile(r"\\"), "backslash"),
    (re.compile(r";"), "path_parameter"),
    (re.compile(r"[?#]"), "not_a_path"),
    (re.compile(r"%(?![0-9A-Fa-f]{2})"), "broken_escape"),
    (re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])"), "encoded_control"),
    (re.compile(r"%2[Ff]"), "encoded_slash"),
    (re.compile(r"%2[Ee]"), "encoded_dot"),
    (re.compile(r"%5[Cc]"), "encoded_backslash"),
    (re.compile(r"%3[Bb]"), "encoded_parameter"),
    (re.compile(r"%(?:3[Ff]|23)"), "encoded_delimiter"),
    (re.compile(r"//"), "empty_segment"),
)
_SUSPECT: Final = re.compile(r"[^0-9A-Za-z/_~!$&'()*+,=:@-]")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
# What compatibility forms must not turn into, and what code pages take for a separator.
_SEPARATORS: Final = frozenset("/\\;?#%\u2044\u2215\u29f8\u29f5\u2216")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

_LITERAL: Final = re.compile(r"[0-9A-Za-z_~:@+,=.-]+", re.ASCII)
_PARAMETER: Final = re.compile(r"\{[a-z][a-z0-9_]{0,31}\}", re.ASCII)
REST: Final = "*"


class SegmentKind(IntEnum):
    """What a segment of a pattern takes; the lower, the more specific."""

    LITERAL = 0
    PARAMETER = 1
    REST = 2


@dataclass(frozen=True, slots=True)
class NormalPath:
    """A path that can be read in one way only. `folded` is what rules are found by: without case and compatibility forms."""

    segments: tuple[str, ...]
    folded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule's path: literals, `{name}` for exactly one segment, and a last `*` for one or more.

    A trailing slash of the request makes no difference: servers disagree about it, and the stricter reading is the same rule.
    """

    text: str
    segments: tuple[str, ...]
    kinds: tuple[SegmentKind, ...]

    @property
    def shape(self) -> str:
        """The pattern as it is matched: in lower case, parameters without names. Equal shapes match equal paths."""
        return "/" + "/".join(_SHAPES.get(kind) or text.lower() for text, kind in zip(self.segments, self.kinds, strict=True))

    @property
    def is_literal(self) -> bool:
        """Tell whether it matches one path only."""
        return all(kind is SegmentKind.LITERAL for kind in self.kinds)

    @property
    def folded(self) -> tuple[str, ...]:
        """The segments in lower case."""
        return tuple(text.lower() for text in self.segments)

    def matches(self, folded: tuple[str, ...]) -> bool:
        """Tell whether a path fits, whatever its letter case."""
        has_rest = bool(self.kinds) and self.kinds[-1] is SegmentKind.REST
        if len(folded) < len(self.kinds) or (len(folded) > len(self.kinds) and not has_rest):
            return False
        return all(
            kind is not SegmentKind.LITERAL or text.lower() == given
            for text, kind, given in zip(self.segments, self.kinds, folded, strict=False)
        )

    def is_spelled(self, segments: tuple[str, ...]) -> bool:
        """Tell whether a path that fits also has the pattern's own letter case."""
        return all(
            kind is not SegmentKind.LITERAL or text == given
            for text, kind, given in zip(self.segments, self.kinds, segments, strict=False)
        )


_SHAPES: Final = {SegmentKind.PARAMETER: "{}", SegmentKind.REST: REST}


def normalise(raw: str) -> NormalPath:
    """Bring the path of a request line, without its query, into its normal form.

    Raises: AmbiguousPathError for a path that two servers could read differently; its reason says why.
    """
    if not raw.startswith("/"):
        raise AmbiguousPathError(reason="path:not_rooted")
    if len(raw) > MAX_PATH_CHARS:
        raise AmbiguousPathError(reason="path:too_long")
    # Most paths hold letters, digits and slashes alone.
    text = raw if _SUSPECT.search(raw) is None and "//" not in raw else _decoded(raw)
    segments = tuple(text[1:].removesuffix("/").split("/")) if text != "/" else ()
    if len(segments) > MAX_SEGMENTS:
        raise AmbiguousPathError(reason="path:too_long")
    return NormalPath(segments, tuple(_folded(segment) for segment in segments))


def _decoded(raw: str) -> str:
    for form, reason in _RAW:
        if form.search(raw):
            raise AmbiguousPathError(reason=f"path:{reason}")
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise AmbiguousPathError(reason="path:not_utf8") from None
    if _ESCAPE.search(text):
        raise AmbiguousPathError(reason="path:double_encoding")
    return text


def _folded(segment: str) -> str:
    if segment.isascii():
        plain = segment
    else:
        plain = unicodedata.normalize("NFKC", segment)
        if any(unicodedata.category(char) in _UNSEEN for char in segment + plain):
            raise AmbiguousPathError(reason="path:unseen_character")
    if not plain or not plain.strip("."):
        raise AmbiguousPathError(reason="path:dot_segment")
    if plain != plain.strip() or plain.endswith("."):
        # Some file systems drop these.
        raise AmbiguousPathError(reason="path:trailing_dot_or_space")
    if not segment.isascii() and not _SEPARATORS.isdisjoint(segment + plain):
        raise AmbiguousPathError(reason="path:look_alike")
    return plain.casefold()


def parse_pattern(text: str) -> Pattern:
    """Read a rule's path.

    Raises: ValueError saying what is wrong with it.
    """
    if not text.startswith("/"):
        raise ValueError("A path begins with a slash.")
    if text == "/":
        return Pattern(text, (), ())
    segments = tuple(text[1:].split("/"))
    kinds = tuple(_kind_of(segment, is_last=index == len(segments) - 1) for index, segment in enumerate(segments))
    names = [segment for segment, kind in zip(segments, kinds, strict=True) if kind is SegmentKind.PARAMETER]
    if len(set(names)) < len(names):
        raise ValueError("Each parameter has a name of its own.")
    return Pattern(text, segments, kinds)


def _kind_of(segment: str, *, is_last: bool) -> SegmentKind:
    if segment == REST:
        if not is_last:
            raise ValueError("'*' may stand at the end only; use {name} for one segment.")
        return SegmentKind.REST
    if _PARAMETER.fullmatch(segment):
        return SegmentKind.PARAMETER
    if not segment:
        raise ValueError("A path has no empty segments, and no slash at its end.")
    if not _LITERAL.fullmatch(segment) or segment.endswith(".") or not segment.strip("."):
        raise ValueError(f"'{segment}' is neither a plain segment, nor {{name}}, nor a last '*'.")
    return SegmentKind.LITERAL
