"""Ready-made HTTP requests in a file: each load generator plays them in order, so both send exactly the same bytes.

A record is the length in decimal, a line break, and that many bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def render(method: str, path: str, *, port: int, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Write out one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def save(path: Path, requests: Iterable[bytes]) -> None:
    """Write requests to a file."""
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%d\n%b" % (len(request), request))


def load(path: Path) -> Iterator[bytes]:
    """Read the requests of a file."""
    with path.open("rb") as file:
        while line := file.readline():
            yield file.read(int(line))
