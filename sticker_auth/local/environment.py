"""Where local files stand (`VAR_DIR`) and the generated secrets that every command of a checkout shares."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
_LONG_PATH: Final = 70
_RING_NAMES: Final = (
    "STICKER_PEPPERS",
    "STICKER_JWT_KEYS",
    "STICKER_ENCRYPTION_KEYS",
    "STICKER_ASSERTION_KEYS",
    "STICKER_LEDGER_KEYS",
)
_SECRET_NAMES: Final = ("SECRET_KEY", *_RING_NAMES)

_HEAD: Final = """\
# Generated for this checkout's local service. Removing it makes every local key and session invalid.
STICKER_ENV=development
"""


def var_dir() -> Path:
    """Tell the absolute folder of local state: `VAR_DIR`, else `var` in the checkout."""
    given = os.environ.get("VAR_DIR")
    return Path(given).absolute() if given else PROJECT_ROOT / "var"


def load() -> None:
    """Fill os.environ from `$VAR_DIR/secrets.env`; make that file first where nobody has configured anything.

    A file made by an earlier version gets the secrets it lacks. Variables that are set already win; where no ring is among
    them, the file becomes the service's `STICKER_KEYRING_FILE` too, which running processes follow. A file made for another
    STICKER_ENV than the one asked for is left alone, so that a production process never takes up a developer's secrets.
    """
    path = var_dir() / "secrets.env"
    if _is_unconfigured() and _lacks_secrets(path):
        _complete(path)
    values = _read(path)
    wanted = os.environ.get("STICKER_ENV")
    if wanted and values.get("STICKER_ENV", wanted) != wanted:
        return
    if values.keys() >= {*_RING_NAMES} and not any(os.environ.get(name) for name in _RING_NAMES):
        os.environ.setdefault("STICKER_KEYRING_FILE", str(path))
    for name, value in values.items():
        os.environ.setdefault(name, value)


def short_private_folder(prefix: str) -> Path:
    """Make a temporary folder that only its owner may enter, for a socket: whose path has at most 107 bytes."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix=prefix, dir=usual if len(usual) < _LONG_PATH else "/tmp"))  # noqa: S108  # mkdtemp


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that a reader sees the old content or the new, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_unconfigured() -> bool:
    """Tell whether nobody has set a secret by hand or asked for another environment than development."""
    if os.environ.get("STICKER_ENV", "development") != "development":
        return False
    return not any(os.environ.get(name) for name in _SECRET_NAMES)


def _lacks_secrets(path: Path) -> bool:
    """Tell whether there is no file yet, or one of ours without some secret."""
    values = _read(path)
    return not path.exists() or (values.get("STICKER_ENV") == "development" and not values.keys() >= {*_SECRET_NAMES})


def _complete(path: Path) -> None:
    """Write the secrets that are missing; of several starters at once, one writes and all read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _folder_lock(path.parent):
        if not _lacks_secrets(path):
            return
        known = _read(path)
        text = path.read_text(encoding="utf-8") if known else _HEAD
        lines = [f"{name}={_new_value(name)}" for name in _SECRET_NAMES if name not in known]
        write_private(path, "\n".join([text.rstrip("\n"), *lines]) + "\n")


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _new_value(name: str) -> str:
    return f"1:{secrets.token_urlsafe(32)}" if name in _RING_NAMES else secrets.token_urlsafe(48)


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
