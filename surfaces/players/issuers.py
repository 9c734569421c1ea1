"""Finding the issuer of a token: one query tells the issuer, its partner, the player and how the rules stand; the rest of an
issuer is remembered by its version.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

import orjson
import structlog

from core.db import fetch_one
from core.encryption import DecryptionError, Place, decrypt
from core.principals import Environment
from surfaces.models.players import JtiPolicy, KeySource, PlayerIssuer, PlayerKey
from surfaces.players.keys import UnusableKeyError, VerificationKey, secret_key, stored_key
from surfaces.players.token import FlawError, ReadToken, Step, quoted
from surfaces.verification import standing_sql

log = structlog.get_logger("sticker.players")

KEY_TABLE: Final = "surfaces_playerkey"
_MAX_REMEMBERED: Final = 2048
_FITS: Final = "(i.audience = ANY(%(audiences)s::text[]) AND i.disabled_at IS NULL)"
# The player is looked up by the claim that this issuer's row names, as `checks.subject_of` reads it.
_SUBJECT: Final = """coalesce(%(claims)s::jsonb ->> i.subject_claim::text,
  %(claims)s::jsonb #>> string_to_array(i.subject_claim::text, '.'))"""
_FIND: Final = f"""
SELECT i.id, i.version, i.disabled_at IS NULL, i.environment, i.audience = ANY(%(audiences)s::text[]),
       count(*) FILTER (WHERE {_FITS}) OVER (), p.id, p.slug, p.status = 'active', p.auth_epoch,
       extract(epoch FROM clock_timestamp())::float8,
       j.version, coalesce(j.fresh_until > clock_timestamp(), false), coalesce(j.usable_until > clock_timestamp(), false),
       u.id, u.auth_epoch, u.removed_at IS NOT NULL, u.email, u.first_name, u.last_name,
       i.jti_policy <> 'off' AND EXISTS (
         SELECT 1 FROM surfaces_playerjti x WHERE x.issuer_id = i.id AND x.digest = %(jti)s::bytea),
       {standing_sql(partner="p.id", environment="i.environment")}
FROM surfaces_playerissuer i
JOIN partners_partner p ON p.id = i.partner_id
LEFT JOIN surfaces_jwkscache j ON j.issuer_id = i.id
LEFT JOIN organizations_profile u
  ON u.partner_id = i.partner_id AND u.environment = i.environment AND u.external_id = {_SUBJECT}
WHERE i.iss = %(iss)s AND (%(shop)s::text = '' OR p.slug = lower(%(shop)s::text) OR p.id::text = lower(%(shop)s::text))
ORDER BY {_FITS} DESC, i.disabled_at IS NULL DESC, i.id LIMIT 1
"""  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class IssuerRules:
    """How an issuer's tokens must look, and the keys it gave us, at one version.

    `is_complete` tells whether every one of the keys could be opened here.
    """

    id: UUID
    version: int
    partner_id: UUID
    environment: Environment
    name: str
    iss: str
    audience: str
    algorithms: frozenset[str]
    key_source: KeySource
    jwks_url: str
    leeway_seconds: int
    max_age_seconds: int
    jti_policy: JtiPolicy
    subject_claim: str
    email_claim: str
    name_claim: str
    allows_profile_creation: bool
    organization_external_id: str
    is_complete: bool
    keys: Sequence[VerificationKey] = field(repr=False)


class Sighting(NamedTuple):
    """What the one query tells about whoever is said to have signed a token, and about the player it names."""

    issuer_id: UUID
    version: int
    is_enabled: bool
    environment: str
    has_audience: bool
    fitting: int
    partner_id: UUID
    partner_slug: str
    partner_is_active: bool
    partner_epoch: int
    now: float
    jwks_version: int | None
    jwks_is_fresh: bool
    jwks_is_usable: bool
    profile_id: UUID | None
    profile_epoch: int | None
    profile_is_removed: bool
    email: str | None
    first_name: str | None
    last_name: str | None
    has_used_jti: bool
    standing: Sequence[int]


def find_issuer(token: ReadToken, *, shop: str) -> Sighting:
    """Find the one issuer a token may be from: among a shop's when it is named (slug or id), else among all. One query.

    Raises: FlawError when there is none, when it is disabled, or when several are possible.
    """
    if not token.issuer:
        raise FlawError(Step.ISSUER, "'iss' is missing, or no text.")
    params = {
        "iss": token.issuer,
        "shop": shop,
        "audiences": token.audiences,
        "claims": orjson.dumps(token.claims).decode(),
        "jti": token.jti_digest,
    }
    row = fetch_one(_FIND, params)
    if row is None:
        where = f"the shop {quoted(shop)} has" if shop else "there is"
        raise FlawError(Step.ISSUER, f"'iss' says {quoted(token.issuer)}, and {where} no such issuer.")
    sighting = Sighting(*row)
    if sighting.fitting > 1:
        raise FlawError(Step.ISSUER, "Several shops have this issuer: the request must name one in X-Shop-Handle.")
    if not sighting.is_enabled:
        raise FlawError(Step.ISSUER, "This issuer is disabled.")
    return sighting


def rules_of(sighting: Sighting) -> IssuerRules:
    """The rules of a sighted issuer; read only when this process does not know that version.

    Raises: FlawError when the issuer is gone.
    """
    known = _remembered.get(sighting.issuer_id)
    if known is not None and known.version == sighting.version:
        return known
    issuer = PlayerIssuer.objects.filter(pk=sighting.issuer_id).first()
    if issuer is None:
        raise FlawError(Step.ISSUER, "This issuer is gone.")
    rules = read_rules(issuer)
    if not rules.is_complete:
        # This process may only have to learn of a key of the ring: next time it may open.
        return rules
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    _remembered[rules.id] = rules
    return rules


def read_rules(issuer: PlayerIssuer) -> IssuerRules:
    """The rules of an issuer's row, with its live keys."""
    live = list(PlayerKey.objects.filter(issuer=issuer, retired_at=None).order_by("created_at", "id"))
    keys = tuple(key for row in live if (key := _opened(row, issuer)))
    return IssuerRules(
        id=issuer.pk,
        version=issuer.version,
        partner_id=issuer.partner_id,
        environment=Environment(issuer.environment),
        name=issuer.name,
        iss=issuer.iss,
        audience=issuer.audience,
        algorithms=frozenset(issuer.algorithms),
        key_source=KeySource(issuer.key_source),
        jwks_url=issuer.jwks_url,
        leeway_seconds=issuer.leeway_seconds,
        max_age_seconds=issuer.max_age_seconds,
        jti_policy=JtiPolicy(issuer.jti_policy),
        subject_claim=issuer.subject_claim,
        email_claim=issuer.email_claim,
        name_claim=issuer.name_claim,
        allows_profile_creation=issuer.allows_profile_creation,
        organization_external_id=issuer.organization_external_id,
        is_complete=len(keys) == len(live),
        keys=keys,
    )


def place_of(key_id: UUID, issuer: PlayerIssuer) -> Place:
    """What a sealed secret is bound to."""
    return Place(KEY_TABLE, "sealed", key_id, issuer.partner_id, issuer.environment)


def _opened(row: PlayerKey, issuer: PlayerIssuer) -> VerificationKey | None:
    try:
        if row.sealed is None:
            key = stored_key(row.jwk or {})
            return VerificationKey(row.kid, key.algorithm, key.key)
        return secret_key(decrypt(bytes(row.sealed), place=place_of(row.pk, issuer)), kid=row.kid)
    except (DecryptionError, UnusableKeyError) as error:
        # One key that does not open must not take the issuer's others with it.
        log.error("player_key.unusable", key=str(row.pk), issuer=str(issuer.pk), reason=str(error))
        return None


# Replaced entry by entry and read without a lock: an entry is immutable, and its version says whether it may be used.
_remembered: Final[dict[UUID, IssuerRules]] = {}
