"""Secrets that a developer's commands read: from files, never from arguments, which every user of a machine can read."""

import os
from pathlib import Path

from core.commands import BadArgumentsError
from core.credentials import ParsedKey, parse_key
from core.principals import Environment
from webhooks.signing import SECRET_PREFIX, mint_secret

_ONLY_OWNER = 0o600


def read_secrets(path: Path) -> tuple[str, ...]:
    """The signing secrets of a file, one a line; the first is the one in force.

    Raises: BadArgumentsError when there is none.
    """
    found = tuple(line.strip() for line in _text_of(path).splitlines() if line.strip())
    if not found:
        raise BadArgumentsError(f"{path} holds no secret. Put the endpoint's {SECRET_PREFIX}… into it, on a line of its own.")
    return found


def read_or_make_secret(path: Path) -> str:
    """The first signing secret of a file; where there is no file, one is made that only its owner can read."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OWNER)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{mint_secret()}\n")
    return read_secrets(path)[0]


def read_test_key(path: Path) -> str:
    """The API key of a file.

    Raises: BadArgumentsError for anything but a key of the test environment: live data does not belong on this machine.
    """
    text = _text_of(path).strip()
    key: ParsedKey | None = parse_key(text)
    if key is None:
        raise BadArgumentsError(f"{path} holds no API key.")
    if key.environment is not Environment.TEST:
        raise BadArgumentsError(f"{path} holds a live key. Use one that begins with sk_test_: this forwards what it may read.")
    return text


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgumentsError(f"{path} cannot be read: {type(error).__name__}.") from error
