"""Bringing an issuer of player tokens to a described state in one act, for whoever describes it in a script."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from core.principals import Actor
from surfaces.models.players import Algorithm, JtiPolicy, KeySource, PlayerIssuer
from surfaces.players.issuers import read_rules
from surfaces.players.keys import UnusableKeyError, VerificationKey, read_public_key, stored_key
from surfaces.players.policy import IssuerIdentity, IssuerPolicy, audience_hint
from surfaces.services.player_issuers import register_issuer, update_issuer
from surfaces.services.player_keys import NewKey, add_key
from surfaces.services.player_rows import identity_of


@dataclass(frozen=True, slots=True)
class Configured:
    """An issuer as described, and what had to be done for it."""

    issuer: PlayerIssuer
    is_new: bool
    is_key_added: bool


def configure_issuer(
    partner_id: UUID, *, identity: IssuerIdentity, changes: Mapping[str, Any], key: NewKey | None, actor: Actor
) -> Configured:
    """Register the issuer with this `iss` and audience, or change the one there is, and see to it that it has a key.

    `changes` are fields of `IssuerPolicy`; what is not among them stays, or takes its default. A key that is there already is
    not added again. Safe to call twice.
    Raises: what `register_issuer`, `update_issuer` and `add_key` raise.
    """
    wanted = {"audience": audience_hint(identity), **changes}
    with transaction.atomic():
        known = _known(partner_id, identity, str(wanted["audience"]))
        if known is None:
            policy = _first_policy(identity, wanted)
            issuer = register_issuer(partner_id, identity=identity, policy=policy, key=key, actor=actor)
            return Configured(issuer, is_new=True, is_key_added=key is not None)
        issuer = update_issuer(known.pk, policy=replace(policy_of(known), **wanted), actor=actor)
        is_missing = key is not None and not _has_key(issuer, key)
        if key is not None and is_missing:
            add_key(issuer.pk, key=key, actor=actor)
    return Configured(issuer, is_new=False, is_key_added=is_missing)


def policy_of(issuer: PlayerIssuer) -> IssuerPolicy:
    """What of an issuer may change, as it is now."""
    columns = {field.name: getattr(issuer, field.name) for field in fields(IssuerPolicy)}
    columns["algorithms"] = [Algorithm(each) for each in issuer.algorithms]
    columns["jti_policy"] = JtiPolicy(issuer.jti_policy)
    return IssuerPolicy(**columns)


def _known(partner_id: UUID, identity: IssuerIdentity, audience: str) -> PlayerIssuer | None:
    row = PlayerIssuer.objects.filter(partner_id=partner_id, iss=identity.iss, audience=audience).first()
    # One of another environment or kind of key is another issuer: registering says that the name is taken.
    return row if row is not None and identity_of(row) == identity else None


def _first_policy(identity: IssuerIdentity, wanted: Mapping[str, Any]) -> IssuerPolicy:
    is_secret = identity.key_source is KeySource.SECRET
    usual = [Algorithm.HS256] if is_secret else [each for each in Algorithm if each is not Algorithm.HS256]
    return IssuerPolicy(**{"name": identity.iss[:120], "algorithms": usual, **wanted})


def _has_key(issuer: PlayerIssuer, key: NewKey) -> bool:
    return any(_is_same(held, key) for held in read_rules(issuer).keys)


def _is_same(held: VerificationKey, key: NewKey) -> bool:
    if key.secret is not None:
        return isinstance(held.key, bytes) and hmac.compare_digest(held.key, key.secret)
    try:
        found = read_public_key(key.public, kid=key.kid)
    except UnusableKeyError:
        return False
    return held.kid == found.kid and held.key == stored_key(found.jwk).key
