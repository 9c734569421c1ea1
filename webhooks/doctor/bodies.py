"""What happens to a body on the way to a verifier: each usual change, made or undone, with the name of the mistake."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from webhooks.doctor.findings import Mistake

_MARK: Final = b"\xef\xbb\xbf"
_MAX_SHOWN: Final = 24
_RAW: Final = "Verify the raw bytes of the request, before any parser."


@dataclass(frozen=True, slots=True)
class Variant:
    """A body that may have been signed or verified instead of the one that was pasted. No mistake: it is the pasted one."""

    body: bytes
    mistake: Mistake | None = None
    text: str = ""


def variants(pasted: bytes, *, sent: bytes | None) -> list[Variant]:
    """The pasted body and everything it may come from or have become, likeliest first, each body once.

    `sent` is what we really sent, where it is known.
    """
    found = {pasted: Variant(pasted)}
    for make in (_sent(pasted, sent), _outside(pasted), _rewritten(pasted)):
        with suppress(RecursionError):  # JSON that can be read may still nest too deep for its writer
            for variant in make:
                found.setdefault(variant.body, variant)
    return list(found.values())


def first_difference(pasted: bytes, sent: bytes) -> str:
    """Say where a body begins to differ from what we sent."""
    place = next((at for at, (a, b) in enumerate(zip(pasted, sent, strict=False)) if a != b), min(len(pasted), len(sent)))
    return f"It differs from byte {place}: we sent {_excerpt(sent, place)}, this has {_excerpt(pasted, place)}."


def _excerpt(body: bytes, place: int) -> str:
    part = body[max(0, place - 4) : place + _MAX_SHOWN]
    return ascii(part.decode("utf-8", "replace")) if part else "nothing more"


def _sent(pasted: bytes, sent: bytes | None) -> Iterator[Variant]:
    if sent is None or sent == pasted:
        return
    changes = [*_outside(pasted)]
    if any(each.body == sent for each in changes):
        return
    was, now = _parsed(sent), _parsed(pasted)
    if was is not None and was == now:
        yield Variant(sent, Mistake.BODY_RESERIALISED, f"{_same_value()} {first_difference(pasted, sent)}")
    else:
        yield Variant(sent, Mistake.ALTERED, f"The body is not the one we sent. {first_difference(pasted, sent)}")


def _outside(pasted: bytes) -> Iterator[Variant]:
    """Changes that leave the JSON text itself alone."""
    if pasted.startswith(_MARK):
        yield Variant(pasted[3:], Mistake.BODY_BYTE_ORDER_MARK, f"The body begins with a byte order mark (EF BB BF). {_RAW}")
    if b"\r\n" in pasted:
        text = f"Line ends are CRLF here and LF where it was signed. {_RAW}"
        yield Variant(pasted.replace(b"\r\n", b"\n"), Mistake.BODY_LINE_ENDS, text)
    if pasted.strip() != pasted:
        text = f"There is white space before or after the JSON, such as a line end. {_RAW}"
        yield Variant(pasted.strip(), Mistake.BODY_WHITESPACE, text)
    if b"\n" in pasted.replace(b"\r\n", b""):
        text = f"Line ends are LF here and CRLF where it was signed. {_RAW}"
        yield Variant(pasted.replace(b"\n", b"\r\n"), Mistake.BODY_LINE_ENDS, text)
    yield from _misread(pasted)
    yield Variant(pasted + b"\n", Mistake.BODY_WHITESPACE, f"A line end stood after the body where it was signed. {_RAW}")
    yield Variant(pasted + b"\r\n", Mistake.BODY_WHITESPACE, f"A line end stood after the body where it was signed. {_RAW}")
    mark = f"A byte order mark stood before the body where it was signed. {_RAW}"
    yield Variant(_MARK + pasted, Mistake.BODY_BYTE_ORDER_MARK, mark)
    empty = "An empty body was signed: the stream had been read already, by a parser or a logger. Keep its bytes for the check."
    yield Variant(b"", Mistake.BODY_EMPTY, empty)


def _misread(pasted: bytes) -> Iterator[Variant]:
    """UTF-8 that was read as Latin-1 or Windows-1252 and written as UTF-8 again, in both directions."""
    text = f"The body is UTF-8, and was read in another character set and written again. {_RAW}"
    for charset in ("latin-1", "cp1252"):
        for read, write in (("utf-8", charset), (charset, "utf-8")):
            try:
                body = pasted.decode(read).encode(write)
            except UnicodeError:
                continue
            yield Variant(body, Mistake.BODY_CHARSET, text)


def _rewritten(pasted: bytes) -> Iterator[Variant]:
    """The same JSON as each usual writer would put it."""
    value = _parsed(pasted)
    if value is None:
        return
    text = f"{_same_value()} {_RAW}"
    if isinstance(value, str):
        # JSON within JSON: a text that was written once more.
        yield Variant(value.encode("utf-8", "surrogatepass"), Mistake.BODY_RESERIALISED, text)
    for writer in _WRITERS:
        yield Variant(json.dumps(value, **writer).encode("utf-8", "surrogatepass"), Mistake.BODY_RESERIALISED, text)
    text = f"A parsed object was turned into text, which is no JSON at all. {_RAW}"
    for spelled in (str(value), "[object Object]"):
        yield Variant(spelled.encode("utf-8", "surrogatepass"), Mistake.BODY_RESERIALISED, text)


_COMPACT: Final = (",", ":")
_WRITERS: Final[tuple[dict[str, Any], ...]] = tuple(
    {"ensure_ascii": is_ascii, "separators": separators, "indent": indent, "sort_keys": is_sorted}
    for is_sorted in (False, True)
    for is_ascii in (False, True)
    for separators, indent in ((_COMPACT, None), ((", ", ": "), None), ((",", ": "), 2), ((",", ": "), 4))
)


def _same_value() -> str:
    return "The JSON says the same, in other bytes: other spaces, order, escapes or numbers."


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.removeprefix(_MARK))
    except (ValueError, RecursionError):
        return None
