"""Headers as people paste them, and which of the wanted ones is missing or has another name."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webhooks.doctor.findings import Finding, Mistake
from webhooks.formats import SignatureFormat

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE_HEADERS: Final = {
    SignatureFormat.STANDARD: "webhook-signature",
    SignatureFormat.STASH: "stash-webhook-signature",
    SignatureFormat.STICKER: "x-sticker-signature",
}
# The same value stands in both; either will do.
_ALIASES: Final = {"stash-hmac-signature": "stash-webhook-signature"}
_LINE: Final = re.compile(r"""^\s*[<>*]?\s*(?:-H\s*)?["']?([A-Za-z0-9_-]+)["']?\s*:\s*["']?(.*?)["']?\s*[,\\]?\s*$""")
# Names that some frameworks, gateways and libraries have for a header of ours.
_MARKS: Final = re.compile(r"^(?:http-|x-(?:original-|forwarded-|amzn-remapped-)?)")
_CLOSE: Final = 0.86


@dataclass(frozen=True, slots=True)
class ReadHeaders:
    """The headers by lower-case name, renamed ones under their right name too."""

    values: Mapping[str, str]
    findings: tuple[Finding, ...]


def parse_headers(text: str) -> dict[str, str]:
    """Read pasted headers by lower-case name: one a line, as curl shows them or takes them, or a JSON object."""
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if isinstance(given, dict):
        return {str(name).lower(): _value(value) for name, value in given.items()}
    found = (_LINE.match(line) for line in text.splitlines())
    return {match[1].lower(): match[2].strip() for match in found if match}


def guess_format(headers: Mapping[str, str]) -> SignatureFormat:
    """The format whose signature the headers carry; Standard Webhooks when they carry several, or none."""
    names = {_ALIASES.get(name, name) for name in headers}
    if SIGNATURE_HEADERS[SignatureFormat.STANDARD] in names:
        return SignatureFormat.STANDARD
    present = [each for each, name in SIGNATURE_HEADERS.items() if name in names]
    return present[0] if present else SignatureFormat.STANDARD


def read_headers(headers: Mapping[str, str], *, signature_format: SignatureFormat) -> ReadHeaders:
    """Find what a format needs, and say what is missing or stands under another name."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    for alias, name in _ALIASES.items():
        if alias in values:
            values.setdefault(name, values.pop(alias))
    findings = []
    for wanted in _wanted(signature_format):
        if values.get(wanted):
            continue
        other = _other_name(wanted, values)
        if other is None:
            findings.append(_missing(wanted, values, signature_format))
        else:
            values[wanted] = values[other]
            findings.append(_renamed(wanted, other))
    return ReadHeaders(values, tuple(findings))


def _wanted(signature_format: SignatureFormat) -> tuple[str, ...]:
    name = SIGNATURE_HEADERS[signature_format]
    return (ID, TIMESTAMP, name) if signature_format is SignatureFormat.STANDARD else (name,)


def _other_name(wanted: str, values: Mapping[str, str]) -> str | None:
    ours = {ID, TIMESTAMP, *SIGNATURE_HEADERS.values()}
    plain = {_plain(name): name for name, value in values.items() if value and name not in ours}
    close = difflib.get_close_matches(_plain(wanted), plain, n=1, cutoff=_CLOSE)
    return plain[close[0]] if close else None


def _plain(name: str) -> str:
    return _MARKS.sub("", name.replace("_", "-")).replace("svix-", "webhook-")


def _renamed(wanted: str, other: str) -> Finding:
    text = f"The header {wanted} arrived as {other}. Something between us and your code renamed it: read the name that arrives."
    return Finding(Mistake.HEADER_RENAMED, text)


def _missing(wanted: str, values: Mapping[str, str], signature_format: SignatureFormat) -> Finding:
    if wanted == SIGNATURE_HEADERS[signature_format]:
        for each, name in SIGNATURE_HEADERS.items():
            if values.get(name):
                text = f"There is no {wanted}, which format {signature_format} has, but a {name}: that is format {each}."
                return Finding(Mistake.OTHER_FORMAT, f"{text} Verify by that format's rules, or change the endpoint's format.")
    text = f"The header {wanted} is not there. A proxy that lets only known headers through drops it, or it was not pasted."
    return Finding(Mistake.HEADER_MISSING, text)


def _value(value: object) -> str:
    # Some frameworks give each header a list of values.
    return str(value[0]) if isinstance(value, list) and value else str(value)
