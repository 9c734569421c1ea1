"""Telling staff what is wrong with a token: every check, in words, whether or not an earlier one failed.

Nothing is fetched, used up, made or stored, and the token itself is in no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from organizations.models import Profile
from surfaces.models.players import JwksCache, KeySource, PlayerIssuer
from surfaces.players.checks import Case, Finding, examine, subject_of
from surfaces.players.held_keys import held_keys
from surfaces.players.issuers import read_rules
from surfaces.players.token import FlawError, ReadToken, Step, read_token

_NOT_READ = "Not checked: the token could not be taken apart."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What every check found."""

    findings: Sequence[Finding]

    @property
    def first_flaw(self) -> Finding | None:
        """The check a request with this token would be refused by; None when it would pass."""
        return next((each for each in self.findings if each.is_passed is False), None)


def diagnose(text: str, *, issuer: PlayerIssuer) -> Diagnosis:
    """Hold a token against one issuer, whatever issuer it names."""
    findings: list[Finding] = []
    try:
        token = read_token(text.strip())
    except FlawError as flaw:
        findings = [Finding(Step.SHAPE, True, "Three parts of base64url, with strict JSON in two.")]
        if flaw.step is Step.SHAPE:
            findings = []
        findings.append(Finding(flaw.step, False, flaw.text))
        return Diagnosis([*findings, Finding(Step.SIGNATURE, None, _NOT_READ)])
    findings = [
        Finding(Step.SHAPE, True, "Three parts of base64url, with strict JSON in two."),
        Finding(Step.HEADER, True, "The header has nothing but what may be in it."),
        _issuer(issuer),
    ]
    case = _case(token, issuer)
    return Diagnosis([*findings, *examine(case), _player(case)])


def _case(token: ReadToken, issuer: PlayerIssuer) -> Case:
    rules = read_rules(issuer)
    keys = rules.keys
    if rules.key_source is KeySource.JWKS:
        keys = held_keys(issuer.pk, version=_set_version(issuer))
    return Case(token, rules, keys, _database_seconds())


def _set_version(issuer: PlayerIssuer) -> int:
    return JwksCache.objects.values_list("version", flat=True).get(pk=issuer.pk)


def _issuer(issuer: PlayerIssuer) -> Finding:
    if not issuer.is_enabled:
        return Finding(Step.ISSUER, False, "This issuer is disabled: none of its tokens is accepted.")
    if not issuer.partner.is_active:
        return Finding(Step.ISSUER, False, "The partner is suspended: its players are answered 403.")
    return Finding(Step.ISSUER, True, "The issuer is enabled.")


def _player(case: Case) -> Finding:
    try:
        subject = subject_of(case)
    except FlawError:
        return Finding(Step.PLAYER, None, "Not checked: the token names no player.")
    rules = case.rules
    rows = Profile.objects.filter(partner_id=rules.partner_id, environment=rules.environment.value, external_id=subject)
    profile = rows.first()
    if profile is None and rules.allows_profile_creation:
        return Finding(Step.PLAYER, True, "No profile has this id yet; the first accepted token makes one.")
    if profile is None:
        return Finding(Step.PLAYER, False, "No profile has this id, and this issuer's tokens may not make one.")
    if profile.removed_at is not None:
        return Finding(Step.PLAYER, False, "The partner removed this user.")
    return Finding(Step.PLAYER, True, f"The player is profile {profile.pk}.")


def _database_seconds() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(cursor.fetchone()[0])
