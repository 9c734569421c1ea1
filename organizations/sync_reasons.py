"""The closed list of why a sync, a refresh or an exchange did not go well, each with a sentence for a person."""

from enum import StrEnum
from typing import Final

from core.egress.policy import MEANINGS as EGRESS_MEANINGS
from core.egress.policy import EgressReason


class SyncReason(StrEnum):
    """What went wrong; the names under `egress` are those of the way out."""

    # The way to the provider
    BAD_URL = EgressReason.BAD_URL.value
    SCHEME = EgressReason.SCHEME.value
    USERINFO = EgressReason.USERINFO.value
    HOST = EgressReason.HOST.value
    PORT = EgressReason.PORT.value
    OWN_HOST = EgressReason.OWN_HOST.value
    ADDRESS = EgressReason.ADDRESS.value
    DNS = EgressReason.DNS.value
    CONNECT = EgressReason.CONNECT.value
    TLS = EgressReason.TLS.value
    TIMEOUT = EgressReason.TIMEOUT.value
    PROTOCOL = EgressReason.PROTOCOL.value
    TOO_LARGE = EgressReason.TOO_LARGE.value
    # What the provider answers
    PROVIDER_ERROR = "provider_error"
    RATE_LIMITED = "rate_limited"
    REDIRECT = "redirect"
    UNEXPECTED_STATUS = "unexpected_status"
    UNREADABLE = "unreadable"
    ANSWER_LOST = "answer_lost"
    # What it says of client and tokens
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    REQUEST_REFUSED = "request_refused"
    TOKEN_TYPE = "token_type"  # noqa: S105  # a name
    UNAUTHORIZED = "unauthorized"
    NO_REFRESH_TOKEN = "no_refresh_token"  # noqa: S105  # a name
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    # What it says of the organization
    BAD_DOCUMENT = "bad_document"
    OTHER_ORGANIZATION = "other_organization"
    NO_USERS = "no_users"
    MANY_REMOVED = "many_removed"
    # Ourselves
    SEALED = "sealed"
    WORKER_LOST = "worker_lost"
    SUPERSEDED = "superseded"
    BY_STAFF = "by_staff"
    FAULT = "fault"


MEANINGS: Final[dict[SyncReason, str]] = {
    **{SyncReason(reason.value): text for reason, text in EGRESS_MEANINGS.items()},
    SyncReason.PROVIDER_ERROR: "The provider has a fault at the moment (5xx, or it says so itself).",
    SyncReason.RATE_LIMITED: "The provider's limit is used up (429).",
    SyncReason.REDIRECT: "The provider answers with a redirect; none is followed.",
    SyncReason.UNEXPECTED_STATUS: "The provider answers with a status that says nothing about the grant.",
    SyncReason.UNREADABLE: "The provider's answer cannot be read.",
    SyncReason.ANSWER_LOST: "A refresh was sent, and its answer never came: the provider may have used the token up.",
    SyncReason.INVALID_CLIENT: "The provider does not accept our client id or secret.",
    SyncReason.INVALID_GRANT: "The provider says that the grant has ended: revoked, expired, or used up elsewhere.",
    SyncReason.REQUEST_REFUSED: "The provider refuses the request itself: grant type, scope or a parameter.",
    SyncReason.TOKEN_TYPE: "The provider issues tokens of another type than Bearer.",
    SyncReason.UNAUTHORIZED: "The access token is not accepted, a fresh one neither.",
    SyncReason.NO_REFRESH_TOKEN: "The access token has ended, and there is nothing to refresh it with.",
    SyncReason.FORBIDDEN: "The access token is good and may not read the organization's data (403): scopes.",
    SyncReason.NOT_FOUND: "The provider knows no such organization, or the data URL is wrong (404, 410).",
    SyncReason.BAD_DOCUMENT: "The organization's data has a field that cannot be right.",
    SyncReason.OTHER_ORGANIZATION: "The data names another organization than the one that was asked for.",
    SyncReason.NO_USERS: "The list of users is empty: that would remove everyone.",
    SyncReason.MANY_REMOVED: "More than half of the users would be removed.",
    SyncReason.SEALED: "The stored token does not open: its key is not known here, or the row was tampered with.",
    SyncReason.WORKER_LOST: "The process at work on it was lost.",
    SyncReason.SUPERSEDED: "The grant was replaced, paused or ended meanwhile.",
    SyncReason.BY_STAFF: "Staff paused it.",
    SyncReason.FAULT: "A fault of ours; the log has it.",
}
