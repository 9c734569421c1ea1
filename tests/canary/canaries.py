"""The secrets of a run, and the ways in which any of them could show up somewhere."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

# Enough of a random text to be no coincidence; less than anything that is cut off after a fixed length would leave.
WINDOW: Final = 16


@dataclass(frozen=True, slots=True)
class Canary:
    """One secret. `public` characters at its beginning may be shown: a key's prefix and kid."""

    name: str
    text: str = field(repr=False)
    public: int = 0

    def traces(self) -> Iterator[bytes]:
        """Every piece of it, plain; all of it in the usual encodings."""
        secret = self.text[self.public :]
        for start in range(max(1, len(secret) - WINDOW + 1)):
            yield secret[start : start + WINDOW].encode()
        whole = self.text.encode()
        yield whole.hex().encode()
        yield quote(self.text, safe="").encode()
        for shift in range(3):
            # The same bytes read differently in base64 according to where they begin.
            yield base64.b64encode(b"\0" * shift + whole)[4:-4].rstrip(b"=")

    def is_in(self, haystack: bytes) -> bool:
        """Tell whether any piece of it stands there."""
        return any(trace in haystack for trace in self.traces())


@dataclass
class Flock:
    """All secrets of a run, and everything that must hold none of them."""

    canaries: list[Canary] = field(default_factory=list)
    places: list[tuple[str, bytes, frozenset[str]]] = field(default_factory=list)

    def add(self, name: str, text: str, *, public: int = 0) -> str:
        """Remember a secret; returns it."""
        assert text
        self.canaries.append(Canary(name, text, public))
        return text

    def add_key(self, name: str, text: str) -> str:
        """Remember an API key, whose prefix and kid are public."""
        return self.add(name, text, public=len("sk_test_") + 12)

    def look_at(self, place: str, content: bytes, *, may_hold: tuple[str, ...] = ()) -> None:
        """Search this at the end; the answer that issues a secret may hold it."""
        self.places.append((place, content, frozenset(may_hold)))

    def found(self) -> list[tuple[str, str]]:
        """Name each secret with the place where it stands and must not."""
        return [
            (canary.name, place)
            for canary in self.canaries
            for place, content, allowed in self.places
            if canary.name not in allowed and canary.is_in(content)
        ]
