"""Hosts on loopback for the tests of egress: each says to a socket whatever the test wants said, and counts its callers."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket, bytes], None]

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Tone: a\r\nX-Tone: b\r\n\r\nhi"


class Host:
    """A listening socket; every connection is read up to the end of its head, kept in `heads`, and answered."""

    def __init__(self, answer: Answer, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._tls = tls
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def url(self, path: str = "/", *, name: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{name}:{self.port}{path}"

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._talk, args=(connected,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, connected: socket.socket) -> None:
        connected.settimeout(5)
        with suppress(OSError, ssl.SSLError), connected:
            talking = self._tls.wrap_socket(connected, server_side=True) if self._tls else connected
            with talking:
                head = _read_head(talking)
                self.heads.append(head)
                self._answer(talking, head)


@contextmanager
def host(answer: Answer, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Iterator[Host]:
    """Serve one answer to everyone until the test is over."""
    made = Host(answer, tls=tls, address=address)
    try:
        yield made
    finally:
        made.close()


def say(text: bytes) -> Answer:
    """Say one thing and hang up."""
    return lambda connected, _head: connected.sendall(text)


def _read_head(connected: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (part := connected.recv(4096)):
        head += part
    return head


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self._certificate = self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, name: str, *, is_expired: bool = False) -> ssl.SSLContext:
        """The context of a server that holds a certificate for a name or an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([_general_name(name)])
        certificate = self._signed(subject, key, alternative, age_days=40 if is_expired else 1)
        pem = self._folder / f"{name.replace(':', '-')}-{is_expired}.pem"
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType, *, age_days: int = 1
    ) -> x509.Certificate:
        born = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age_days)
        builder = x509.CertificateBuilder(
            self._name, subject, key.public_key(), x509.random_serial_number(), born, born + datetime.timedelta(days=30)
        )
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
