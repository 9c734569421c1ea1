"""The form of a reseller client's id and secret: recognised, and told from look-alikes, without any I/O.

A secret is `cs_live_` or `cs_test_`, 43 base62 characters (256 random bits) and 6 of a checksum. It is kept as a keyed digest.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from core import base62
from core.credentials import CHECKSUM_CHARS, Digest, checksum, secret_digest
from core.keyring import RingKey
from core.principals import Environment

CLIENT_ID_CHARS: Final = 16
SECRET_CHARS: Final = 43
# Published for secret scanners, as `core.credentials.KEY_PATTERN` is.
CLIENT_SECRET_PATTERN: Final = r"\bcs_(live|test)_[0-9A-Za-z]{49}\b"  # noqa: S105  # a pattern  # noqa: S105  # a pattern
_CLIENT_ID: Final = re.compile(r"rc_(live|test)_[0-9A-Za-z]{16}", re.ASCII)
_SECRET: Final = re.compile(r"cs_(live|test)_[0-9A-Za-z]{49}", re.ASCII)
_PURPOSE: Final = "client-secret"


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client id and the secret that came with it."""

    client_id: str
    secret: str = field(repr=False)

    @property
    def is_well_formed(self) -> bool:
        """Tell whether both could be ours at all."""
        return is_client_secret(self.secret) and _CLIENT_ID.fullmatch(self.client_id) is not None

    def digest(self, pepper: RingKey) -> Digest:
        """What the row of this secret stores."""
        return secret_row_digest(self.secret, pepper)


def is_client_secret(text: str) -> bool:
    """Tell whether a text has the form and the checksum of a client's secret."""
    return _SECRET.fullmatch(text) is not None and checksum(text[:-CHECKSUM_CHARS]) == text[-CHECKSUM_CHARS:]


def secret_row_digest(secret: str, pepper: RingKey) -> Digest:
    """What the row of a client's secret stores."""
    return secret_digest(pepper, purpose=_PURPOSE, secret=secret)


def new_client_id(environment: Environment) -> str:
    """A public id that no other client has."""
    return f"rc_{environment.value}_{base62.random_text(CLIENT_ID_CHARS)}"


def new_secret(environment: Environment) -> str:
    """A secret of 256 random bits."""
    body = f"cs_{environment.value}_{base62.random_text(SECRET_CHARS)}"
    return body + checksum(body)
