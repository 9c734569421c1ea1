"""Build static/embed/v1/sticker.js from its source, or check that it still matches.

The first line of the built file names the SHA-256 of the source and of the code below it, so that the check
needs no minifier: a changed source, or a built file changed by hand, is noticed anywhere.

    python tools/build_loader.py          build (needs npx)
    python tools/build_loader.py --check  compare
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "static" / "embed" / "v1"
SOURCE: Final = FOLDER / "sticker.src.js"
BUILT: Final = FOLDER / "sticker.js"
MINIFIER: Final = ("npx", "--yes", "terser@5.51.2", "--compress", "--mangle", "--ecma", "2018")
MAX_BYTES: Final = 5_000


def banner(source: bytes, code: bytes) -> bytes:
    """Return the first line that ties built code to its source."""
    digests = (hashlib.sha256(part).hexdigest()[:32] for part in (source, code))
    return "/*! Sticker embed v1 source:{} code:{} */\n".format(*digests).encode()


def build() -> None:
    """Minify the source and write the built file."""
    source = SOURCE.read_bytes()
    code = subprocess.run(MINIFIER, input=source, capture_output=True, check=True).stdout.strip() + b"\n"
    BUILT.write_bytes(banner(source, code) + code)


def problem() -> str | None:
    """Say what is wrong with the built file, or nothing."""
    built = BUILT.read_bytes()
    first, _, code = built.partition(b"\n")
    if first + b"\n" != banner(SOURCE.read_bytes(), code):
        return f"{BUILT.name} was not built from this {SOURCE.name}: run python tools/build_loader.py"
    if len(built) >= MAX_BYTES:
        return f"{BUILT.name} has {len(built)} bytes; the promise is under {MAX_BYTES}"
    return None


def main() -> int:
    if "--check" not in sys.argv:
        build()
    found = problem()
    sys.stdout.write((found or f"{BUILT.name}: {BUILT.stat().st_size} bytes, matches its source") + "\n")
    return int(found is not None)


if __name__ == "__main__":
    sys.exit(main())
