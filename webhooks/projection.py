"""What a ledger row says to the partner it concerns: ids of theirs and ours, no names, nothing of the ledger's own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from audit.events import EventType
from core.errors import InvalidRequestError
from core.principals import ActorKind
from core.responses import iso
from core.strict_json import JsonObject
from organizations.models import Organization, Profile
from webhooks.canonical import serialise
from webhooks.catalogue import BY_LEDGER
from webhooks.schemas import EventDefinition

log = structlog.get_logger("sticker.webhooks")

_ACTORS: Final = {ActorKind.KEY: "partner", ActorKind.STAFF: "staff", ActorKind.SESSION: "user"}
_ALERTS: Final = {
    EventType.SESSION_REPLAYED: "session_replayed",
    EventType.SESSION_REFRESH_REUSED: "refresh_reused",
    EventType.SECRET_EXPOSED: "secret_exposed",
    EventType.LEAK_REPORTED: "leak_reported",
    EventType.PARTNER_EMERGENCY_REVOKED: "emergency_revoked",
}
_TOLD_OF_SYNC: Final[Mapping[EventType, tuple[str, ...]]] = {
    EventType.ORGANIZATION_SYNCED: ("changed", "users_added", "users_updated", "users_removed"),
    EventType.ORGANIZATION_SYNC_PAUSED: ("reason",),
    EventType.ORGANIZATION_SYNC_FAILING: ("reason",),
    EventType.ORGANIZATION_REAUTHORIZATION_REQUIRED: ("reason", "notice"),
}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger that partners may be told of. `environment` is empty where it concerns both."""

    id: int
    xid: int
    type: EventType
    recorded_at: datetime
    partner_id: UUID | None
    environment: str
    actor_kind: str
    subject_type: str
    subject_id: str
    data: Mapping[str, Any]

    @property
    def definition(self) -> EventDefinition:
        """The event this row is told as."""
        return BY_LEDGER[self.type]

    @property
    def by(self) -> str:
        """Who did it, as the partner sees it."""
        return _ACTORS.get(ActorKind(self.actor_kind), "service")


@dataclass(frozen=True, slots=True)
class People:
    """The partner's own ids of the users and organizations some rows speak of."""

    users: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    organizations: Mapping[str, str] = field(default_factory=dict)

    def of_profile(self, profile_id: object) -> JsonObject:
        """A user by our id and by theirs; theirs are null once the user is gone."""
        user_id, org_id = self.users.get(str(profile_id), (None, None))
        return {"profile_id": str(profile_id), "internal_user_id": user_id, "partner_org_id": org_id}


def find_people(rows: Iterable[LedgerRow]) -> People:
    """Look up whom a batch of rows speaks of, in at most two queries."""
    profiles = {found for row in rows if (found := _profile_id(row))}
    organizations = {row.subject_id for row in rows if row.subject_type == "organization"}
    users: dict[str, tuple[str | None, str]] = {}
    if profiles:
        found_users = Profile.objects.filter(pk__in=profiles).values_list("pk", "external_id", "organization__external_id")
        users = {str(pk): (user_id, org_id) for pk, user_id, org_id in found_users}
    names: dict[str, str] = {}
    if organizations:
        found_names = Organization.objects.filter(pk__in=organizations).values_list("pk", "external_id")
        names = {str(pk): name for pk, name in found_names}
    return People(users, names)


def public_data(row: LedgerRow, people: People) -> bytes:
    """The `data` of the event a row is told as, in the bytes that are signed.

    A row that does not look as expected is told with its subject alone: one odd row must not stop all that come after it.
    """
    try:
        return serialise(_PROJECTIONS[row.subject_type if row.type not in _ALERTS else "alert"](row, people))
    except (KeyError, TypeError, ValueError, InvalidRequestError) as error:
        log.error("event.reduced", ledger_event=row.id, type=row.type.value, error=type(error).__name__)
        return serialise({"subject_type": row.subject_type, "subject_id": row.subject_id})


def _profile_id(row: LedgerRow) -> str | None:
    if row.subject_type == "profile":
        return row.subject_id
    found = row.data.get("profile_id") if row.subject_type == "session" else None
    return str(found) if found else None


def _session(row: LedgerRow, people: People) -> JsonObject:
    return {"session_id": row.subject_id, **people.of_profile(row.data["profile_id"]), "by": row.by}


def _profile(row: LedgerRow, people: People) -> JsonObject:
    organization = {"organization_id": row.data["organization_id"]} if "organization_id" in row.data else {}
    return {**people.of_profile(row.subject_id), **organization, "by": row.by}


def _organization(row: LedgerRow, people: People) -> JsonObject:
    of_whom = {
        "organization_id": row.subject_id,
        "partner_org_id": people.organizations.get(row.subject_id),
        "by": row.by,
    }
    return {**of_whom, **{name: row.data[name] for name in _TOLD_OF_SYNC.get(row.type, ())}}


def _oauth_provider(row: LedgerRow, _people: People) -> JsonObject:
    reason = {"reason": row.data["reason"]} if row.type is EventType.OAUTH_PROVIDER_FAILING else {}
    return {"oauth_provider_id": row.subject_id, **reason}


def _key(row: LedgerRow, _people: People) -> JsonObject:
    data = row.data
    kid: JsonObject = {"kid": row.subject_id}
    match row.type:
        case EventType.KEY_ISSUED | EventType.KEY_IMPORTED:
            policy = {name: data[name] for name in ("name", "kind", "scopes", "networks")}
            return {**kid, **policy, "expires_at": _instant(data["expires_at"]), "by": row.by}
        case EventType.KEY_ROTATED:
            rotation = {"successor": data["successor"], "overlap_seconds": data["overlap_seconds"]}
            return {**kid, "by": row.by, **rotation}
        case EventType.KEY_REVOKED:
            return {**kid, "by": row.by, "reason": data["revoke_reason"]}
        case EventType.KEY_EXPIRY_WARNED:
            return {**kid, "days": data["days"], "expires_at": _instant(data["expires_at"])}
        case _:
            return {**kid, "by": row.by}


def _partner(row: LedgerRow, _people: People) -> JsonObject:
    return {"partner_id": str(row.partner_id)}


def _endpoint(row: LedgerRow, _people: People) -> JsonObject:
    if row.type is EventType.ENDPOINT_FAILING:
        return {"endpoint_id": row.subject_id, "reason": "failing", "failing_since": _instant(row.data["failing_since"])}
    return {"endpoint_id": row.subject_id, "reason": str(row.data.get("reason", ""))}


def _alert(row: LedgerRow, _people: People) -> JsonObject:
    kids = {"kids": [str(kid) for kid in row.data["kids"]]} if "kids" in row.data else {}
    return {"alert": _ALERTS[row.type], "subject_type": row.subject_type, "subject_id": row.subject_id, **kids}


def _instant(value: Any) -> str | None:
    return iso(datetime.fromisoformat(value)) if value else None


_PROJECTIONS: Final[dict[str, Callable[[LedgerRow, People], JsonObject]]] = {
    "session": _session,
    "profile": _profile,
    "organization": _organization,
    "oauth_provider": _oauth_provider,
    "key": _key,
    "partner": _partner,
    "endpoint": _endpoint,
    "alert": _alert,
}
