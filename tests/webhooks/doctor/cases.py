"""Deliveries as we sign them, and what became of them at a receiver."""

from dataclasses import replace
from typing import Any

from webhooks.doctor import Case, Diagnosis, KnownSecret, Mistake, Standing, diagnose
from webhooks.formats import SignatureFormat
from webhooks.signing import Secrets, mint_secret, sign

STANDARD, STASH, STICKER = SignatureFormat.STANDARD, SignatureFormat.STASH, SignatureFormat.STICKER
BODY = '{"type":"purchase.completed","data":{"order":"ord_1","amount":1999,"note":"café €","lines":["a","b"]}}'.encode()
NOW = 1_785_585_600
CURRENT, PREVIOUS, PENDING, EXPIRED, OTHER = (mint_secret() for _ in range(5))
KNOWN = (
    KnownSecret(CURRENT),
    KnownSecret(PENDING, Standing.PENDING),
    KnownSecret(PREVIOUS, Standing.PREVIOUS),
    KnownSecret(EXPIRED, Standing.EXPIRED, "made on 2026-01-01"),
    KnownSecret(OTHER, Standing.OTHER, "the endpoint at https://other.example"),
)


def case(signature_format: SignatureFormat = STANDARD, *, secret: str = CURRENT, **changes: Any) -> Case:
    """A delivery as we send it, and what a receiver made of it."""
    signed = sign(BODY, message_id="msg_1", timestamp=NOW, secrets=Secrets(secret), signature_format=signature_format)
    headers = {name.lower(): value for name, value in signed.items()}
    return replace(Case(headers, BODY, signature_format, NOW + 2, KNOWN), **changes)


def with_headers(given: Case, **values: str | None) -> Case:
    """The same with headers set, or taken away; written with underscores."""
    headers = {**given.headers, **{name.replace("_", "-"): value for name, value in values.items()}}
    return replace(given, headers={name: value for name, value in headers.items() if value is not None})


def mistakes(found: Diagnosis) -> list[Mistake]:
    return [each.mistake for each in found.findings]


def only(given: Case) -> tuple[Mistake, str]:
    """The one mistake the doctor names, and its words; the signature must not fit."""
    found = diagnose(given)
    assert not found.fits
    assert len(found.findings) == 1, found
    return found.findings[0].mistake, found.findings[0].text
