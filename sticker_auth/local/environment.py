"""Where local files stand (`VAR_DIR`) and the generated secrets that every command of a checkout shares."""

import base64
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
_SECRET_NAMES: Final = ("SECRET_KEY", "STICKER_PEPPERS", "STICKER_JWT_KEYS")


def var_dir() -> Path:
    """Tell the absolute folder of local state: `VAR_DIR`, else `var` in the checkout."""
    given = os.environ.get("VAR_DIR")
    return Path(given).absolute() if given else PROJECT_ROOT / "var"


def load() -> None:
    """Fill os.environ from `$VAR_DIR/secrets.env`; make that file first where nobody has configured anything.

    Variables that are set already win. A file made for another STICKER_ENV than the one asked for is left alone, so
    that a production process never takes up a developer's secrets.
    """
    path = var_dir() / "secrets.env"
    if not path.exists() and _is_unconfigured():
        _create(path)
    values = _read(path)
    wanted = os.environ.get("STICKER_ENV")
    if wanted and values.get("STICKER_ENV", wanted) != wanted:
        return
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


def _create(path: Path) -> None:
    """Write fresh secrets; of several starters at once, one writes and all read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _folder_lock(path.parent):
        if path.exists():
            return
        lines = [
            "# Generated for this checkout's local service. Removing it makes every local key and session invalid.",
            "STICKER_ENV=development",
            f"SECRET_KEY={secrets.token_urlsafe(48)}",
            f"STICKER_PEPPERS=1:{_ring_secret()}",
            f"STICKER_JWT_KEYS=1:{_ring_secret()}",
        ]
        write_private(path, "\n".join(lines) + "\n")


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _ring_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
