"""Saying, step by step, how a request would be decided, for staff and whoever sets up a proxy. Nothing is let in or kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from core.credentials import prefix_of
from surfaces.decisions import Decision, Question, Step
from surfaces.names import Mechanism
from surfaces.paths import NormalPath
from surfaces.rulebook import Rule
from surfaces.rules import decide
from surfaces.verification import CredentialKind, Proven

TITLES: Final[Mapping[Step, str]] = {
    Step.PATH: "Path",
    Step.RULE: "Rule",
    Step.CREDENTIAL: "Credential found",
    Step.PROVEN: "Credential proven",
    Step.TENANT: "Tenant",
    Step.PARTNER: "Partner",
    Step.ENTITLEMENT: "Entitlement",
    Step.SCOPE: "Scope",
}
HEADERS: Final[Mapping[str, str]] = {
    "bearer": "HTTP_AUTHORIZATION",
    "apikey": "HTTP_APIKEY",
    "x-api-key": "HTTP_X_API_KEY",
    "x-stash-api-key": "HTTP_X_STASH_API_KEY",
}
_KINDS: Final = {
    CredentialKind.API_KEY: "API key",
    CredentialKind.ACCESS_TOKEN: "access token",
    CredentialKind.PLAYER_TOKEN: "player token",
}


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One step of a decision: passed, refused or not reached, and what was found."""

    title: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a request would be decided, and what its caller would be told."""

    decision: Decision
    steps: list[ExplainedStep]

    @property
    def is_let_in(self) -> bool:
        return self.decision.error is None


def explain(question: Question) -> Explanation:
    """Decide a request as it would be decided, and say how; whatever the decision would write is rolled back."""
    found: dict[Step, object] = {}

    def note(step: Step, what: object) -> None:
        if step is Step.RELOADED:
            found.clear()
        else:
            found[step] = what

    # A player's token may make a profile on first sight; a rehearsal must not.
    with transaction.atomic():
        decision = decide(question, trace=note)
        transaction.set_rollback(True)
    return Explanation(decision, _steps(decision, question, found))


def headers_of(credential: str, *, sent_as: str) -> dict[str, str]:
    """The headers of a request that carries a credential: as asked, else as its kind is documented to be sent."""
    credential = credential.strip()
    if not credential:
        return {}
    way = sent_as or ("apikey" if prefix_of(credential) else "bearer")
    return {HEADERS[way]: f"Bearer {credential}" if way == "bearer" else credential}


def _steps(decision: Decision, question: Question, found: Mapping[Step, object]) -> list[ExplainedStep]:
    steps: list[ExplainedStep] = []
    is_over = False
    for step, title in TITLES.items():
        if step in found:
            steps.append(ExplainedStep(title, "passed", _TEXTS[step](found[step], question)))
        elif is_over or decision.error is None:
            steps.append(ExplainedStep(title, "not reached", ""))
        else:
            is_over = True
            steps.append(ExplainedStep(title, "refused", _why(decision)))
    return steps


def _why(decision: Decision) -> str:
    error = decision.error
    if error is None:
        return ""
    rule = decision.rule.name if decision.rule else ""
    about = f" The rule is {rule}." if rule and error.slug in ("NO_RULE", "AMBIGUOUS_PATH") else ""
    return f"{error.text}{about} The ledger would say: {error.reason}."


def _path(found: Any, _question: Question) -> str:
    path: NormalPath = found
    return f"Read in one way only: /{'/'.join(path.segments)}"


def _rule(found: Any, _question: Question) -> str:
    rule: Rule = found
    needs = f"needs the scope {rule.scope}" if rule.scope else "needs no scope"
    limit = f", {rule.calls_per_minute} calls a minute" if rule.calls_per_minute else ""
    return f"{rule.name} of {rule.surface.name.capitalize()} decides; it {needs}{limit}."


def _credential(found: Any, _question: Question) -> str:
    mechanism: Mechanism = found
    return "One API key, in one header." if mechanism is Mechanism.API_KEY else "One bearer token, in Authorization."


def _proven(found: Any, _question: Question) -> str:
    proven: Proven = found
    until = f", good until {proven.expires_at:%Y-%m-%d %H:%M:%S} UTC" if proven.expires_at else ""
    return f"{_KINDS[proven.kind]} {proven.key_id} of {proven.partner_slug}, {proven.environment}, for {proven.subject}{until}."


def _tenant(found: Any, question: Question) -> str:
    proven: Proven = found
    is_asked = question.tenant or question.shop or question.host
    return f"{proven.partner_slug}: {'nothing asks for another one' if is_asked else 'the credential alone says so'}."


def _partner(_found: Any, _question: Question) -> str:
    return "Active."


def _entitlement(_found: Any, _question: Question) -> str:
    return "The tenant may use this in the credential's environment."


def _scope(found: Any, _question: Question) -> str:
    proven: Proven = found
    return f"Held: {' '.join(sorted(str(scope) for scope in proven.scopes)) or 'none'}."


_TEXTS: Final[Mapping[Step, Callable[[Any, Question], str]]] = {
    Step.PATH: _path,
    Step.RULE: _rule,
    Step.CREDENTIAL: _credential,
    Step.PROVEN: _proven,
    Step.TENANT: _tenant,
    Step.PARTNER: _partner,
    Step.ENTITLEMENT: _entitlement,
    Step.SCOPE: _scope,
}
