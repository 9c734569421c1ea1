"""A mail server that keeps what it is given; it speaks just enough SMTP (RFC 5321) for Django's client."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message


@dataclass
class Mailbox:
    """Where the server listens, whom it turns away, and what came."""

    port: int
    refused: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    mailbox: Mailbox

    def handle(self) -> None:
        self._say("220 test")
        for line in self.rfile:
            command = line.decode().strip()
            verb = command[:4].upper()
            if verb == "QUIT":
                self._say("221 bye")
                return
            self._say(self._answer(verb, command))

    def _answer(self, verb: str, command: str) -> str:
        if verb == "RCPT" and any(address in command for address in self.mailbox.refused):
            return "550 no such user"
        if verb == "DATA":
            self._say("354 go on")
            self.mailbox.messages.append(message_from_string(self._data()))
        return "250 ok"

    def _data(self) -> str:
        lines = iter(self.rfile.readline, b".\r\n")
        return b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines).decode()

    def _say(self, answer: str) -> None:
        self.wfile.write(answer.encode() + b"\r\n")


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a mail server on a free port of 127.0.0.1 for the time of a block."""

    class Session(_Session):
        pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        Session.mailbox = Mailbox(server.server_address[1])
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield Session.mailbox
        server.shutdown()
