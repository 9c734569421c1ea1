"""Deliveries as lines for a terminal; whatever came from outside is made harmless for it."""

import json
from collections.abc import Iterator

from webhooks.sink import Received


def lines_of(received: Received) -> Iterator[str]:
    """What a person wants to see of one delivery."""
    facts = received.facts()
    known = [str(facts[name]) for name in ("type", "id") if facts[name]]
    known += [f"{name} {facts[name]}" for name in ("attempt", "seq") if facts[name]]
    yield harmless("  ".join([*known, _verdict(received), *received.notes, f"-> {received.status}"]))
    for finding in received.findings:
        yield harmless(f"  {finding.title}: {finding.text}")
    yield from (f"  {harmless(line)}" for line in _pretty(received.body).splitlines())


def harmless(text: str) -> str:
    """The text with everything escaped that a terminal would obey."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _verdict(received: Received) -> str:
    if received.is_verified:
        return "verified"
    return "REFUSED" if received.findings else "not verified: no secret was given"


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
