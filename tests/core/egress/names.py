"""A name server on loopback that says what a test wants said, and counts what it is asked."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final

_A: Final = 1
_AAAA: Final = 28
_NO_SUCH_NAME: Final = 3


class NameServer:
    """Answers from `records`: a name's lists are given one after the other, the last one for ever; None is silence."""

    def __init__(self) -> None:
        self.records: dict[str, list[list[str] | None]] = {}
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, caller = self._socket.recvfrom(1024)
            if not question:
                return
            answer = self._answer(question)
            if answer is not None:
                self._socket.sendto(answer, caller)

    def _answer(self, question: bytes) -> bytes | None:
        name, kind, length = _read_question(question)
        if kind == _A:
            self.asked[name] += 1
        answers = self.records.get(name)
        addresses = self._next(answers, kind) if answers else []
        if addresses is None:
            return None
        found = [packed for each in addresses if len(packed := ip_address(each).packed) == (4 if kind == _A else 16)]
        flags = 0x8180 if answers else 0x8180 | _NO_SUCH_NAME
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0)
        rows = [b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(each)) + each for each in found]
        return head + question[12 : 12 + length] + b"".join(rows)

    def _next(self, answers: list[list[str] | None], kind: int) -> list[str] | None:
        # Both kinds are asked for each look-up: the one for A moves on.
        if kind == _A and len(answers) > 1:
            return answers.pop(0)
        return answers[0]


@contextmanager
def name_server(**records: list[list[str] | None]) -> Iterator[NameServer]:
    """Serve names below `.example` until the block ends; `partner=[["192.0.2.1"]]` is partner.example."""
    server = NameServer()
    server.records = {f"{name.replace('_', '-')}.example": list(answers) for name, answers in records.items()}
    try:
        yield server
    finally:
        server.close()


def _read_question(question: bytes) -> tuple[str, int, int]:
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += length + 1
    return ".".join(labels).lower(), struct.unpack(">H", question[at + 1 : at + 3])[0], at + 5 - 12
