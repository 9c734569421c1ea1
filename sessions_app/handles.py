"""The handles of an embed session: derived one from the other, recognised by their digest, stored nowhere.

A handle is 96 hex characters: the session's id, then HMAC-SHA256 under the session's pepper over the session token and the
page's redeem_id (the first), or over the handle before (each next). Whoever holds one can compute nothing without the pepper;
we can compute forward, so an outdated handle proves itself an ancestor of the one in use.
"""

import hmac
import re
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.credentials import Digest, secret_digest
from core.keyring import RingKey

_FORM: Final = re.compile(r"([0-9a-f]{32})([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handle:
    """A handle: which session it claims, and its secret."""

    session_id: UUID
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """What the cookie or the page's memory holds."""
        return self.session_id.hex + self.secret

    def successor(self, pepper: RingKey) -> "Handle":
        """The handle that follows this one."""
        return Handle(self.session_id, _mac(pepper, f"next\x1f{self.text}"))

    def digest(self, pepper: RingKey) -> Digest:
        """What the session's row stores of this handle."""
        return secret_digest(pepper, purpose="embed-handle", secret=self.text)


def first_handle(session_id: UUID, *, pepper: RingKey, session_key: str, redeem_id: str) -> Handle:
    """The handle a redemption gives out; the same redemption repeated gives the same."""
    return Handle(session_id, _mac(pepper, f"embed\x1f{session_id.hex}\x1f{session_key}\x1f{redeem_id}"))


def parse_handle(text: str) -> Handle | None:
    """Recognise the shape of a handle; None for anything else."""
    match = _FORM.fullmatch(text)
    return Handle(UUID(match[1]), match[2]) if match else None


def steps_behind(handle: Handle, *, digest: bytes, pepper: RingKey, generation: int) -> int | None:
    """How many rotations a handle lies behind the one in use: 0 for the current one, None for one that never was.

    At most `generation` rotations can have happened, so at most that many are tried.
    """
    for steps in range(generation + 1):
        if hmac.compare_digest(handle.digest(pepper), digest):
            return steps
        handle = handle.successor(pepper)
    return None


def _mac(pepper: RingKey, message: str) -> str:
    return hmac.digest(pepper.secret, message.encode("ascii"), "sha256").hex()
