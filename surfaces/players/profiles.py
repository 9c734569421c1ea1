"""From a proven token to a profile: found with the issuer, made where the partner allows it, and kept current."""

from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.principals import Actor, ActorKind, RequestContext
from organizations.services.players import PlayerDetails, PlayerHome, ensure_player, update_player
from surfaces.players.checks import Case, claim_at, subject_of
from surfaces.players.issuers import Sighting
from surfaces.players.token import FlawError, Step

_MAX_EMAIL_CHARS: Final = 254
_MAX_NAME_CHARS: Final = 100


class PlayerProfile:
    """The profile a token stands for."""

    __slots__ = ("epoch", "id")

    def __init__(self, profile_id: UUID, epoch: int) -> None:
        self.id = profile_id
        self.epoch = epoch


def profile_of(case: Case, sighting: Sighting, *, context: RequestContext) -> PlayerProfile:
    """Find or make the profile of a proven token's player. A known player whose data did not change costs nothing.

    Raises: FlawError for a player who was removed, or is unknown where none may be made.
    """
    player, actor = details_of(case), _actor(case, context)
    if sighting.profile_is_removed:
        raise FlawError(Step.PLAYER, "The partner removed this user.")
    if sighting.profile_id is not None:
        if _differs(player, sighting):
            update_player(sighting.profile_id, told=player.told(), actor=actor)
        return PlayerProfile(sighting.profile_id, sighting.profile_epoch or 0)
    if not case.rules.allows_profile_creation:
        raise FlawError(Step.PLAYER, "No profile has this id, and this issuer's tokens may not make one.")
    home = PlayerHome(case.rules.partner_id, case.rules.environment, case.rules.organization_external_id)
    profile = ensure_player(home, player=player, actor=actor)
    if profile.removed_at is not None:
        raise FlawError(Step.PLAYER, "The partner removed this user.")
    return PlayerProfile(profile.pk, profile.auth_epoch)


def details_of(case: Case) -> PlayerDetails:
    """What a token tells of its player. A name or an e-mail address that is none is passed over, not refused.

    `given_name` and `family_name` (OpenID Connect Core §5.1) win over a whole name, which is parted at its first space.
    """
    rules, claims = case.rules, case.claims
    first = last = ""
    if rules.name_claim:
        whole = _name(claim_at(claims, rules.name_claim))
        first, _, last = whole.partition(" ")
        given, family = _name(claims.get("given_name")), _name(claims.get("family_name"))
        if given or family:
            first, last = given, family
    email = claim_at(claims, rules.email_claim) if rules.email_claim else None
    return PlayerDetails(subject_of(case), first[:_MAX_NAME_CHARS], last.strip()[:_MAX_NAME_CHARS], _email(email))


def _differs(player: PlayerDetails, sighting: Sighting) -> bool:
    known = {"first_name": sighting.first_name, "last_name": sighting.last_name, "email": sighting.email}
    return any(known[name] != value for name, value in player.told().items())


def _name(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isprintable() and len(text) <= 2 * _MAX_NAME_CHARS else ""


def _email(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        validate_email(text)
    except ValidationError:
        return ""
    return text if len(text) <= _MAX_EMAIL_CHARS else ""


def _actor(case: Case, context: RequestContext) -> Actor:
    return Actor(ActorKind.SYSTEM, f"issuer {case.rules.id}", case.rules.name, context)
