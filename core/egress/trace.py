"""What one asynchronous call went through: how far it came, when, and which address it really spoke to."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from core.egress.policy import EgressRefusedError, Target


class Phase(StrEnum):
    """How far a call came; where it ended tells who is to blame."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    ANSWER = "answer"
    BODY = "body"


@dataclass(slots=True)
class Trace:
    """The course of one call, filled in by the parts it passes. Milliseconds are None for a step that was not needed."""

    target: Target
    phase: Phase = Phase.RESOLVE
    address: str = ""
    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None
    is_reused: bool = True
    refusal: EgressRefusedError | None = None
    began: float = field(default_factory=time.monotonic)
    _step_began: float = field(default_factory=time.monotonic)

    @property
    def total_ms(self) -> int:
        """Milliseconds since the call began."""
        return _ms(time.monotonic() - self.began)

    def restart(self) -> None:
        """Note that the call begins anew, because the kept connection was none any more."""
        self.phase = Phase.RESOLVE

    def resolved(self) -> None:
        """Note the end of the look-up."""
        self.dns_ms = self._step()
        self.phase = Phase.CONNECT

    def dialling(self, address: str) -> None:
        """Note that a connection is being made; where several addresses race, the first of them starts the clock."""
        self.address = address
        if self.is_reused:
            self.is_reused = False
            self._step()
            self.phase = Phase.CONNECT

    def securing(self) -> None:
        """Note that the connection stands and TLS begins."""
        self.connect_ms = self._step()
        self.phase = Phase.TLS

    def asking(self, address: str) -> None:
        """Note that the request has been sent, over a new connection or a kept one."""
        self.address = address
        elapsed = self._step()
        if not self.is_reused and self.phase is Phase.TLS:
            self.tls_ms = elapsed
        elif not self.is_reused:
            self.connect_ms = elapsed
        self.phase = Phase.ANSWER

    def answered(self) -> None:
        """Note that status and headers have come."""
        self.first_byte_ms = self._step()
        self.phase = Phase.BODY

    def _step(self) -> int:
        now = time.monotonic()
        elapsed, self._step_began = now - self._step_began, now
        return _ms(elapsed)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


current_trace: Final[ContextVar[Trace]] = ContextVar("sticker_egress_trace")
