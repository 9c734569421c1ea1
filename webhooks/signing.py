"""Signatures of deliveries: which headers a body gets, and whether a signature fits a body. No I/O, no clock, no settings.

Every delivery carries the headers of Standard Webhooks 1.0.0. An endpoint of another format gets that family's as well, which
key the HMAC by the secret's text, prefix included, where Standard Webhooks keys it by the bytes that the text encodes.
"""

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from webhooks.formats import SignatureFormat

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # a prefix
SECRET_BYTES: Final = 32
# The window that the official libraries allow a timestamp, in both directions.
TOLERANCE_SECONDS: Final = 300
_VERSION: Final = "v1"
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


class WebhookSecretError(ValueError):
    """A text that cannot be a signing secret; the message never holds it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an endpoint's receiver may check with: the secret in force, and the others that are valid while it rotates."""

    current: str = field(repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the headers of one attempt say beside its signature. `attempt` counts from 1; `timestamp` is seconds since 1970."""

    message_id: str
    timestamp: int
    event_type: str
    attempt: int = 1
    sequence: int | None = None
    is_replay: bool = False


def mint_secret() -> str:
    """Make a signing secret: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """The bytes that a secret's text encodes, with or without its prefix and padding: the key of Standard Webhooks.

    Raises: WebhookSecretError when it is empty or not base64.
    """
    text = secret.removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WebhookSecretError("The secret is not base64 after its prefix.") from error
    if not key:
        raise WebhookSecretError("The secret is empty.")
    return key


def delivery_headers(body: bytes, *, notice: Notice, keys: Secrets, signature_format: SignatureFormat) -> dict[str, str]:
    """Every header that a delivery has of us besides its content type: the signatures, and what they are about."""
    signed = sign(
        body, message_id=notice.message_id, timestamp=notice.timestamp, secrets=keys, signature_format=signature_format
    )
    return {**signed, **_additions(notice), **_family_additions(notice, signature_format)}


def sign(
    body: bytes, *, message_id: str, timestamp: int, secrets: Secrets, signature_format: SignatureFormat
) -> dict[str, str]:
    """The signature headers of one attempt, `timestamp` being its own instant in seconds since 1970.

    `webhook-signature` has one signature for each valid secret, the one in force first. The headers of the other families
    hold exactly one, of the secret in force: their receivers read no further.
    Raises: WebhookSecretError for a secret that is not ours; ValueError for a message id that would make the content ambiguous.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("A message id is letters, digits, '_' and '-'.")
    signatures = [
        f"{_VERSION},{standard_signature(body, message_id=message_id, timestamp=timestamp, secret=secret)}"
        for secret in (secrets.current, *secrets.others)
    ]
    standard = {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}
    return {**standard, **_family_signature(body, secrets.current, signature_format)}


def standard_signature(body: bytes, *, message_id: str, timestamp: int | str, secret: str) -> str:
    """Base64 HMAC-SHA256 over `id.timestamp.body`, without its version. Standard Webhooks 1.0.0, "Signature scheme"."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return _base64(hmac.digest(secret_bytes(secret), content, "sha256"))


def stash_signature(body: bytes, *, secret: str) -> str:
    """Base64 HMAC-SHA256 over the body, keyed by the secret's text. Stash guide: "Verifying webhook signatures"."""
    return _base64(hmac.digest(secret.encode(), body, "sha256"))


def sticker_signature(body: bytes, *, secret: str) -> str:
    """`sha256=` and the hex HMAC-SHA256 over the body, keyed by the secret's text."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def _family_signature(body: bytes, secret: str, signature_format: SignatureFormat) -> dict[str, str]:
    if signature_format is SignatureFormat.STASH:
        signature = stash_signature(body, secret=secret)
        return {"stash-webhook-signature": signature, "Stash-Hmac-Signature": signature}
    if signature_format is SignatureFormat.STICKER:
        return {"X-Sticker-Signature": sticker_signature(body, secret=secret)}
    return {}


def _additions(notice: Notice) -> dict[str, str]:
    """What Standard Webhooks does not have: a receiver may ignore all of it, and sees gaps, repeats and replays by it."""
    headers = {"webhook-attempt": str(notice.attempt), "webhook-event-type": notice.event_type}
    if notice.sequence is not None:
        headers["webhook-seq"] = str(notice.sequence)
    if notice.is_replay:
        headers["webhook-replay"] = "1"
    return headers


def _family_additions(notice: Notice, signature_format: SignatureFormat) -> dict[str, str]:
    if signature_format is SignatureFormat.STASH:
        return {"stash-retry-count": str(notice.attempt - 1)}
    if signature_format is SignatureFormat.STICKER:
        return {
            "X-Sticker-Event": notice.event_type,
            "X-Sticker-Delivery-ID": notice.message_id,
            "X-Sticker-Timestamp": str(notice.timestamp),
        }
    return {}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
