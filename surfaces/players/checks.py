"""The checks a player token must pass, in their order: one list, for the request that stops at the first flaw and for the
doctor who wants to see all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Final

from core.strict_json import JsonObject
from surfaces.models.players import JtiPolicy
from surfaces.players.issuers import IssuerRules
from surfaces.players.keys import VerificationKey
from surfaces.players.token import FlawError, ReadToken, Step, quoted

MAX_PLAYER_ID_CHARS: Final = 128
MAX_JTI_CHARS: Final = 256


class Use(StrEnum):
    """What a token is presented for: as it stands, or to be exchanged for one of ours."""

    BEARER = "bearer"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class Case:
    """One token, the rules of the issuer it is held against, the keys in force, and the database's clock in seconds."""

    token: ReadToken
    rules: IssuerRules
    keys: Sequence[VerificationKey] = field(repr=False)
    now: float
    use: Use = Use.BEARER

    @property
    def claims(self) -> JsonObject:
        return self.token.claims


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `is_passed` is None where it could not be made. `seconds` is by how much, where time decides."""

    step: Step
    is_passed: bool | None
    text: str
    seconds: float | None = None


def prove_case(case: Case) -> VerificationKey:
    """Run the checks up to the first flaw, and return the key that proved the token.

    Raises: FlawError.
    """
    key: VerificationKey | None = None
    for step, check in CHECKS.items():
        if step is Step.SIGNATURE:
            key = _signing_key(case)
        else:
            check(case)
    if key is None:
        raise ValueError("the signature is one of the checks")
    return key


def check_claims(case: Case) -> None:
    """Run only the checks that need no key: a token that fails one of these is not worth fetching a key for.

    Raises: FlawError.
    """
    for step, check in CHECKS.items():
        if step not in (Step.KEY, Step.SIGNATURE):
            check(case)


def examine(case: Case) -> list[Finding]:
    """Run all checks, whatever the others found."""
    findings: list[Finding] = []
    has_key = True
    for step, check in CHECKS.items():
        if step is Step.SIGNATURE and not has_key:
            findings.append(Finding(step, None, "Not checked: there is no key to check it with."))
            continue
        try:
            findings.append(Finding(step, True, check(case)))
        except FlawError as flaw:
            findings.append(Finding(step, False, flaw.text, flaw.seconds))
            has_key = has_key and step is not Step.KEY
    return findings


def candidates(case: Case) -> list[VerificationKey]:
    """The issuer's keys that may have signed: of the token's algorithm, and of its id where both token and key have one."""
    kid = case.token.kid
    fitting = [key for key in case.keys if key.algorithm == case.token.algorithm]
    if not kid:
        return fitting
    exact = [key for key in fitting if key.kid == kid]
    return exact or [key for key in fitting if not key.kid]


def subject_of(case: Case) -> str:
    """The partner's name for the player.

    Raises: FlawError when the claim is missing, or is neither a short text nor a whole number.
    """
    value = claim_at(case.claims, case.rules.subject_claim)
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not 0 < len(text) <= MAX_PLAYER_ID_CHARS or not text.isprintable():
        name = quoted(case.rules.subject_claim)
        raise FlawError(Step.SUBJECT, f"The claim {name} must be a text of 1 to {MAX_PLAYER_ID_CHARS} printable characters.")
    return text


def claim_at(claims: JsonObject, name: str) -> object:
    """Find a claim by its name, or else by a path of names with dots between them."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def needs_jti(rules: IssuerRules, use: Use) -> bool:
    """Tell whether a token's id is used up by this use."""
    return rules.jti_policy is JtiPolicy.ALWAYS or (rules.jti_policy is JtiPolicy.EXCHANGE and use is Use.EXCHANGE)


def _algorithm(case: Case) -> str:
    allowed = case.rules.algorithms
    if case.token.algorithm not in allowed:
        raise FlawError(
            Step.ALGORITHM, f"The token says {quoted(case.token.algorithm)}; this issuer signs with {_listed(allowed)}."
        )
    return f"{case.token.algorithm} is allowed for this issuer."


def _key(case: Case) -> str:
    kid = case.token.kid
    if not candidates(case):
        named = f"has the id {quoted(kid)}" if kid else "fits a token without 'kid'"
        raise FlawError(Step.KEY, f"No live {case.token.algorithm} key of this issuer {named}.")
    return f"The key {quoted(kid)} is one of this issuer's." if kid else "The token names no key; the issuer's are tried."


def _signature(case: Case) -> str:
    _signing_key(case)
    return "The signature was made with the issuer's key."


def _signing_key(case: Case) -> VerificationKey:
    for key in candidates(case):
        if key.verifies(case.token.signed, case.token.signature):
            return key
    raise FlawError(Step.SIGNATURE, "The signature was not made with the issuer's key, or the token was changed after it.")


def _claims(case: Case) -> str:
    claims = case.claims
    if claims.get("iss") != case.rules.iss:
        raise FlawError(Step.CLAIMS, f"'iss' says {quoted(case.token.issuer)}; it must be exactly {quoted(case.rules.iss)}.")
    if "exp" not in claims:
        raise FlawError(Step.CLAIMS, "'exp' is missing: a token must say when it ends.")
    for name in ("exp", "nbf", "iat"):
        if name in claims and not _is_instant(claims[name]):
            raise FlawError(Step.CLAIMS, f"'{name}' must be a number of seconds since 1970.")
    if "aud" in claims and not case.token.audiences:
        raise FlawError(Step.CLAIMS, "'aud' must be a text or a list of texts.")
    return "'iss', 'exp' and the other claims have the right form."


def _audience(case: Case) -> str:
    if case.rules.audience not in case.token.audiences:
        said = ", ".join(quoted(each) for each in case.token.audiences[:3]) or "nothing"
        raise FlawError(Step.AUDIENCE, f"'aud' says {said}; it must name {quoted(case.rules.audience)}.")
    return f"'aud' names {quoted(case.rules.audience)}."


def _expiry(case: Case) -> str:
    left = _instant(case, "exp", Step.EXPIRY) - case.now
    if left <= 0:
        raise FlawError(Step.EXPIRY, f"The token expired {_spoken(-left)} ago.", seconds=-left)
    return f"The token is valid for another {_spoken(left)}."


def _not_before(case: Case) -> str:
    if "nbf" not in case.claims:
        return "The token has no 'nbf'."
    return _not_ahead(case, "nbf", Step.NOT_BEFORE, "becomes valid")


def _issued_at(case: Case) -> str:
    if "iat" not in case.claims:
        return "The token has no 'iat'."
    return _not_ahead(case, "iat", Step.ISSUED_AT, "was issued")


def _not_ahead(case: Case, claim: str, step: Step, verb: str) -> str:
    ahead = _instant(case, claim, step) - case.now
    leeway = case.rules.leeway_seconds
    if ahead > leeway:
        text = f"The token {verb} {_spoken(ahead)} from now, beyond the leeway of {leeway} s: the issuer's clock is ahead."
        raise FlawError(step, text, seconds=ahead)
    return f"'{claim}' lies {_spoken(abs(ahead))} {'ahead, within the leeway' if ahead > 0 else 'in the past'}."


def _lifetime(case: Case) -> str:
    begins = _instant(case, "iat", Step.LIFETIME) if "iat" in case.claims else case.now
    life, most = _instant(case, "exp", Step.LIFETIME) - begins, case.rules.max_age_seconds
    if life > most:
        text = f"The token lives for {_spoken(life)}; at most {most} s are accepted from this issuer."
        raise FlawError(Step.LIFETIME, text, seconds=life - most)
    return f"The token lives for {_spoken(max(life, 0))}, of at most {most} s."


def _subject(case: Case) -> str:
    subject_of(case)
    return f"The claim {quoted(case.rules.subject_claim)} names the player."


def _jti(case: Case) -> str:
    jti, policy = case.claims.get("jti"), case.rules.jti_policy
    if jti is not None and not (isinstance(jti, str) and 0 < len(jti) <= MAX_JTI_CHARS):
        raise FlawError(Step.JTI, f"'jti' must be a text of 1 to {MAX_JTI_CHARS} characters.")
    if jti is None and needs_jti(case.rules, case.use):
        raise FlawError(Step.JTI, "'jti' is missing: this issuer's tokens are good once, and need an id of their own.")
    return f"'jti' is {'there' if jti else 'absent'}; {policy.label.lower()}."


def _instant(case: Case, claim: str, step: Step) -> float:
    value = case.claims.get(claim)
    if not _is_instant(value):
        raise FlawError(step, f"Not checked: '{claim}' is no number of seconds.")
    return float(value)  # type: ignore[arg-type]  # just checked


def _is_instant(value: object) -> bool:
    return (type(value) is int or (type(value) is float and isfinite(value))) and value >= 0


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds:.0f} s ({seconds / 60:.0f} min)"
    if seconds < 172_800:
        return f"{seconds:.0f} s ({seconds / 3600:.0f} h)"
    return f"{seconds:.0f} s ({seconds / 86_400:.0f} days)"


def _listed(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))


CHECKS: Final[dict[Step, Callable[[Case], str]]] = {
    Step.ALGORITHM: _algorithm,
    Step.KEY: _key,
    Step.SIGNATURE: _signature,
    Step.CLAIMS: _claims,
    Step.AUDIENCE: _audience,
    Step.EXPIRY: _expiry,
    Step.NOT_BEFORE: _not_before,
    Step.ISSUED_AT: _issued_at,
    Step.LIFETIME: _lifetime,
    Step.SUBJECT: _subject,
    Step.JTI: _jti,
}
