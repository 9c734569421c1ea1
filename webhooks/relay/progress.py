"""How far a relay has come, kept in a file."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from webhooks.relay.feed import RelayRefusedError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a relay has come: what it goes on behind, and the number of its last event."""

    after: str
    seq: int = 0


def load_progress(path: Path, *, otherwise: str) -> Progress:
    """Read how far an earlier run came; `otherwise` is where to begin when there was none.

    Raises: RelayRefusedError for a file that is something else.
    """
    if not path.exists():
        return Progress(otherwise)
    try:
        return Progress(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RelayRefusedError(f"{path} is not a cursor file. Delete it, or name another one.") from error


def store_progress(path: Path, progress: Progress) -> None:
    """Write how far this run has come; a crash leaves either the old or the new."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    os.replace(part, path)
