"""The published vectors, as tests ask for them."""

import json
from dataclasses import dataclass
from typing import Final

from sticker_auth.local.environment import PROJECT_ROOT

PATH: Final = PROJECT_ROOT / "docs" / "webhook-vectors.json"


@dataclass(frozen=True, slots=True)
class Vector:
    """What a verifier is given, and whether it must accept."""

    name: str
    source: str
    format: str
    secret: str
    headers: dict[str, str]
    body: str
    now: int
    is_valid: bool

    def __str__(self) -> str:
        return f"{self.format}: {self.name}"


VECTORS: Final = [Vector(**each) for each in json.loads(PATH.read_text(encoding="utf-8"))["vectors"]]
