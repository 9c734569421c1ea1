"""The keys of issuers of player tokens: add, retire, fetch a key set now, drop one of its keys, let it count again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from core.encryption import encrypt
from core.errors import NotFoundError
from core.principals import Actor
from surfaces.models.players import MAX_KID_CHARS, Algorithm, JwksCache, KeySource, PlayerIssuer, PlayerKey
from surfaces.players.errors import PlayerKeyConflictError, PlayerKeyRejectedError
from surfaces.players.issuers import place_of, read_rules
from surfaces.players.jwks import BACKGROUND_SECONDS, Refreshed, Went, Why, refresh
from surfaces.players.keys import UnusableKeyError, read_public_key, secret_key
from surfaces.players.versions import new_version
from surfaces.services.player_rows import find_issuer_row, locked_issuer, locked_key_set, record_issuer, touch

MAX_LIVE_KEYS: Final = 5
MAX_DROPPED_KIDS: Final = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as staff give it: exactly one of a shared secret's bytes and the text of a public key (PEM or JWK)."""

    kid: str = ""
    secret: bytes | None = field(default=None, repr=False)
    public: str = field(default="", repr=False)


def add_key(issuer_id: UUID, *, key: NewKey, reason: str = "", actor: Actor) -> PlayerKey:
    """Add a key beside those an issuer has, so that it can rotate; each stays until it is retired.

    Raises: PlayerIssuerNotFoundError; PlayerKeyRejectedError; PlayerKeyConflictError when there are too many, or the key's id
    is taken.
    """
    with transaction.atomic():
        issuer = locked_issuer(issuer_id)
        made = place_key(issuer, key=key, reason=reason, actor=actor)
        touch(issuer)
    return made


def place_key(issuer: PlayerIssuer, *, key: NewKey, reason: str = "", actor: Actor) -> PlayerKey:
    """Write down a key of an issuer, inside a transaction that holds its row.

    Raises: PlayerKeyRejectedError; PlayerKeyConflictError.
    """
    row = _made(issuer, key)
    row.created_by = actor.label or actor.id
    live = PlayerKey.objects.filter(issuer=issuer, retired_at=None)
    if live.count() >= MAX_LIVE_KEYS:
        raise PlayerKeyConflictError(f"An issuer has at most {MAX_LIVE_KEYS} live keys. Retire one first.")
    if row.kid and live.filter(kid=row.kid).exists():
        raise PlayerKeyConflictError("A live key of this issuer has this id already.")
    row.save(force_insert=True)
    data = {"key": str(row.pk), "kid": row.kid, "algorithm": row.algorithm}
    record_issuer(EventType.PLAYER_KEY_ADDED, issuer, actor, reason=reason, data=data)
    return row


def retire_key(issuer_id: UUID, *, key_id: UUID, reason: str, actor: Actor) -> bool:
    """End a key: what it signed is refused from the next request on. Tell whether it was live.

    Raises: PlayerIssuerNotFoundError; NotFoundError when the issuer has no such key.
    """
    with transaction.atomic():
        issuer = locked_issuer(issuer_id)
        key = PlayerKey.objects.filter(pk=key_id, issuer=issuer).first()
        if key is None:
            raise NotFoundError("This issuer has no such key.", reason="player_key")
        retired = PlayerKey.objects.filter(pk=key.pk, retired_at=None).update(retired_at=Now())
        if retired:
            touch(issuer)
            data = {"key": str(key.pk), "kid": key.kid, "algorithm": key.algorithm}
            record_issuer(EventType.PLAYER_KEY_RETIRED, issuer, actor, reason=reason, data=data)
    return bool(retired)


def fetch_now(issuer_id: UUID, *, actor: Actor) -> Refreshed:
    """Fetch an issuer's key set now, whatever the bounds say, and tell how it went.

    Raises: PlayerIssuerNotFoundError; PlayerKeyConflictError when it has none, or another process is fetching it.
    """
    issuer = find_issuer_row(issuer_id)
    if issuer.key_source != KeySource.JWKS:
        raise PlayerKeyConflictError("This issuer's keys do not come from a URL.", reason="no_key_set")
    done = refresh(read_rules(issuer), why=Why.STAFF, seconds=BACKGROUND_SECONDS)
    if done.went is Went.BUSY:
        raise PlayerKeyConflictError("The key set is being fetched at this moment. Look again in a few seconds.")
    names = [key.name for key in done.key_set.keys] if done.key_set else []
    with transaction.atomic():
        data = {"keys": names, "failure": done.failure}
        record_issuer(EventType.PLAYER_KEYS_FETCHED, issuer, actor, data=data)
    return done


def drop_kid(issuer_id: UUID, *, kid: str, reason: str, actor: Actor) -> bool:
    """Refuse one key of a key set from the next request on, in every process, whether or not the set still holds it.

    `kid` is the key's id, or its thumbprint where it has none. Tell whether it counted until now.
    Raises: PlayerIssuerNotFoundError; PlayerKeyConflictError.
    """
    if not 0 < len(kid) <= MAX_KID_CHARS or not kid.isprintable():
        raise PlayerKeyRejectedError(f"A key's id is a text of 1 to {MAX_KID_CHARS} printable characters.")

    def drop(dropped: list[str]) -> list[str]:
        if len(dropped) >= MAX_DROPPED_KIDS:
            raise PlayerKeyConflictError(f"At most {MAX_DROPPED_KIDS} keys are kept as dropped. Restore one first.")
        return [*dropped, kid] if kid not in dropped else dropped

    return _change_dropped(issuer_id, drop, EventType.PLAYER_KID_DROPPED, kid=kid, reason=reason, actor=actor)


def restore_kid(issuer_id: UUID, *, kid: str, reason: str, actor: Actor) -> bool:
    """Let a dropped key of a key set count again, where the set holds it. Tell whether it was dropped.

    Raises: PlayerIssuerNotFoundError; PlayerKeyConflictError.
    """

    def restore(dropped: list[str]) -> list[str]:
        return [each for each in dropped if each != kid]

    return _change_dropped(issuer_id, restore, EventType.PLAYER_KID_RESTORED, kid=kid, reason=reason, actor=actor)


def _change_dropped(
    issuer_id: UUID, change: Callable[[list[str]], list[str]], event: EventType, *, kid: str, reason: str, actor: Actor
) -> bool:
    with transaction.atomic():
        issuer = locked_issuer(issuer_id)
        cache = locked_key_set(issuer)
        dropped = change(list(cache.dropped_kids))
        if dropped == cache.dropped_kids:
            return False
        JwksCache.objects.filter(pk=issuer.pk).update(dropped_kids=dropped, version=new_version())
        record_issuer(event, issuer, actor, reason=reason, data={"kid": kid})
    return True


def _made(issuer: PlayerIssuer, key: NewKey) -> PlayerKey:
    source = KeySource(issuer.key_source)
    if source is KeySource.JWKS:
        raise PlayerKeyRejectedError("This issuer's keys come from its key set URL.")
    if (key.secret is None) is (source is KeySource.SECRET):
        raise PlayerKeyRejectedError(f"This issuer's key is a {source.label.lower().removesuffix('s')}.")
    try:
        return _sealed(issuer, key) if key.secret is not None else _public(issuer, key)
    except UnusableKeyError as error:
        raise PlayerKeyRejectedError(error.sentence) from error


def _sealed(issuer: PlayerIssuer, key: NewKey) -> PlayerKey:
    secret = key.secret or b""
    made = secret_key(secret, kid=_checked(key.kid))
    row_id = uuid4()
    sealed = encrypt(secret, place=place_of(row_id, issuer))
    return PlayerKey(id=row_id, issuer=issuer, kid=made.kid, algorithm=Algorithm.HS256.value, sealed=sealed)


def _public(issuer: PlayerIssuer, key: NewKey) -> PlayerKey:
    found = read_public_key(key.public, kid=_checked(key.kid))
    if found.algorithm not in issuer.algorithms:
        raise UnusableKeyError(f"this is a key for {found.algorithm.value}, which this issuer may not sign with")
    return PlayerKey(issuer=issuer, kid=_checked(found.kid), algorithm=found.algorithm.value, jwk=dict(found.jwk))


def _checked(kid: str) -> str:
    if len(kid) > MAX_KID_CHARS or not kid.isprintable():
        raise UnusableKeyError(f"the key's id has at most {MAX_KID_CHARS} printable characters")
    return kid
