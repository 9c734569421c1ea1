"""The signature doctor: from pasted headers and body to the exact mistake, by trying what code in the wild does.

A signature is 32 bytes that only one key, content and body give. So the doctor computes what each usual mistake would give and
looks which of them it has before it: the likeliest explanation is the one with the fewest mistakes.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from webhooks.doctor.bodies import Variant, variants
from webhooks.doctor.findings import Diagnosis, Finding, Mistake
from webhooks.doctor.headers import ID, SIGNATURE_HEADERS, TIMESTAMP, ReadHeaders, read_headers
from webhooks.doctor.secrets import (
    KeyRule,
    KnownSecret,
    Standing,
    judge_receivers_secret,
    keys_of,
    right_rule,
    rule_findings,
    standing_findings,
)
from webhooks.doctor.signatures import DIGEST_BYTES, Written, expected_encoding, expected_prefix, read_signature
from webhooks.formats import SignatureFormat
from webhooks.signing import TOLERANCE_SECONDS

_MAX_SIGNATURES: Final = 8
_MILLISECONDS_FROM: Final = 10**11


class Content(StrEnum):
    """What is signed."""

    FULL = "webhook-id, webhook-timestamp and body, with dots between"
    BODY = "the body alone"
    TIMED = "webhook-timestamp and body, with a dot between"


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one delivery as a receiver got it.

    `received_at` is in seconds since 1970. `sent` is the body as we sent it, `computed` the signature that the receiver's code
    came to, `receiver_secret` the secret it uses; each where known. Without any known secret the receiver's is taken for right.
    """

    headers: Mapping[str, str]
    body: bytes
    signature_format: SignatureFormat
    received_at: float
    secrets: tuple[KnownSecret, ...] = ()
    sent: bytes | None = None
    computed: str = ""
    receiver_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One way to come to a digest."""

    variant: Variant
    secret: KnownSecret
    rule: KeyRule
    content: Content


def diagnose(case: Case) -> Diagnosis:
    """Say whether a delivery's signature fits, and every mistake that can be named."""
    read = read_headers(case.headers, signature_format=case.signature_format)
    search = _Search(case, read)
    fits, findings = _of_header(case, read, search)
    if case.computed:
        findings += search.explain(_as_in_header(case.computed, case.signature_format))
    findings += judge_receivers_secret(case.receiver_secret, known=case.secrets, signature_format=case.signature_format)
    if case.signature_format is SignatureFormat.STANDARD:
        findings += _of_timestamp(read.values.get(TIMESTAMP, ""), received_at=case.received_at)
    every = (*read.findings, *findings)
    return Diagnosis(fits and not read.findings, tuple(dict.fromkeys(every)))


def _of_header(case: Case, read: ReadHeaders, search: "_Search") -> tuple[bool, list[Finding]]:
    text = read.values.get(SIGNATURE_HEADERS[case.signature_format], "")
    signatures = text.split()[:_MAX_SIGNATURES] if case.signature_format is SignatureFormat.STANDARD else [text]
    explained = []
    for signature in filter(None, signatures):
        findings = search.explain(signature)
        if not findings:
            return True, []
        explained.append(findings)
    return False, min(explained, key=len, default=[])


class _Search:
    """Finds the mistakes that a signature comes from."""

    def __init__(self, case: Case, read: ReadHeaders) -> None:
        self._format = case.signature_format
        self._values = read.values
        self._variants = variants(case.body, sent=case.sent)
        self._secrets = case.secrets or _assumed(case.receiver_secret)

    def explain(self, signature: str) -> list[Finding]:
        """The fewest mistakes that lead to a signature; none when it is right."""
        written = read_signature(signature)
        if written is None:
            return [Finding(Mistake.SIGNATURE_MALFORMED, "The signature is neither base64 nor hex.")]
        if len(written.digest) != DIGEST_BYTES:
            text = f"The signature stands for {len(written.digest)} bytes; HMAC-SHA256 gives {DIGEST_BYTES}. It was cut off."
            return [Finding(Mistake.SIGNATURE_MALFORMED, text)]
        explanations = [self._findings(trial, written) for trial in self._trials.get(written.digest, [])]
        if explanations:
            return min(explanations, key=len)
        return [*_form_findings(written, self._format), self._unexplained()]

    @cached_property
    def _trials(self) -> dict[bytes, list[_Trial]]:
        """Every way to come to a digest that is worth trying, by its digest; computed once for all signatures of a case."""
        found: dict[bytes, list[_Trial]] = {}
        for secret in self._secrets:
            for rule, key in self._keys(secret):
                for variant in self._variants:
                    for content, signed in self._contents(variant.body):
                        digest = hmac.digest(key, signed, "sha256")
                        found.setdefault(digest, []).append(_Trial(variant, secret, rule, content))
        return found

    def _keys(self, secret: KnownSecret) -> Iterator[tuple[KeyRule, bytes]]:
        # A partner may have many endpoints: of the others only what a correct verifier would do is tried.
        is_own = secret.standing is not Standing.OTHER
        return ((rule, key) for rule, key in keys_of(secret.text) if is_own or rule is right_rule(self._format))

    def _contents(self, body: bytes) -> Iterator[tuple[Content, bytes]]:
        yield Content.BODY, body
        message_id, timestamp = self._values.get(ID), self._values.get(TIMESTAMP)
        if timestamp:
            yield Content.TIMED, f"{timestamp}.".encode() + body
        if timestamp and message_id:
            yield Content.FULL, f"{message_id}.{timestamp}.".encode() + body

    def _findings(self, trial: _Trial, written: Written) -> list[Finding]:
        findings = self._manner(trial, written) + standing_findings(trial.secret, signature_format=self._format)
        if trial.variant.mistake is not None:
            findings.append(Finding(trial.variant.mistake, trial.variant.text))
        return findings

    def _manner(self, trial: _Trial, written: Written) -> list[Finding]:
        """What is wrong with how it was signed, whatever the body and the secret."""
        manner = (trial.rule, trial.content, written.prefix, written.encoding)
        for other in SignatureFormat:
            if manner == _manner_of(other):
                return [] if other is self._format else [_other_format(other, self._format)]
        findings = _form_findings(written, self._format) + rule_findings(trial.rule, signature_format=self._format)
        right = _content_of(self._format)
        if trial.content is not right:
            text = f"What was signed is {trial.content}; format {self._format} signs {right}."
            findings.append(Finding(Mistake.SIGNED_CONTENT, text))
        return findings

    def _unexplained(self) -> Finding:
        if not self._secrets:
            return Finding(Mistake.SECRET_UNKNOWN, "No secret is known to try the signature with.")
        what = "Body, id or timestamp is" if self._format is SignatureFormat.STANDARD else "The body is"
        text = (
            f"{what} not what was signed, or the secret is none that is known: the signature fits no known secret, neither for"
            " this body nor for any usual rewriting of it."
        )
        return Finding(Mistake.ALTERED, text)


def _as_in_header(computed: str, signature_format: SignatureFormat) -> str:
    """A receiver's own result with the prefix that it need not compute."""
    written = read_signature(computed)
    return expected_prefix(signature_format) + computed.strip() if written and not written.prefix else computed


def _assumed(receiver_secret: str) -> Sequence[KnownSecret]:
    return (KnownSecret(receiver_secret.strip()),) if receiver_secret.strip() else ()


def _content_of(signature_format: SignatureFormat) -> Content:
    return Content.FULL if signature_format is SignatureFormat.STANDARD else Content.BODY


def _manner_of(signature_format: SignatureFormat) -> tuple[object, ...]:
    form = (expected_prefix(signature_format), expected_encoding(signature_format))
    return (right_rule(signature_format), _content_of(signature_format), *form)


def _other_format(found: SignatureFormat, wanted: SignatureFormat) -> Finding:
    text = f"It is a signature of format {found}, where {wanted} is asked for. Take the header of format {wanted}."
    return Finding(Mistake.OTHER_FORMAT, text)


def _form_findings(written: Written, signature_format: SignatureFormat) -> list[Finding]:
    prefix, encoding = expected_prefix(signature_format), expected_encoding(signature_format)
    form = (written.prefix, written.encoding)
    if written.prefix and form != (prefix, encoding):
        for other in SignatureFormat:
            if form == (expected_prefix(other), expected_encoding(other)):
                return [_other_format(other, signature_format)]
    findings = []
    if written.prefix != prefix:
        text = (
            f"Format {signature_format} writes {prefix or 'nothing'} before the signature, not {written.prefix or 'nothing'}."
        )
        findings.append(Finding(Mistake.SIGNATURE_PREFIX, text))
    if written.encoding is not encoding:
        text = f"The signature is written as {written.encoding}; format {signature_format} writes {encoding}."
        findings.append(Finding(Mistake.SIGNATURE_ENCODING, text))
    return findings


def _of_timestamp(text: str, *, received_at: float) -> list[Finding]:
    if not text:
        return []
    if not (text.isascii() and text.isdigit()) or int(text[:20]) >= _MILLISECONDS_FROM:
        wrong = "in milliseconds" if text.isascii() and text.isdigit() else "not a number"
        return [Finding(Mistake.TIMESTAMP_MALFORMED, f"webhook-timestamp is {wrong}; it is in seconds since 1970.")]
    age = int(received_at) - int(text)
    limit = f"A receiver allows {TOLERANCE_SECONDS} either way."
    if age > TOLERANCE_SECONDS:
        text = f"The timestamp is {age} seconds old. {limit} If it was on arrival, it had waited in a queue, or clocks differ."
        return [Finding(Mistake.TIMESTAMP_STALE, text)]
    if age < -TOLERANCE_SECONDS:
        text = f"The timestamp is {-age} seconds ahead. {limit} The receiver's clock is slow: synchronise it."
        return [Finding(Mistake.TIMESTAMP_AHEAD, text)]
    return []
