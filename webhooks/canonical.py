"""Bodies that a JavaScript parse and stringify give back byte for byte, and what would break that.

Receivers in the wild verify `JSON.stringify(JSON.parse(body))` instead of the bytes they got (the Stash guide's Node sample
does). So the bytes we sign are a fixed point of it: no spaces, raw UTF-8, nothing that JavaScript reorders, rounds or rewrites.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson

from core.errors import FieldProblem, InvalidRequestError
from core.responses import iso
from core.strict_json import MAX_DEPTH, MAX_SAFE_INTEGER
from webhooks.formats import SignatureFormat

MAX_PROBLEMS: Final = 20
_MAX_PATH_CHARS: Final = 200
_INTEGER_LIKE: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_PLAIN_TYPES: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def serialise(data: object) -> bytes:
    """Write JSON data as the bytes to sign and send.

    Raises: InvalidRequestError naming each place that JavaScript would change.
    """
    found = problems(data)
    if found:
        raise InvalidRequestError(
            "The data would not survive a JavaScript receiver unchanged. See details.", reason="not_canonical", details=found
        )
    return orjson.dumps(data, option=_PLAIN_TYPES)


def problems(data: object, *, at: str = "data") -> list[FieldProblem]:
    """Name the places, at most 20, that a JavaScript receiver would change; none for data that may be signed."""
    return [FieldProblem(path[:_MAX_PATH_CHARS], what) for path, what in islice(_walk(data, at, 1), MAX_PROBLEMS)]


def render_body(data: bytes, *, event_type: str, occurred_at: datetime, style: SignatureFormat) -> bytes:
    """Put serialised data into the envelope of a family; `data` goes in as it is, so the whole stays a fixed point."""
    name, instant = orjson.dumps(event_type), orjson.dumps(iso(occurred_at))
    if style is SignatureFormat.STASH:
        return b'{"type":%b,"data":%b}' % (name, data)
    label = b"event" if style is SignatureFormat.STICKER else b"type"
    return b'{"%b":%b,"timestamp":%b,"data":%b}' % (label, name, instant, data)


def _walk(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        yield path, f"This nests deeper than {MAX_DEPTH} levels."
    elif isinstance(value, dict):
        yield from _walk_object(value, path, depth)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", depth + 1)
    elif (wrong := _wrong_scalar(value)) is not None:
        yield path, wrong


def _walk_object(value: dict[Any, Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        place = f"{path}{_step(key)}"
        if (wrong := _wrong_key(key)) is not None:
            yield place, wrong
        yield from _walk(item, place, depth + 1)


def _wrong_key(key: object) -> str | None:
    if type(key) is not str:
        return "A name must be a text."
    if _INTEGER_LIKE.fullmatch(key):
        return "JavaScript moves a name that is a whole number to the front: begin it with a letter."
    if key == "__proto__":
        return "JavaScript receivers refuse or lose this name."
    return _wrong_text(key)


def _wrong_scalar(value: object) -> str | None:
    if value is None or type(value) is bool:
        return None
    if type(value) is str:
        return _wrong_text(value)
    if type(value) is int:
        return None if abs(value) <= MAX_SAFE_INTEGER else "JavaScript rounds a number beyond 2^53-1: send it as a text."
    if isinstance(value, float):
        return "JavaScript rewrites numbers with a point: send minor units (cents) or a text."
    return f"{type(value).__name__} is not JSON."


def _wrong_text(text: str) -> str | None:
    if not text.isascii() and _LONE_SURROGATE.search(text):
        return "This holds half of a surrogate pair, which UTF-8 cannot carry."
    return None


def _step(key: object) -> str:
    if isinstance(key, str) and _PLAIN_NAME.fullmatch(key):
        return f".{key}"
    # Quoted in ASCII: the name itself may be what cannot be written.
    return f"[{str(key)[:64]!a}]"
