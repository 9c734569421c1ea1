"""What every act on an issuer of player tokens begins and ends with: its row, locked; its new version; its ledger row."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core.principals import Actor, Environment
from surfaces.models.players import JwksCache, KeySource, PlayerIssuer
from surfaces.players.errors import PlayerIssuerNotFoundError, PlayerKeyConflictError
from surfaces.players.policy import IssuerIdentity
from surfaces.players.versions import new_version


def find_issuer_row(issuer_id: UUID) -> PlayerIssuer:
    """Find an issuer by its id.

    Raises: PlayerIssuerNotFoundError.
    """
    issuer = PlayerIssuer.objects.select_related("partner").filter(pk=issuer_id).first()
    if issuer is None:
        raise PlayerIssuerNotFoundError
    return issuer


def locked_issuer(issuer_id: UUID) -> PlayerIssuer:
    """Find an issuer and hold its row until the transaction ends: acts on one issuer happen one after the other.

    Raises: PlayerIssuerNotFoundError.
    """
    issuer = PlayerIssuer.objects.select_for_update(no_key=True).filter(pk=issuer_id).first()
    if issuer is None:
        raise PlayerIssuerNotFoundError
    return issuer


def touch(issuer: PlayerIssuer) -> None:
    """Give an issuer a new version, so that no process goes on with what it remembers."""
    issuer.version = new_version()
    PlayerIssuer.objects.filter(pk=issuer.pk).update(version=issuer.version, updated_at=Now())


def locked_key_set(issuer: PlayerIssuer) -> JwksCache:
    """Hold the row of an issuer's key set.

    Raises: PlayerKeyConflictError when its keys do not come from a URL.
    """
    cache = JwksCache.objects.select_for_update().filter(pk=issuer.pk).first()
    if cache is None:
        raise PlayerKeyConflictError("This issuer's keys do not come from a URL.", reason="no_key_set")
    return cache


def identity_of(issuer: PlayerIssuer) -> IssuerIdentity:
    """What an issuer is, for good."""
    return IssuerIdentity(Environment(issuer.environment), issuer.iss, KeySource(issuer.key_source))


def record_issuer(
    event: EventType, issuer: PlayerIssuer, actor: Actor, *, reason: str = "", data: Mapping[str, object] | None = None
) -> None:
    """Write the ledger row of an act on an issuer, inside the act's transaction."""
    subject = ("player_issuer", str(issuer.pk))
    record(Act(event, actor, issuer.partner_id, issuer.environment, *subject, reason, data or {}))
