#!/usr/bin/env python3
"""Refuse a commit that holds a key of Sticker Auth: Python 3.9 or newer, nothing else, and no network.

    cp find_sticker_keys.py .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit    as a hook of its own
    find_sticker_keys.py FILE...                                                      as the pre-commit framework calls it

Without arguments it looks at what is about to be committed; with arguments, at those files. A text counts only if its checksum
is right, so an example that merely looks like a key passes. It prints where a key stands and its public id, never the key.
Exits 0 when there is none, 1 when there is, 2 when it can't tell.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from collections.abc import Iterator

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PATTERN = re.compile(rb"\b(?:(?:sk|ak)_(?:live|test)_[0-9A-Za-z]{50}|cs_(?:live|test)_[0-9A-Za-z]{49})\b")
CHECKSUM_CHARS = 6
PUBLIC_CHARS = 20


def checksum(body: bytes) -> bytes:
    """CRC-32 in six base62 digits, the highest first."""
    number, digits = zlib.crc32(body), ""
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits.encode()


def findings(content: bytes) -> Iterator[tuple[int, str]]:
    """Every genuine secret in a file: its line, and what of it may be shown."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        for text in PATTERN.findall(line):
            if checksum(text[:-CHECKSUM_CHARS]) == text[-CHECKSUM_CHARS:]:
                yield number, "client secret" if text.startswith(b"cs_") else "key " + text[:PUBLIC_CHARS].decode()


def git(*arguments: str) -> bytes:
    """Ask git; its complaint goes to stderr as it is."""
    return subprocess.run(["git", *arguments], check=True, stdout=subprocess.PIPE).stdout


def staged() -> Iterator[tuple[str, bytes]]:
    """What is about to be committed: the content in the index, not what lies in the directory."""
    names = git("diff", "--cached", "--name-only", "--no-renames", "--diff-filter=d", "-z").split(b"\0")
    for name in filter(None, names):
        path = name.decode("utf-8", "surrogateescape")
        kind = git("ls-files", "--stage", "--", f":(top,literal){path}")[:6]
        if kind != b"160000":  # a submodule has no content here
            yield path, git("show", f":{path}")


def named(paths: list[str]) -> Iterator[tuple[str, bytes]]:
    """The files of the arguments."""
    for path in paths:
        with open(path, "rb") as file:
            yield path, file.read()


def main(arguments: list[str]) -> int:
    """Look, and tell."""
    count = 0
    try:
        for path, content in named(arguments) if arguments else staged():
            for line, what in findings(content):
                count += 1
                shown = path.encode("utf-8", "backslashreplace").decode()
                print(f"{shown}:{line}: {what}")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"find_sticker_keys: {error}", file=sys.stderr)
        return 2
    if count:
        print("Take them out. One that was pushed already is known to others: report it, which ends it, and issue a new one.")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
