"""The day a key leaks: whoever holds a credential of ours may have it ended, with everything that came out of it.

A finder learns nothing by it. What was ended stands in the ledger, and the partner concerned is told by mail.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from django.db import transaction

from audit.events import EventType
from audit.services import Act, record
from core.logs import mask
from core.principals import Actor
from partners.models import RevokeReason
from surfaces.services.endings import Ending, find_ending
from surfaces.services.leak_mail import LeakNotice, mail_notices

MAX_KEPT_CHARS: Final = 500
# What stands in a credential whatever was done to its separators.
_LONG_PARTS: Final = re.compile(r"[0-9A-Za-z]{16,}", re.ASCII)


class LeakSource(StrEnum):
    """Who reported a leak: anyone at all, GitHub's secret scanning, or an operator at a shell."""

    ANYONE = "anyone"
    GITHUB = "github"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Finding:
    """A text that somebody takes for a credential of ours, and what they say about where it was."""

    credential: str = field(repr=False)
    source: LeakSource
    url: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What became of a finding: empty where it is no credential of ours, or one that had ended out of our sight."""

    subject_type: str = ""
    subject_id: str = ""
    partner_id: UUID | None = None
    environment: str = ""
    ended: tuple[str, ...] = ()

    @property
    def is_genuine(self) -> bool:
        return self.partner_id is not None


def report_leaks(findings: Sequence[Finding], *, actor: Actor) -> list[Consequence]:
    """End every credential that was found, each in a transaction of its own, then have the partners told. Safe to repeat.

    No mail is waited for, and one that fails stops nothing.
    """
    told: list[LeakNotice] = []
    try:
        return [_report(finding, actor, told) for finding in findings]
    finally:
        mail_notices(told)


def _report(finding: Finding, actor: Actor, told: list[LeakNotice]) -> Consequence:
    found = find_ending(finding.credential)
    if found is None:
        return Consequence()
    url, comment = (_kept(text, finding.credential) for text in (finding.url, finding.comment))
    with transaction.atomic():
        ended = tuple(found.end(why=RevokeReason.COMPROMISE, comment="Reported as leaked.", actor=actor))
        # Of a dead credential only those are heard who prove who they are: anyone could fill the ledger with it.
        if ended or finding.source is not LeakSource.ANYONE:
            data: dict[str, object] = {"source": finding.source.value, "url": url, "comment": comment, "ended": list(ended)}
            record(_act(found, actor, data))
    if ended:
        # A stranger writes nothing into a mail of ours.
        place = "" if finding.source is LeakSource.ANYONE else url
        told.append(LeakNotice(found.partner_id, found.environment, found.subject_type, ended, place))
    return Consequence(found.subject_type, found.subject_id, found.partner_id, found.environment, ended)


def _act(found: Ending, actor: Actor, data: dict[str, object]) -> Act:
    return Act(
        EventType.LEAK_REPORTED, actor, found.partner_id, found.environment, found.subject_type, found.subject_id, data=data
    )


def _kept(text: str, credential: str) -> str:
    """What is kept of a finder's words: no part of the credential, however it was written there. Masked before it is cut."""
    plain = "".join(char if char.isprintable() else " " for char in unquote(text))
    for part in (credential, *_LONG_PARTS.findall(credential)):
        plain = plain.replace(part, "***")
    masked = mask(plain)
    return (text if masked == unquote(text) else masked)[:MAX_KEPT_CHARS]
