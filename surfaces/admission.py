"""Letting a request in: the decision, and what a request that was really made leaves behind."""

from dataclasses import replace
from typing import Final

from partners.limits import refused as over_limit
from partners.limits import take
from partners.usage import ACCEPTED, note_use
from surfaces.decisions import Decision, Question
from surfaces.rules import decide, not_known
from surfaces.verification import NotProvenError

_MAX_ENDPOINT_CHARS: Final = 64


def admit(question: Question) -> Decision:
    """Decide a request; then use up a credential that is good once, count the use of a key, and keep to the route's limit."""
    decision = _settled(decide(question))
    _count_use(decision, question)
    return _within_limit(decision)


def _settled(decision: Decision) -> Decision:
    """Use up what is good once, after everything else was decided: of two requests with it, one is let in."""
    rule, proven = decision.rule, decision.proven
    if decision.error is not None or rule is None or proven is None or proven.settle is None:
        return decision
    try:
        proven.settle()
    except NotProvenError as refused:
        return replace(decision, error=not_known(rule, refused.reason), refused=refused)
    return decision


def _count_use(decision: Decision, question: Question) -> None:
    """Count a use of a key that exists: accepted when it proved itself, else by why it was refused."""
    verification = decision.verification
    if verification is None or verification.record is None or verification.parsed is None:
        return
    error = decision.error
    note_use(
        verification.record,
        verification.parsed,
        outcome=error.reason if error is not None and error.status == 401 else ACCEPTED,
        endpoint=decision.rule.name[:_MAX_ENDPOINT_CHARS] if decision.rule else "",
        address=question.address,
    )


def _within_limit(decision: Decision) -> Decision:
    rule, proven = decision.rule, decision.proven
    if decision.error is not None or rule is None or proven is None or rule.calls_per_minute is None:
        return decision
    bucket = f"route:{rule.id}:{proven.partner_id}:{proven.environment.value}"
    verdict = take(bucket, limit=rule.calls_per_minute)
    if not verdict.is_allowed:
        return replace(decision, error=over_limit(verdict))
    return replace(decision, headers=verdict.headers())
