"""The one reader of JSON from outside: UTF-8, an object, no duplicate key, no surprise number, bounded in size and depth."""

import json
from typing import Any, Final, NoReturn

from core.errors import FieldProblem, InvalidRequestError, PayloadTooLargeError

MAX_BODY_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 32
# Integers beyond this lose digits in a JavaScript reader (RFC 8259 §6).
MAX_SAFE_INTEGER: Final = 2**53 - 1

JsonObject = dict[str, Any]


def read_json(body: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> JsonObject:
    """Parse one request body, or an answer from outside.

    Raises: PayloadTooLargeError over the bound; InvalidRequestError for everything else that is not strict JSON.
    """
    value = _decoded(body, max_bytes)
    if not isinstance(value, dict):
        raise _invalid("The body must be a JSON object.", "not_an_object")
    _check(value, 1)
    return value


def read_json_list(body: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> list[Any]:
    """Parse a body that is a JSON array, as strictly.

    Raises: as `read_json`.
    """
    value = _decoded(body, max_bytes)
    if not isinstance(value, list):
        raise _invalid("The body must be a JSON array.", "not_an_array")
    _check(value, 1)
    return value


def _decoded(body: bytes, max_bytes: int) -> object:
    if len(body) > max_bytes:
        raise PayloadTooLargeError
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _invalid("The body is not UTF-8.", "not_utf8") from error
    except RecursionError as error:
        raise _invalid(f"The body nests deeper than {MAX_DEPTH} levels.", "too_deep") from error
    except ValueError as error:
        raise _invalid("The body is not valid JSON.", "not_json") from error


def _check(value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _invalid(f"The body nests deeper than {MAX_DEPTH} levels.", "too_deep")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        raise _invalid("A number in the body is too large.", "number_too_large")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _invalid("The body contains a NUL character.", "nul_character")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _invalid("The body contains half of a surrogate pair.", "lone_surrogate")


def _unique_keys(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise InvalidRequestError(reason="duplicate_key", details=[FieldProblem(key[:64], "This field stands twice.")])
        seen.add(key)
    return result


def _no_constant(_name: str) -> NoReturn:
    raise _invalid("NaN and Infinity are not JSON.", "not_a_number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _invalid("A number in the body is too large.", "number_too_large")
    return number


def _bounded_int(text: str) -> int:
    # Python refuses to convert huge digit strings with a ValueError of its own; stop well before.
    if len(text) > 20:
        raise _invalid("A number in the body is too large.", "number_too_large")
    return int(text)


def _invalid(message: str, reason: str) -> InvalidRequestError:
    return InvalidRequestError(message, reason=reason)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_no_constant,
    parse_float=_finite,
    parse_int=_bounded_int,
)
