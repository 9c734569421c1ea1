"""The life of an issuer of player tokens: register, change, disable, enable."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from audit.events import EventType
from core.principals import Actor
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from surfaces.models.players import JwksCache, KeySource, PlayerIssuer
from surfaces.players.errors import PlayerIssuerExistsError
from surfaces.players.policy import IssuerIdentity, IssuerPolicy, as_json, check_policy
from surfaces.players.versions import new_version
from surfaces.services.player_keys import NewKey, place_key
from surfaces.services.player_rows import find_issuer_row, identity_of, locked_issuer, locked_key_set, record_issuer, touch


def register_issuer(
    partner_id: UUID, *, identity: IssuerIdentity, policy: IssuerPolicy, key: NewKey | None = None, actor: Actor
) -> PlayerIssuer:
    """Register an issuer, with its first key where its keys are given to us. Nothing is fetched.

    Raises: PartnerNotFoundError; InvalidRequestError naming each wrong field; PlayerKeyRejectedError; PlayerIssuerExistsError.
    """
    check_policy(identity, policy)
    if not Partner.objects.filter(pk=partner_id).exists():
        raise PartnerNotFoundError
    issuer = PlayerIssuer(
        partner_id=partner_id,
        environment=identity.environment.value,
        iss=identity.iss,
        key_source=identity.key_source.value,
        version=new_version(),
        created_by=actor.label or actor.id,
        **policy.columns(),
    )
    with transaction.atomic():
        _save(issuer)
        if identity.key_source is KeySource.JWKS:
            JwksCache.objects.create(issuer=issuer, version=new_version())
        data = as_json({"iss": issuer.iss, "key_source": issuer.key_source, **policy.columns()})
        record_issuer(EventType.PLAYER_ISSUER_REGISTERED, issuer, actor, data=data)
        if key is not None:
            place_key(issuer, key=key, actor=actor)
    return find_issuer_row(issuer.pk)


def update_issuer(issuer_id: UUID, *, policy: IssuerPolicy, reason: str = "", actor: Actor) -> PlayerIssuer:
    """Change what an issuer's tokens must look like; from the next token on, in every process.

    Another key set URL means other keys: those fetched from the old one are not used again.
    Raises: PlayerIssuerNotFoundError; InvalidRequestError; PlayerIssuerExistsError.
    """
    with transaction.atomic():
        issuer = locked_issuer(issuer_id)
        check_policy(identity_of(issuer), policy)
        wanted = policy.columns()
        before = {name: getattr(issuer, name) for name, value in wanted.items() if getattr(issuer, name) != value}
        if before:
            _change(issuer, wanted)
            if "jwks_url" in before:
                _forget_keys(issuer)
            data = as_json({"before": before, "after": {name: wanted[name] for name in before}})
            record_issuer(EventType.PLAYER_ISSUER_UPDATED, issuer, actor, reason=reason, data=data)
    return find_issuer_row(issuer_id)


def disable_issuer(issuer_id: UUID, *, reason: str, actor: Actor) -> PlayerIssuer:
    """Refuse an issuer's tokens from the next request on; sessions they opened end with it. Safe to call twice.

    Raises: PlayerIssuerNotFoundError.
    """
    with transaction.atomic():
        issuer = locked_issuer(issuer_id)
        if issuer.is_enabled:
            PlayerIssuer.objects.filter(pk=issuer.pk).update(disabled_at=Now())
            touch(issuer)
            record_issuer(EventType.PLAYER_ISSUER_DISABLED, issuer, actor, reason=reason)
    return find_issuer_row(issuer_id)


def enable_issuer(issuer_id: UUID, *, reason: str, actor: Actor) -> PlayerIssuer:
    """Accept a disabled issuer's tokens again. Safe to call twice.

    Raises: PlayerIssuerNotFoundError.
    """
    with transaction.atomic():
        issuer = locked_issuer(issuer_id)
        if not issuer.is_enabled:
            PlayerIssuer.objects.filter(pk=issuer.pk).update(disabled_at=None)
            touch(issuer)
            record_issuer(EventType.PLAYER_ISSUER_ENABLED, issuer, actor, reason=reason)
    return find_issuer_row(issuer_id)


def _change(issuer: PlayerIssuer, columns: dict[str, object]) -> None:
    for name, value in columns.items():
        setattr(issuer, name, value)
    _save(issuer)
    touch(issuer)


def _forget_keys(issuer: PlayerIssuer) -> None:
    cache = locked_key_set(issuer)
    JwksCache.objects.filter(pk=issuer.pk).delete()
    JwksCache.objects.create(issuer=issuer, version=new_version(), dropped_kids=cache.dropped_kids)


def _save(issuer: PlayerIssuer) -> None:
    same = PlayerIssuer.objects.filter(partner_id=issuer.partner_id, iss=issuer.iss, audience=issuer.audience)
    if same.exclude(pk=issuer.pk).exists():
        raise PlayerIssuerExistsError
    try:
        with transaction.atomic():
            issuer.save()
    except IntegrityError as error:
        if not same.exclude(pk=issuer.pk).exists():
            raise
        raise PlayerIssuerExistsError from error
