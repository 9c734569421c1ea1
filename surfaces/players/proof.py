"""Proving a player token, for whichever door it comes to: as a bearer on a surface, or to be exchanged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from core.db import fetch_one
from core.principals import NO_CONTEXT, Environment, RequestContext
from surfaces.models.players import KeySource
from surfaces.players.checks import Case, Use, check_claims, needs_jti, prove_case, subject_of
from surfaces.players.held_keys import keys_for
from surfaces.players.issuers import IssuerRules, Sighting, find_issuer, rules_of
from surfaces.players.keys import VerificationKey
from surfaces.players.profiles import profile_of
from surfaces.players.token import FlawError, ReadToken, Step, read_token
from surfaces.verification import NotProvenError, Standing, read_standing

# Steps that come before the signature was found good: what the token says of its issuer may be anyone's words until then.
_UNPROVEN: Final = frozenset({Step.SHAPE, Step.HEADER, Step.ISSUER, Step.ALGORITHM, Step.KEY, Step.SIGNATURE})
JTI_USED: Final = "player_jti_used"
_USE_UP: Final = """
INSERT INTO surfaces_playerjti (issuer_id, digest, expires_at) VALUES (%(issuer)s, %(digest)s, %(expires_at)s)
ON CONFLICT (issuer_id, digest) DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class SingleUse:
    """The right to use a token once, not claimed yet. `settle` is called when everything else was decided."""

    issuer_id: UUID
    digest: bytes = field(repr=False)
    expires_at: datetime

    def settle(self) -> None:
        """Use the token up; of concurrent callers exactly one succeeds.

        Raises: NotProvenError when it was used before.
        """
        params = {"issuer": self.issuer_id, "digest": self.digest, "expires_at": self.expires_at}
        if fetch_one(_USE_UP, params) is None:
            raise NotProvenError(JTI_USED)


@dataclass(frozen=True, slots=True)
class ProvenPlayer:
    """A player whom their partner's own token names, and the profile that stands for them here.

    `single_use` is set where the token is good once for this use: whoever accepts it must settle that, last of all. A
    suspended partner's token is proven; whoever accepts it must look at `partner_is_active`.
    """

    issuer_id: UUID
    issuer_name: str
    partner_id: UUID
    partner_slug: str
    partner_is_active: bool
    partner_epoch: int
    environment: Environment
    player_id: str = field(repr=False)
    profile_id: UUID
    profile_epoch: int
    kid: str
    jti: str
    issued_at: datetime | None
    expires_at: datetime
    standing: Standing
    single_use: SingleUse | None = None


def prove_player(text: str, *, shop: str, use: Use, context: RequestContext = NO_CONTEXT) -> ProvenPlayer:
    """Prove a player token: one query while what it needs is known here, no write for a known player.

    `shop` is the slug or id of the partner, empty where the token's issuer must say it all.
    Raises: NotProvenError; ServiceUnavailableError when the issuer's keys cannot be had.
    """
    sighting: Sighting | None = None
    try:
        token = read_token(text)
        sighting = find_issuer(token, shop=shop)
        case = _case(token, sighting, use)
        key = prove_case(case)
        _check_unused(case, sighting)
        profile = profile_of(case, sighting, context=context)
    except FlawError as flaw:
        raise _refused(flaw, sighting) from flaw
    claims, expires_at = case.claims, _instant(case.claims["exp"])
    return ProvenPlayer(
        issuer_id=sighting.issuer_id,
        issuer_name=case.rules.name,
        partner_id=sighting.partner_id,
        partner_slug=sighting.partner_slug,
        partner_is_active=sighting.partner_is_active,
        partner_epoch=sighting.partner_epoch,
        environment=case.rules.environment,
        player_id=subject_of(case),
        profile_id=profile.id,
        profile_epoch=profile.epoch,
        kid=key.kid,
        jti=str(claims.get("jti", "")),
        issued_at=_instant(claims["iat"]) if "iat" in claims else None,
        expires_at=expires_at,
        standing=read_standing(sighting.standing),
        single_use=_single_use(case, expires_at),
    )


def _case(token: ReadToken, sighting: Sighting, use: Use) -> Case:
    rules = rules_of(sighting)
    case = Case(token, rules, rules.keys, sighting.now, use)
    if rules.key_source is not KeySource.JWKS or token.algorithm not in rules.algorithms:
        return case
    return Case(token, rules, _fetched_keys(case, rules, sighting), sighting.now, use)


def _fetched_keys(case: Case, rules: IssuerRules, sighting: Sighting) -> Sequence[VerificationKey]:
    is_worth_fetching = True
    try:
        check_claims(case)
    except FlawError:
        if not sighting.jwks_is_usable:
            raise
        is_worth_fetching = False
    return keys_for(rules, sighting, kid=case.token.kid, is_worth_fetching=is_worth_fetching)


def _check_unused(case: Case, sighting: Sighting) -> None:
    """Refuse a token that was used before, ahead of the one statement that decides it for good."""
    if sighting.has_used_jti and needs_jti(case.rules, case.use):
        raise NotProvenError(
            JTI_USED,
            partner_id=sighting.partner_id,
            environment=sighting.environment,
            key_id=str(sighting.issuer_id),
            version=read_standing(sighting.standing).version,
        )


def _single_use(case: Case, expires_at: datetime) -> SingleUse | None:
    if not needs_jti(case.rules, case.use):
        return None
    return SingleUse(case.rules.id, case.token.jti_digest, expires_at)


def _refused(flaw: FlawError, sighting: Sighting | None) -> NotProvenError:
    reason = f"player_{flaw.step}"
    if sighting is None:
        return NotProvenError(reason)
    version = read_standing(sighting.standing).version
    if flaw.step in _UNPROVEN:
        return NotProvenError(reason, version=version)
    return NotProvenError(
        reason,
        partner_id=sighting.partner_id,
        environment=sighting.environment,
        key_id=str(sighting.issuer_id),
        version=version,
    )


def _instant(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
