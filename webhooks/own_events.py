"""The events this service tells of itself: what each means to the partner concerned, and what its `data` holds.

`data` has ids, never names or addresses of people. A field may be added to a type; a change of what is there is a new version.
"""

from typing import Final

from audit.events import EventType
from core.strict_json import JsonObject
from webhooks.schemas import (
    COUNT,
    INSTANT,
    INSTANT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    UUID_TEXT,
    EventDefinition,
    JsonSchema,
    choice,
    described,
    record_of,
)

VERIFY: Final = "endpoint.verify"
SECRET_ROTATED: Final = "endpoint.secret_rotated"  # noqa: S105  # an event name

_SESSION_ID: Final = "5b1f0c52-7d0e-4f0a-9d6e-0f4f1f5b7a10"
_PROFILE_ID: Final = "0d2f6a9e-3b77-4c1d-8a50-6c1b2f9e4d31"
_ORGANIZATION_ID: Final = "9f8c5b1e-52a4-4e0b-b1c3-7a2d4e6f8091"
_PARTNER_ID: Final = "1c9d3a70-88f2-4e57-9b0c-2f5e7d1a6b43"
_ENDPOINT_ID: Final = "7e4a1f60-2c9b-4d38-8f15-3b6d9e0c5a72"
_KID: Final = "4fQ8sLw0ZkB2"
_BY: Final = described(choice("partner", "staff", "user", "service"), "Who did it; `partner` is one of your own API keys.")
_WHO: Final = {
    "profile_id": UUID_TEXT,
    "internal_user_id": described(TEXT_OR_NULL, "Your own id of the user."),
    "partner_org_id": described(TEXT_OR_NULL, "Your own id of the user's organization."),
}
_WHO_EXAMPLE: Final = {"profile_id": _PROFILE_ID, "internal_user_id": "user-1001", "partner_org_id": "org-42"}
_KEY_POLICY: Final = {
    "kid": described(TEXT, "The public id of the key."),
    "name": TEXT,
    "kind": choice("sk", "ak"),
    "scopes": TEXTS,
    "networks": TEXTS,
    "expires_at": INSTANT_OR_NULL,
    "by": _BY,
}
_KEY_POLICY_EXAMPLE: Final = {
    "kid": _KID,
    "name": "Backend",
    "kind": "sk",
    "scopes": ["organization:write", "session:create"],
    "networks": [],
    "expires_at": "2027-08-01T09:30:00.000Z",
    "by": "staff",
}
_KEY: Final = {"kid": described(TEXT, "The public id of the key."), "by": _BY}
_KEY_EXAMPLE: Final = {"kid": _KID, "by": "staff"}
_ORGANIZATION: Final = {
    "organization_id": UUID_TEXT,
    "partner_org_id": described(TEXT_OR_NULL, "Your own id of the organization."),
    "by": _BY,
}
_ORGANIZATION_EXAMPLE: Final = {"organization_id": _ORGANIZATION_ID, "partner_org_id": "org-42", "by": "partner"}
_WHY: Final = described(TEXT, "One of a closed list of names: invalid_grant, unauthorized, many_removed, …")
_SYNCED: Final = {
    **_ORGANIZATION,
    "changed": described(TEXTS, "`name`, `email`, `phone`, `billing`, `shipping`: what of the organization itself changed."),
    "users_added": COUNT,
    "users_updated": COUNT,
    "users_removed": COUNT,
}
_SYNCED_EXAMPLE: Final = {
    **_ORGANIZATION_EXAMPLE,
    "by": "service",
    "changed": ["phone"],
    "users_added": 2,
    "users_updated": 1,
    "users_removed": 0,
}
_TROUBLE: Final = {**_ORGANIZATION, "reason": _WHY}
_TROUBLE_EXAMPLE: Final = {**_ORGANIZATION_EXAMPLE, "by": "service", "reason": "forbidden"}
_PROVIDER: Final = {"oauth_provider_id": UUID_TEXT}
_PROVIDER_EXAMPLE: Final = {"oauth_provider_id": "b0c7d3e2-6a51-4f0e-9d38-5c2a7f1e8b64"}
_PROFILE: Final = {**_WHO, "organization_id": UUID_TEXT, "by": _BY}
_PROFILE_EXAMPLE: Final = {**_WHO_EXAMPLE, "organization_id": _ORGANIZATION_ID, "by": "partner"}
_ALERTS: Final = choice("session_replayed", "refresh_reused", "secret_exposed", "leak_reported", "emergency_revoked")


def _own(event: EventType, meaning: str, fields: dict[str, JsonSchema], example: JsonObject) -> EventDefinition:
    return EventDefinition(event.value, meaning, record_of(fields), example, ledger=(event,))


def _session(event: EventType, meaning: str) -> EventDefinition:
    fields = {"session_id": UUID_TEXT, **_WHO, "by": _BY}
    return _own(event, meaning, fields, {"session_id": _SESSION_ID, **_WHO_EXAMPLE, "by": "user"})


def _endpoint(event: EventType, meaning: str) -> EventDefinition:
    fields = {"endpoint_id": UUID_TEXT, "reason": TEXT}
    return _own(event, meaning, fields, {"endpoint_id": _ENDPOINT_ID, "reason": "gone"})


OWN_EVENTS: Final = (
    _session(EventType.SESSION_REDEEMED, "A user opened the embedded page and is signed in."),
    _session(EventType.SESSION_ENDED, "A user signed out."),
    _session(EventType.SESSION_REVOKED, "One session was revoked, by you or by staff."),
    _own(
        EventType.USER_SESSIONS_REVOKED,
        "All sessions of one user were revoked.",
        {**_WHO, "by": _BY},
        {**_WHO_EXAMPLE, "by": "partner"},
    ),
    _own(EventType.KEY_ISSUED, "An API key was issued to you.", _KEY_POLICY, _KEY_POLICY_EXAMPLE),
    _own(EventType.KEY_IMPORTED, "A key issued elsewhere was let in by its SHA-256.", _KEY_POLICY, _KEY_POLICY_EXAMPLE),
    _own(
        EventType.KEY_ROTATED,
        "A key got a successor; it works on until the overlap ends.",
        {**_KEY, "successor": TEXT, "overlap_seconds": COUNT},
        {**_KEY_EXAMPLE, "successor": "8bTn2Xc5VdR1", "overlap_seconds": 86400},
    ),
    _own(EventType.KEY_UPDATED, "A key's name or networks changed.", _KEY, _KEY_EXAMPLE),
    _own(EventType.KEY_PAUSED, "A key was paused and is refused until it is resumed.", _KEY, _KEY_EXAMPLE),
    _own(EventType.KEY_RESUMED, "A paused key works again.", _KEY, _KEY_EXAMPLE),
    _own(
        EventType.KEY_REVOKED,
        "A key was revoked for good, with every session made by it.",
        {**_KEY, "reason": described(TEXT, "`compromise`, `superseded`, `cessation_of_operation`, …")},
        {**_KEY_EXAMPLE, "reason": "superseded"},
    ),
    EventDefinition(
        "key.expiring",
        "A key comes close to its expiry: 30, 7 and 1 days before.",
        record_of({"kid": TEXT, "days": COUNT, "expires_at": INSTANT}),
        {"kid": _KID, "days": 7, "expires_at": "2027-08-01T09:30:00.000Z"},
        ledger=(EventType.KEY_EXPIRY_WARNED,),
    ),
    _own(EventType.ORGANIZATION_CREATED, "An organization was set up.", _ORGANIZATION, _ORGANIZATION_EXAMPLE),
    _own(EventType.ORGANIZATION_UPDATED, "An organization's data changed.", _ORGANIZATION, _ORGANIZATION_EXAMPLE),
    _own(EventType.PROFILE_CREATED, "A user was added to an organization.", _PROFILE, _PROFILE_EXAMPLE),
    _own(EventType.PROFILE_UPDATED, "A user's data changed.", _PROFILE, _PROFILE_EXAMPLE),
    _own(
        EventType.PROFILE_REMOVED, "A user was removed; their sessions ended.", _PROFILE, {**_PROFILE_EXAMPLE, "by": "service"}
    ),
    _own(
        EventType.OAUTH_PROVIDER_FAILING,
        "Your OAuth provider refuses our client: none of your organizations are synced until that is put right.",
        {**_PROVIDER, "reason": _WHY},
        {**_PROVIDER_EXAMPLE, "reason": "invalid_client"},
    ),
    _own(EventType.OAUTH_PROVIDER_RECOVERED, "Your OAuth provider accepts our client again.", _PROVIDER, _PROVIDER_EXAMPLE),
    _own(
        EventType.ORGANIZATION_CONNECTED,
        "An organization's OAuth tokens were handed over; it is kept in sync from now on.",
        _ORGANIZATION,
        _ORGANIZATION_EXAMPLE,
    ),
    _own(
        EventType.ORGANIZATION_DISCONNECTED,
        "An organization was disconnected; its OAuth tokens were given up.",
        _ORGANIZATION,
        _ORGANIZATION_EXAMPLE,
    ),
    _own(EventType.ORGANIZATION_SYNCED, "A sync changed an organization, its addresses or users.", _SYNCED, _SYNCED_EXAMPLE),
    _own(
        EventType.ORGANIZATION_SYNC_PAUSED,
        "A sync waits for our staff: it would have removed too many users, or they paused it.",
        _TROUBLE,
        {**_TROUBLE_EXAMPLE, "reason": "many_removed"},
    ),
    _own(
        EventType.ORGANIZATION_SYNC_RESUMED, "A paused sync goes on.", _ORGANIZATION, {**_ORGANIZATION_EXAMPLE, "by": "staff"}
    ),
    _own(
        EventType.ORGANIZATION_SYNC_FAILING,
        "An organization cannot be synced until somebody looks at it.",
        _TROUBLE,
        _TROUBLE_EXAMPLE,
    ),
    _own(
        EventType.ORGANIZATION_SYNC_RECOVERED,
        "A failing organization is synced again.",
        _ORGANIZATION,
        {**_ORGANIZATION_EXAMPLE, "by": "service"},
    ),
    _own(
        EventType.ORGANIZATION_REAUTHORIZATION_REQUIRED,
        "An organization's OAuth grant has ended: have it authorized again. Told at once, after a day and after a week.",
        {**_TROUBLE, "notice": described(COUNT, "1 at once, 2 after a day, 3 after a week.")},
        {**_TROUBLE_EXAMPLE, "reason": "invalid_grant", "notice": 1},
    ),
    _own(
        EventType.PARTNER_SUSPENDED,
        "Your account was suspended: keys and sessions are refused.",
        {"partner_id": UUID_TEXT},
        {"partner_id": _PARTNER_ID},
    ),
    _own(
        EventType.PARTNER_REACTIVATED,
        "Your suspended account was let in again.",
        {"partner_id": UUID_TEXT},
        {"partner_id": _PARTNER_ID},
    ),
    EventDefinition(
        "security.alert",
        "Something wants your attention: a session token or refresh handle was used twice, a key stood in a URL, a"
        " credential was reported as leaked and ended, or all keys were revoked in an emergency.",
        record_of({"alert": _ALERTS, "subject_type": TEXT, "subject_id": TEXT, "kids": TEXTS}, optional=("kids",)),
        {"alert": "secret_exposed", "subject_type": "key", "subject_id": _KID},
        ledger=(
            EventType.SESSION_REPLAYED,
            EventType.SESSION_REFRESH_REUSED,
            EventType.SECRET_EXPOSED,
            EventType.LEAK_REPORTED,
            EventType.PARTNER_EMERGENCY_REVOKED,
        ),
    ),
    _own(
        EventType.ENDPOINT_FAILING,
        "Nothing could be delivered to one of your webhook endpoints for hours.",
        {"endpoint_id": UUID_TEXT, "reason": TEXT, "failing_since": INSTANT},
        {"endpoint_id": _ENDPOINT_ID, "reason": "failing", "failing_since": "2027-08-01T09:30:00.000Z"},
    ),
    _endpoint(EventType.ENDPOINT_RECOVERED, "A failing webhook endpoint takes deliveries again."),
    _endpoint(EventType.ENDPOINT_DISABLED, "A webhook endpoint was disabled; its deliveries wait."),
    _endpoint(EventType.ENDPOINT_ENABLED, "A disabled webhook endpoint was enabled again."),
    EventDefinition(
        VERIFY,
        "Sent to a new endpoint or a new URL; any 2xx proves that it is yours.",
        record_of({"endpoint_id": UUID_TEXT, "challenge": TEXT}),
        {"endpoint_id": _ENDPOINT_ID, "challenge": "q8Zt3xYb0Lr7mVn2Kc5sPd9f"},
    ),
    EventDefinition(
        SECRET_ROTATED,
        "Signed with a new secret alone; any 2xx proves that you know it, and it takes over.",
        record_of({"endpoint_id": UUID_TEXT, "secret_id": UUID_TEXT}),
        {"endpoint_id": _ENDPOINT_ID, "secret_id": "c2a5e8b1-4d70-4f96-a3c8-1e6b9d2f7045"},
    ),
)
