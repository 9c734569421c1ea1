"""The closed list of what the ledger can say: `noun.past_tense`, with a severity and a sentence for the reader."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


class EventType(StrEnum):
    PARTNER_CREATED = "partner.created"
    PARTNER_UPDATED = "partner.updated"
    PARTNER_SUSPENDED = "partner.suspended"
    PARTNER_REACTIVATED = "partner.reactivated"
    PARTNER_EMERGENCY_REVOKED = "partner.emergency_revoked"
    KEY_ISSUED = "key.issued"
    KEY_IMPORTED = "key.imported"
    KEY_ROTATED = "key.rotated"
    KEY_UPDATED = "key.updated"
    KEY_PAUSED = "key.paused"
    KEY_RESUMED = "key.resumed"
    KEY_REVOKED = "key.revoked"
    KEY_EXPIRY_WARNED = "key.expiry_warned"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_UPDATED = "organization.updated"
    PROFILE_CREATED = "profile.created"
    PROFILE_UPDATED = "profile.updated"
    PROFILE_REMOVED = "profile.removed"
    OAUTH_PROVIDER_CONFIGURED = "oauth_provider.configured"
    OAUTH_PROVIDER_FAILING = "oauth_provider.failing"
    OAUTH_PROVIDER_RECOVERED = "oauth_provider.recovered"
    ORGANIZATION_CONNECT_LINK_MADE = "organization.connect_link_made"
    ORGANIZATION_CONNECTED = "organization.connected"
    ORGANIZATION_DISCONNECTED = "organization.disconnected"
    ORGANIZATION_SYNC_REQUESTED = "organization.sync_requested"
    ORGANIZATION_SYNCED = "organization.synced"
    ORGANIZATION_SYNC_PAUSED = "organization.sync_paused"
    ORGANIZATION_SYNC_RESUMED = "organization.sync_resumed"
    ORGANIZATION_SYNC_FAILING = "organization.sync_failing"
    ORGANIZATION_SYNC_RECOVERED = "organization.sync_recovered"
    ORGANIZATION_REAUTHORIZATION_REQUIRED = "organization.reauthorization_required"
    SESSION_CREATED = "session.created"
    SESSION_REDEEMED = "session.redeemed"
    SESSION_REPLAYED = "session.replayed"
    SESSION_REFRESH_REUSED = "session.refresh_reused"
    SESSION_ENDED = "session.ended"
    SESSION_REVOKED = "session.revoked"
    USER_SESSIONS_REVOKED = "user.sessions_revoked"
    REFUSAL_COUNTED = "refusal.counted"
    SECRET_EXPOSED = "secret.exposed"  # noqa: S105  # an event name
    LEAK_REPORTED = "leak.reported"
    ENDPOINT_CREATED = "endpoint.created"
    ENDPOINT_UPDATED = "endpoint.updated"
    ENDPOINT_VERIFICATION_SENT = "endpoint.verification_sent"
    ENDPOINT_VERIFIED = "endpoint.verified"
    ENDPOINT_PAUSED = "endpoint.paused"
    ENDPOINT_RESUMED = "endpoint.resumed"
    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_ENABLED = "endpoint.enabled"
    ENDPOINT_DELETED = "endpoint.deleted"
    ENDPOINT_TESTED = "endpoint.tested"
    ENDPOINT_ROTATION_STARTED = "endpoint.rotation_started"
    ENDPOINT_SECRET_ROTATED = "endpoint.secret_rotated"  # noqa: S105  # an event name
    DELIVERY_REPLAYED = "delivery.replayed"
    DELIVERY_QUARANTINED = "delivery.quarantined"
    EVENT_PUBLISHED = "event.published"
    SURFACE_UPDATED = "surface.updated"
    ROUTE_CREATED = "route.created"
    ROUTE_UPDATED = "route.updated"
    GATEWAY_POLICY_UPDATED = "gateway_policy.updated"
    ENTITLEMENT_GRANTED = "entitlement.granted"
    ENTITLEMENT_WITHDRAWN = "entitlement.withdrawn"
    TENANT_HOST_ADDED = "tenant_host.added"
    TENANT_HOST_REMOVED = "tenant_host.removed"
    TENANT_ORDER_CREATED = "tenant_order.created"
    TENANT_PAYMENT_CREATED = "tenant_payment.created"
    PLAYER_ISSUER_REGISTERED = "player_issuer.registered"
    PLAYER_ISSUER_UPDATED = "player_issuer.updated"
    PLAYER_ISSUER_DISABLED = "player_issuer.disabled"
    PLAYER_ISSUER_ENABLED = "player_issuer.enabled"
    PLAYER_KEY_ADDED = "player_key.added"
    PLAYER_KEY_RETIRED = "player_key.retired"
    PLAYER_KEYS_FETCHED = "player_keys.fetched"
    PLAYER_KEYS_STALE = "player_keys.stale"
    PLAYER_KEYS_RECOVERED = "player_keys.recovered"
    PLAYER_KID_DROPPED = "player_kid.dropped"
    PLAYER_KID_RESTORED = "player_kid.restored"
    TOKEN_ISSUED = "token.issued"  # noqa: S105  # an event name
    LOGIN_ENDED = "login.ended"
    LOGIN_REVOKED = "login.revoked"
    LOGIN_REFRESH_REUSED = "login.refresh_reused"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    ACCOUNT_PASSWORD_SET = "account.password_set"  # noqa: S105  # an event name
    ACCOUNT_SECRET_ISSUED = "account.secret_issued"  # noqa: S105  # an event name
    ACCOUNT_SECRET_REVOKED = "account.secret_revoked"  # noqa: S105  # an event name
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_TOKENS_REVOKED = "account.tokens_revoked"  # an event name
    LOGIN_POLICY_CHANGED = "login_policy.changed"
    RING_ROTATED = "ring.rotated"
    RING_RETIRED = "ring.retired"
    SECRETS_REENCRYPTED = "secrets.reencrypted"
    PURGE_COMPLETED = "purge.completed"
    LEDGER_EXPORTED = "ledger.exported"


@dataclass(frozen=True, slots=True)
class EventNote:
    """What one event type means, and how much attention it wants."""

    severity: Severity
    meaning: str


NOTES: Final[dict[EventType, EventNote]] = {
    EventType.PARTNER_CREATED: EventNote(Severity.INFO, "Staff created a partner."),
    EventType.PARTNER_UPDATED: EventNote(Severity.NOTICE, "A partner's name, origins, contacts or limits changed."),
    EventType.PARTNER_SUSPENDED: EventNote(Severity.WARNING, "A partner was suspended; its keys and sessions are refused."),
    EventType.PARTNER_REACTIVATED: EventNote(Severity.NOTICE, "A suspended partner was let in again."),
    EventType.PARTNER_EMERGENCY_REVOKED: EventNote(
        Severity.CRITICAL, "Every key and session of a partner was revoked in one act."
    ),
    EventType.KEY_ISSUED: EventNote(Severity.NOTICE, "An API key was issued."),
    EventType.KEY_IMPORTED: EventNote(Severity.NOTICE, "A key issued elsewhere was imported by its SHA-256."),
    EventType.KEY_ROTATED: EventNote(Severity.NOTICE, "A successor was issued; the old key works until the overlap ends."),
    EventType.KEY_UPDATED: EventNote(Severity.NOTICE, "A key's name, networks or limits changed."),
    EventType.KEY_PAUSED: EventNote(Severity.WARNING, "A key was paused and can be resumed."),
    EventType.KEY_RESUMED: EventNote(Severity.NOTICE, "A paused key works again."),
    EventType.KEY_REVOKED: EventNote(Severity.WARNING, "A key was revoked for good, with everything made by it."),
    EventType.KEY_EXPIRY_WARNED: EventNote(Severity.NOTICE, "A key comes close to its expiry."),
    EventType.ORGANIZATION_CREATED: EventNote(Severity.INFO, "A partner set up an organization."),
    EventType.ORGANIZATION_UPDATED: EventNote(Severity.INFO, "An organization's data changed."),
    EventType.PROFILE_CREATED: EventNote(Severity.INFO, "A user of an organization was added."),
    EventType.PROFILE_UPDATED: EventNote(Severity.INFO, "A user's data changed."),
    EventType.PROFILE_REMOVED: EventNote(Severity.NOTICE, "A user was removed from an organization; their sessions ended."),
    EventType.OAUTH_PROVIDER_CONFIGURED: EventNote(
        Severity.NOTICE, "Where a partner's organizations are synced from, and how, was set or changed."
    ),
    EventType.OAUTH_PROVIDER_FAILING: EventNote(
        Severity.WARNING, "A partner's OAuth provider refuses our client; none of its organizations are synced."
    ),
    EventType.OAUTH_PROVIDER_RECOVERED: EventNote(Severity.NOTICE, "A partner's OAuth provider accepts our client again."),
    EventType.ORGANIZATION_CONNECT_LINK_MADE: EventNote(
        Severity.INFO, "A link was made by which a person may connect an organization to its provider."
    ),
    EventType.ORGANIZATION_CONNECTED: EventNote(Severity.NOTICE, "An organization's OAuth tokens were handed over to us."),
    EventType.ORGANIZATION_DISCONNECTED: EventNote(
        Severity.NOTICE, "An organization was disconnected from its provider; its OAuth tokens were given up."
    ),
    EventType.ORGANIZATION_SYNC_REQUESTED: EventNote(Severity.INFO, "A sync of an organization was asked for."),
    EventType.ORGANIZATION_SYNCED: EventNote(Severity.INFO, "A sync changed an organization, its addresses or its users."),
    EventType.ORGANIZATION_SYNC_PAUSED: EventNote(
        Severity.WARNING, "An organization's sync was paused, by staff or because it would have removed too many users."
    ),
    EventType.ORGANIZATION_SYNC_RESUMED: EventNote(Severity.NOTICE, "Staff let a paused sync go on."),
    EventType.ORGANIZATION_SYNC_FAILING: EventNote(
        Severity.WARNING, "An organization cannot be synced until somebody looks at it."
    ),
    EventType.ORGANIZATION_SYNC_RECOVERED: EventNote(Severity.NOTICE, "A failing organization is synced again."),
    EventType.ORGANIZATION_REAUTHORIZATION_REQUIRED: EventNote(
        Severity.WARNING,
        "An organization's OAuth grant has ended; it must be authorized again. Told at once, after a day and a week.",
    ),
    EventType.SESSION_CREATED: EventNote(Severity.INFO, "A handshake made a one-time session token for a user."),
    EventType.SESSION_REDEEMED: EventNote(Severity.INFO, "A session token was redeemed; the user is signed in."),
    EventType.SESSION_REPLAYED: EventNote(Severity.WARNING, "A redeemed session token was presented again by someone else."),
    EventType.SESSION_REFRESH_REUSED: EventNote(Severity.WARNING, "An outdated refresh handle came back; the session ended."),
    EventType.SESSION_ENDED: EventNote(Severity.INFO, "A user signed out."),
    EventType.SESSION_REVOKED: EventNote(Severity.NOTICE, "One session was revoked by the partner or by staff."),
    EventType.USER_SESSIONS_REVOKED: EventNote(Severity.NOTICE, "All sessions of one user were revoked."),
    EventType.REFUSAL_COUNTED: EventNote(Severity.INFO, "Requests were refused; equal ones of a minute are one row."),
    EventType.SECRET_EXPOSED: EventNote(Severity.WARNING, "A key or token was sent in a URL or form: treat it as leaked."),
    EventType.LEAK_REPORTED: EventNote(Severity.CRITICAL, "A genuine credential was reported as leaked; it was ended."),
    EventType.ENDPOINT_CREATED: EventNote(Severity.NOTICE, "A webhook endpoint was added."),
    EventType.ENDPOINT_UPDATED: EventNote(Severity.NOTICE, "A webhook endpoint's URL, events, format or limits changed."),
    EventType.ENDPOINT_VERIFICATION_SENT: EventNote(Severity.INFO, "A webhook endpoint was asked to prove that it is wanted."),
    EventType.ENDPOINT_VERIFIED: EventNote(Severity.INFO, "A webhook endpoint proved that it is wanted; deliveries start."),
    EventType.ENDPOINT_PAUSED: EventNote(Severity.NOTICE, "A webhook endpoint was paused; its deliveries wait."),
    EventType.ENDPOINT_RESUMED: EventNote(Severity.NOTICE, "A paused webhook endpoint gets deliveries again."),
    EventType.ENDPOINT_FAILING: EventNote(Severity.WARNING, "Nothing could be delivered to a webhook endpoint for hours."),
    EventType.ENDPOINT_RECOVERED: EventNote(Severity.NOTICE, "A failing webhook endpoint takes deliveries again."),
    EventType.ENDPOINT_DISABLED: EventNote(Severity.WARNING, "A webhook endpoint was disabled; its deliveries wait."),
    EventType.ENDPOINT_ENABLED: EventNote(Severity.NOTICE, "A disabled webhook endpoint was enabled again."),
    EventType.ENDPOINT_DELETED: EventNote(Severity.NOTICE, "A webhook endpoint was deleted; its deliveries were cancelled."),
    EventType.ENDPOINT_TESTED: EventNote(Severity.INFO, "A test event was sent to a webhook endpoint."),
    EventType.ENDPOINT_ROTATION_STARTED: EventNote(
        Severity.NOTICE, "A new webhook secret was made; it takes over once the receiver has proved it."
    ),
    EventType.ENDPOINT_SECRET_ROTATED: EventNote(Severity.NOTICE, "A new webhook secret took over."),
    EventType.DELIVERY_REPLAYED: EventNote(Severity.INFO, "Webhook deliveries were sent again."),
    EventType.DELIVERY_QUARANTINED: EventNote(
        Severity.CRITICAL, "A webhook delivery lost its worker again and again and was set aside for staff."
    ),
    EventType.EVENT_PUBLISHED: EventNote(Severity.INFO, "A commerce service published an event."),
    EventType.SURFACE_UPDATED: EventNote(Severity.NOTICE, "How a surface is opened, or whether it is on, changed."),
    EventType.ROUTE_CREATED: EventNote(
        Severity.NOTICE, "A rule was added: a method and path belong to a surface and need a scope."
    ),
    EventType.ROUTE_UPDATED: EventNote(Severity.NOTICE, "A rule's path, scope or limit changed, or it was switched on or off."),
    EventType.GATEWAY_POLICY_UPDATED: EventNote(
        Severity.NOTICE, "How a proxy asks, or by which rules it is answered, changed."
    ),
    EventType.ENTITLEMENT_GRANTED: EventNote(Severity.NOTICE, "A tenant may use a surface, or one route of it."),
    EventType.ENTITLEMENT_WITHDRAWN: EventNote(Severity.WARNING, "A tenant may no longer use a surface, or one route of it."),
    EventType.TENANT_HOST_ADDED: EventNote(Severity.NOTICE, "A host name was given to a tenant."),
    EventType.TENANT_HOST_REMOVED: EventNote(Severity.WARNING, "A host name was taken from a tenant."),
    EventType.TENANT_ORDER_CREATED: EventNote(Severity.INFO, "An order came in on a surface."),
    EventType.TENANT_PAYMENT_CREATED: EventNote(Severity.INFO, "A payment came in on a surface."),
    EventType.PLAYER_ISSUER_REGISTERED: EventNote(Severity.NOTICE, "An issuer of player tokens was registered for a partner."),
    EventType.PLAYER_ISSUER_UPDATED: EventNote(Severity.NOTICE, "What an issuer's player tokens must look like changed."),
    EventType.PLAYER_ISSUER_DISABLED: EventNote(Severity.WARNING, "An issuer was disabled; its player tokens are refused."),
    EventType.PLAYER_ISSUER_ENABLED: EventNote(Severity.NOTICE, "A disabled issuer's player tokens are accepted again."),
    EventType.PLAYER_KEY_ADDED: EventNote(Severity.NOTICE, "A key was added to an issuer of player tokens."),
    EventType.PLAYER_KEY_RETIRED: EventNote(Severity.WARNING, "A key of an issuer was retired; what it signed is refused."),
    EventType.PLAYER_KEYS_FETCHED: EventNote(Severity.INFO, "Staff had an issuer's key set fetched."),
    EventType.PLAYER_KEYS_STALE: EventNote(
        Severity.WARNING, "An issuer's key set can't be fetched; the last keys serve for a day."
    ),
    EventType.PLAYER_KEYS_RECOVERED: EventNote(Severity.NOTICE, "An issuer's key set can be fetched again."),
    EventType.PLAYER_KID_DROPPED: EventNote(
        Severity.WARNING, "A key of an issuer's key set was dropped, whatever the set says."
    ),
    EventType.PLAYER_KID_RESTORED: EventNote(Severity.NOTICE, "A dropped key of an issuer's key set counts again."),
    EventType.TOKEN_ISSUED: EventNote(
        Severity.INFO, "An access token was given for a password, a client's secret, or a player token."
    ),
    EventType.LOGIN_ENDED: EventNote(Severity.INFO, "A customer signed out of a login."),
    EventType.LOGIN_REVOKED: EventNote(Severity.NOTICE, "A customer's login was revoked by staff."),
    EventType.LOGIN_REFRESH_REUSED: EventNote(Severity.WARNING, "An outdated refresh token came back; the login ended."),
    EventType.ACCOUNT_CREATED: EventNote(
        Severity.NOTICE, "A reseller's account or client, or a customer's account, was created."
    ),
    EventType.ACCOUNT_UPDATED: EventNote(Severity.NOTICE, "An account's name, scopes or use of the API changed."),
    EventType.ACCOUNT_PASSWORD_SET: EventNote(Severity.NOTICE, "An account got a new password; its tokens ended."),
    EventType.ACCOUNT_SECRET_ISSUED: EventNote(
        Severity.NOTICE, "A client got a new secret; older ones end when their overlap is over."
    ),
    EventType.ACCOUNT_SECRET_REVOKED: EventNote(Severity.WARNING, "A secret of a client was revoked."),
    EventType.ACCOUNT_DISABLED: EventNote(Severity.WARNING, "An account or client was disabled; its tokens ended."),
    EventType.ACCOUNT_ENABLED: EventNote(Severity.NOTICE, "A disabled account or client may get tokens again."),
    EventType.ACCOUNT_TOKENS_REVOKED: EventNote(Severity.WARNING, "All tokens of an account or client were ended."),
    EventType.LOGIN_POLICY_CHANGED: EventNote(
        Severity.NOTICE, "A tenant's customers may sign in with a password, or no longer."
    ),
    EventType.RING_ROTATED: EventNote(Severity.NOTICE, "A new secret of the service signs; the one before still verifies."),
    EventType.RING_RETIRED: EventNote(Severity.WARNING, "A secret of the service was taken out of its ring."),
    EventType.SECRETS_REENCRYPTED: EventNote(Severity.NOTICE, "Sealed values were sealed anew with the newest encryption key."),
    EventType.PURGE_COMPLETED: EventNote(Severity.INFO, "Spent and expired data was removed by retention."),
    EventType.LEDGER_EXPORTED: EventNote(Severity.NOTICE, "Staff exported ledger rows."),
}

# What the partner concerned may be told of by webhook. Not what its own backend has just done and got the answer to.
DELIVERED: Final = frozenset(
    {
        EventType.PARTNER_SUSPENDED,
        EventType.PARTNER_REACTIVATED,
        EventType.PARTNER_EMERGENCY_REVOKED,
        EventType.KEY_ISSUED,
        EventType.KEY_IMPORTED,
        EventType.KEY_ROTATED,
        EventType.KEY_UPDATED,
        EventType.KEY_PAUSED,
        EventType.KEY_RESUMED,
        EventType.KEY_REVOKED,
        EventType.KEY_EXPIRY_WARNED,
        EventType.ORGANIZATION_CREATED,
        EventType.ORGANIZATION_UPDATED,
        EventType.PROFILE_CREATED,
        EventType.PROFILE_UPDATED,
        EventType.PROFILE_REMOVED,
        EventType.OAUTH_PROVIDER_FAILING,
        EventType.OAUTH_PROVIDER_RECOVERED,
        EventType.ORGANIZATION_CONNECTED,
        EventType.ORGANIZATION_DISCONNECTED,
        EventType.ORGANIZATION_SYNCED,
        EventType.ORGANIZATION_SYNC_PAUSED,
        EventType.ORGANIZATION_SYNC_RESUMED,
        EventType.ORGANIZATION_SYNC_FAILING,
        EventType.ORGANIZATION_SYNC_RECOVERED,
        EventType.ORGANIZATION_REAUTHORIZATION_REQUIRED,
        EventType.SESSION_REDEEMED,
        EventType.SESSION_REPLAYED,
        EventType.SESSION_REFRESH_REUSED,
        EventType.SESSION_ENDED,
        EventType.SESSION_REVOKED,
        EventType.USER_SESSIONS_REVOKED,
        EventType.SECRET_EXPOSED,
        EventType.LEAK_REPORTED,
        EventType.ENDPOINT_FAILING,
        EventType.ENDPOINT_RECOVERED,
        EventType.ENDPOINT_DISABLED,
        EventType.ENDPOINT_ENABLED,
    }
)
