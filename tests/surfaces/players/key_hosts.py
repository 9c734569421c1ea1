"""Hosts of key sets: what they answer may change between two callers, and they may be slow, broken or gone."""

import socket
import threading
from collections.abc import Callable

from tests.core.egress.hosts import Answer


def serve(document: Callable[[], bytes], *, headers: str = "", status: int = 200) -> Answer:
    """Answer each caller with the document of that moment."""

    def answer(connected: socket.socket, _head: bytes) -> None:
        body = document()
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        connected.sendall(head.encode() + body)

    return answer


class Gate:
    """Holds an answer back until the test lets it go, and tells when somebody waits for it."""

    def __init__(self, answer: Answer) -> None:
        self.asked = threading.Event()
        self.opened = threading.Event()
        self._answer = answer

    def open_when_asked(self) -> None:
        """Let answers go once somebody has asked for one."""
        self.asked.wait(30)
        self.opened.set()

    def __call__(self, connected: socket.socket, head: bytes) -> None:
        self.asked.set()
        self.opened.wait(10)
        self._answer(connected, head)


class Failing:
    """Answers well until the test has it fail."""

    def __init__(self, well: Answer, badly: Answer) -> None:
        self.is_up = True
        self._well = well
        self._badly = badly

    def __call__(self, connected: socket.socket, head: bytes) -> None:
        (self._well if self.is_up else self._badly)(connected, head)
