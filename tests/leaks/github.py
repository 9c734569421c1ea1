"""GitHub as a caller: a key of its own, the list it publishes on a loopback server, and signed calls."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.core.egress.hosts import Host, host
from tests.surfaces.players.key_hosts import serve

LEAKS: Final = "/v1/leaks/github"
IDENTIFIER: Final = "a" * 64


class Github:
    """The other side of the secret scanning protocol."""

    def __init__(self, identifier: str = IDENTIFIER, *, curve: ec.EllipticCurve | None = None) -> None:
        self.identifier = identifier
        self.calls = 0
        self._key = ec.generate_private_key(curve or ec.SECP256R1())

    def entry(self) -> dict[str, object]:
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return {"key_identifier": self.identifier, "key": pem, "is_current": True}

    def document(self) -> bytes:
        """The list of keys; counts who asks."""
        self.calls += 1
        return json.dumps({"public_keys": [self.entry()]}).encode()

    def signature(self, body: bytes) -> str:
        return base64.b64encode(self._key.sign(body, ec.ECDSA(SHA256()))).decode()

    def headers(self, body: bytes) -> dict[str, str]:
        return {"Github-Public-Key-Identifier": self.identifier, "Github-Public-Key-Signature": self.signature(body)}


@contextmanager
def published(github: Github) -> Iterator[Host]:
    """Serve the list of keys for the time of a block."""
    with host(serve(github.document)) as made:
        yield made


def finding(token: str, **more: Any) -> Mapping[str, Any]:
    return {"token": token, "type": "sticker_api_key", "url": "https://git.example/acme/blob/main/.env", **more}
