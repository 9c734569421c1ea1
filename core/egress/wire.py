"""A connected socket as `http.client` uses one, within one deadline and one budget of bytes to read."""

import io
import socket
import time

from core.egress.failures import EgressFailedError
from core.egress.policy import EgressReason


def seconds_left(deadline: float) -> float:
    """Seconds until a deadline on the monotonic clock.

    Raises: TimeoutError once it has passed.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class Wire:
    """The socket of one call. Its owner closes the socket; `http.client` may close this as often as it likes."""

    def __init__(self, connected: socket.socket, *, deadline: float, budget: int) -> None:
        self._socket = connected
        self._deadline = deadline
        self._budget = budget

    def grant(self, more_bytes: int) -> None:
        """Let that many more bytes be read: the head is over."""
        self._budget += more_bytes

    def sendall(self, data: bytes) -> None:
        """Send everything before the deadline."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(seconds_left(self._deadline))
            rest = rest[self._socket.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The answer as a file."""
        return io.BufferedReader(_Incoming(self))

    def receive(self, buffer: "memoryview[int]") -> int:
        """Read what has arrived, as much as the budget allows.

        Raises: EgressFailedError once the budget is used up; TimeoutError at the deadline.
        """
        if self._budget <= 0:
            raise EgressFailedError(EgressReason.TOO_LARGE)
        self._socket.settimeout(seconds_left(self._deadline))
        count = self._socket.recv_into(buffer[: self._budget])
        self._budget -= count
        return count

    def close(self) -> None:
        """Nothing: the answer is still to be read."""


class _Incoming(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]  # what BufferedReader passes
        return self._wire.receive(buffer)
