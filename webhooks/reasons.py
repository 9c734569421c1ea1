"""The closed list of how an attempt can end, and why a delivery stands where it stands."""

from enum import StrEnum
from typing import Final


class AttemptReason(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"
    # What the receiver answered
    STATUS_3XX = "redirect_refused"
    STATUS_4XX = "client_error"
    GONE = "gone"
    TOO_MANY = "too_many_requests"
    STATUS_5XX = "server_error"
    STATUS_OTHER = "unexpected_status"
    # What the network did
    DNS_FAILED = "dns_failed"
    DNS_TIMEOUT = "dns_timeout"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    READ_TIMEOUT = "read_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    CONNECTION_LOST = "connection_lost"
    BAD_RESPONSE = "bad_response"
    # What we refused to do
    ADDRESS_REFUSED = "address_refused"
    URL_REFUSED = "url_refused"
    # What went wrong on our side
    SUPERSEDED = "superseded"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105  # a reason
    INTERNAL = "internal"


# Nothing of these says anything about the receiver: they never count against it.
OUR_FAULT: Final = frozenset({AttemptReason.SUPERSEDED, AttemptReason.SECRET_UNREADABLE, AttemptReason.INTERNAL})
# Refused before anything was sent; the address that was refused is not shown to the partner.
REFUSED: Final = frozenset({AttemptReason.ADDRESS_REFUSED, AttemptReason.URL_REFUSED})

MEANINGS: Final[dict[AttemptReason, str]] = {
    AttemptReason.DELIVERED: "The receiver answered 2xx.",
    AttemptReason.STATUS_3XX: "The receiver answered with a redirect, which is never followed.",
    AttemptReason.STATUS_4XX: "The receiver answered 4xx.",
    AttemptReason.GONE: "The receiver answered 410: the endpoint was disabled.",
    AttemptReason.TOO_MANY: "The receiver asked for fewer calls (429).",
    AttemptReason.STATUS_5XX: "The receiver answered 5xx.",
    AttemptReason.STATUS_OTHER: "The receiver answered with a status that means nothing here.",
    AttemptReason.DNS_FAILED: "The host name was not found.",
    AttemptReason.DNS_TIMEOUT: "The name server did not answer in time.",
    AttemptReason.CONNECT_FAILED: "The connection was refused or the host could not be reached.",
    AttemptReason.CONNECT_TIMEOUT: "The connection was not made in time.",
    AttemptReason.TLS_FAILED: "The certificate or the TLS handshake is not valid.",
    AttemptReason.READ_TIMEOUT: "The receiver did not answer in time.",
    AttemptReason.TOTAL_TIMEOUT: "The whole call took too long.",
    AttemptReason.CONNECTION_LOST: "The receiver closed the connection before it answered.",
    AttemptReason.BAD_RESPONSE: "The answer was not HTTP.",
    AttemptReason.ADDRESS_REFUSED: "The host name leads to an address that deliveries may not go to.",
    AttemptReason.URL_REFUSED: "The URL is not one that deliveries may go to.",
    AttemptReason.SUPERSEDED: "This attempt came back too late: another one had taken its place.",
    AttemptReason.SECRET_UNREADABLE: "The signing secret could not be read on our side.",
    AttemptReason.INTERNAL: "Something failed on our side.",
}


class DeliveryReason(StrEnum):
    """Why a delivery is parked, failed, cancelled or quarantined; besides these, `last_reason` is that of its last attempt."""

    UNVERIFIED = "endpoint_unverified"
    PAUSED = "endpoint_paused"
    DISABLED = "endpoint_disabled"
    DELETED = "endpoint_deleted"
    REPLACED = "replaced"
    EXHAUSTED = "retries_exhausted"
    ABANDONED = "leases_lost"
    EXPIRED = "expired"


DELIVERY_MEANINGS: Final[dict[DeliveryReason, str]] = {
    DeliveryReason.UNVERIFIED: "Waits until the endpoint has proved that it is yours.",
    DeliveryReason.PAUSED: "Waits until the endpoint is resumed.",
    DeliveryReason.DISABLED: "Waits until the endpoint is enabled again.",
    DeliveryReason.DELETED: "The endpoint was deleted.",
    DeliveryReason.REPLACED: "A newer one of the same kind took its place.",
    DeliveryReason.EXHAUSTED: "All attempts of the schedule failed.",
    DeliveryReason.ABANDONED: "The worker was lost again and again while sending it; staff look at it.",
    DeliveryReason.EXPIRED: "Nobody took it within the time that undelivered events are kept.",
}


class DisabledReason(StrEnum):
    """Why an endpoint is disabled."""

    STAFF = "staff"
    PARTNER = "partner"
    GONE = "gone"
    FAILING = "failing"


DISABLED_MEANINGS: Final[dict[DisabledReason, str]] = {
    DisabledReason.STAFF: "Disabled by staff.",
    DisabledReason.PARTNER: "Disabled through the API.",
    DisabledReason.GONE: "The receiver answered 410 Gone.",
    DisabledReason.FAILING: "Nothing could be delivered for days.",
}
