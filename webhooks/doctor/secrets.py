"""The secrets a delivery may have been signed or verified with, and every way in which code makes a key of one."""

import base64
import binascii
import hmac
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from webhooks.doctor.findings import Finding, Mistake
from webhooks.formats import SignatureFormat
from webhooks.signing import SECRET_PREFIX, WebhookSecretError, secret_bytes

_AROUND: Final = " \t\r\n\"'`"


class Standing(StrEnum):
    """What a secret is to the endpoint that is asked about."""

    CURRENT = "current"
    PENDING = "pending"
    PREVIOUS = "previous"
    EXPIRED = "expired"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A secret of ours. `label` names it, or the endpoint it belongs to, without showing anything of it."""

    text: str = field(repr=False)
    standing: Standing = Standing.CURRENT
    label: str = ""


class KeyRule(StrEnum):
    """How a secret's text becomes a key."""

    TEXT = "its text, whsec_ included"
    DECODED = "the bytes that its base64 stands for"
    BARE_TEXT = "its text without whsec_"
    WITH_LINE_END = "its text and a line end"
    DECODED_WITH_PREFIX = "a base64 reading of the whole text, whsec_ included"


def right_rule(signature_format: SignatureFormat) -> KeyRule:
    """How a format makes a key."""
    return KeyRule.DECODED if signature_format is SignatureFormat.STANDARD else KeyRule.TEXT


def keys_of(secret: str) -> Iterator[tuple[KeyRule, bytes]]:
    """Every key that code in the wild makes of a secret."""
    yield KeyRule.TEXT, secret.encode()
    with suppress(WebhookSecretError):
        yield KeyRule.DECODED, secret_bytes(secret)
    yield KeyRule.BARE_TEXT, secret.removeprefix(SECRET_PREFIX).encode()
    for end in ("\n", "\r\n"):
        yield KeyRule.WITH_LINE_END, f"{secret}{end}".encode()
    for key in _careless_readings(secret):
        yield KeyRule.DECODED_WITH_PREFIX, key


def rule_findings(rule: KeyRule, *, signature_format: SignatureFormat) -> list[Finding]:
    """What is wrong with a rule for a format."""
    right = right_rule(signature_format)
    if rule is right:
        return []
    if rule is KeyRule.WITH_LINE_END:
        text = "The key is the secret with a line end behind it, as read from a file. Strip it."
        return [Finding(Mistake.SECRET_UNTRIMMED, text)]
    text = f"The key is made of {rule} here; format {signature_format} makes it of {right}."
    return [Finding(Mistake.KEY_RULE, text)]


def standing_findings(secret: KnownSecret, *, signature_format: SignatureFormat) -> list[Finding]:
    """What is wrong with using a secret for the endpoint that is asked about."""
    if secret.standing is Standing.OTHER:
        return [Finding(Mistake.SECRET_OF_OTHER_ENDPOINT, f"It is the secret of {secret.label}. Each endpoint has its own.")]
    if secret.standing is Standing.EXPIRED:
        return [Finding(Mistake.SECRET_OLD, f"It is an earlier secret ({secret.label}), which signs nothing any more.")]
    if signature_format is SignatureFormat.STANDARD or secret.standing is Standing.CURRENT:
        return []
    if secret.standing is Standing.PENDING:
        text = (
            "It is the new secret, which signs from the moment your receiver answers 2xx to the endpoint.secret_rotated ping."
        )
        return [Finding(Mistake.SECRET_NOT_YET, text)]
    text = f"It is the secret before the last rotation; format {signature_format} signs with the new one alone."
    return [Finding(Mistake.SECRET_OLD, text)]


def judge_receivers_secret(given: str, *, known: Sequence[KnownSecret], signature_format: SignatureFormat) -> list[Finding]:
    """What is wrong with the secret that a receiver says it uses."""
    trimmed = given.strip(_AROUND)
    untrimmed = Finding(Mistake.SECRET_UNTRIMMED, "There are quotes, spaces or a line end around the secret. Take them off.")
    findings = [untrimmed] if trimmed != given else []
    if not trimmed or not known:
        return findings
    secret = _find(trimmed, known)
    if secret is None:
        return [*findings, *_unknown(trimmed, known, signature_format)]
    return [*findings, *standing_findings(secret, signature_format=signature_format)]


def _unknown(given: str, known: Sequence[KnownSecret], signature_format: SignatureFormat) -> list[Finding]:
    if _find(SECRET_PREFIX + given, known) is None:
        text = "It is not a secret of this endpoint, nor of another of your endpoints in this environment."
        return [Finding(Mistake.SECRET_UNKNOWN, text)]
    if signature_format is SignatureFormat.STANDARD:
        return []
    return rule_findings(KeyRule.BARE_TEXT, signature_format=signature_format)


def _find(text: str, known: Sequence[KnownSecret]) -> KnownSecret | None:
    return next((each for each in known if hmac.compare_digest(each.text.encode(), text.encode())), None)


def _careless_readings(secret: str) -> Iterator[bytes]:
    """What Node makes of `Buffer.from(secret, "base64")` and Python of `b64decode(secret)` when the prefix is left on."""
    characters = secret.replace("_", "/").replace("-", "+").rstrip("=")
    whole = characters[: len(characters) - (len(characters) % 4 == 1)]
    for text in (whole + "=" * (-len(whole) % 4), secret):
        with suppress(binascii.Error, ValueError):
            yield base64.b64decode(text)
