"""The one catalogue of refusals, and the exceptions that carry them.

StickerError
├── InvalidRequestError        400  the body, a header or a parameter is wrong
│   ├── MultipleCredentialsError
│   ├── SecretInUrlError
│   └── HttpsRequiredError
├── UnauthorizedError          401  we do not know you
│   ├── InvalidApiKeyError
│   ├── SessionTokenExpiredError
│   └── SessionExpiredError
├── ForbiddenError             403  we know you and refuse
│   └── PartnerSuspendedError
├── NotFoundError              404
├── MethodNotAllowedError      405
├── ConflictError              409
│   ├── AlreadyExistsError
│   └── IdempotencyConflictError
├── PayloadTooLargeError       413
├── UnsupportedMediaTypeError  415
├── RateLimitExceededError     429
├── InternalError              500
└── ServiceUnavailableError    503

Errors of one subject (an organization, a session) stand beside the code that raises them and register here by subclassing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class ErrorFamily(StrEnum):
    """The two shapes a refusal can have: names (the partner API) or numbers (the platform's surfaces)."""

    PARTNER = "partner"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field of a request: where it stands and what is wrong with it, for a person."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What a caller can look up about one refusal: HTTP status, number, name, title and advice."""

    status: int
    code: int
    slug: str
    title: str
    message: str


class StickerError(Exception):
    """A refusal in the words of this service; the API shell turns it into a wire shape.

    `status` is the HTTP status, `code` the number in the catalogue, `slug` the name in it. `reason` never leaves the
    service: it is what the ledger and the log record.
    """

    status: ClassVar[int] = 500
    code: ClassVar[int] = -90
    slug: ClassVar[str] = "INTERNAL_ERROR"
    title: ClassVar[str] = "Internal error"
    message: ClassVar[str] = "Something failed on our side. Retry, and send us the request_id if it happens again."

    def __init__(
        self,
        message: str | None = None,
        *,
        reason: str = "",
        details: Sequence[FieldProblem] = (),
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or self.message)
        self.text = message or self.message
        self.reason = reason or self.slug.lower()
        self.details = tuple(details)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class InternalError(StickerError):
    """A fault of ours: its cause is in the log under the request id, never in the answer."""


class InvalidRequestError(StickerError):
    status = 400
    code = -10
    slug = "INVALID_REQUEST"
    title = "Invalid request"
    message = "The request is not valid. See details for what to change."


class MultipleCredentialsError(InvalidRequestError):
    code = -12
    slug = "MULTIPLE_CREDENTIALS"
    title = "More than one credential"
    message = "Send exactly one credential, in one header, once."


class SecretInUrlError(InvalidRequestError):
    code = -13
    slug = "SECRET_IN_URL"
    title = "Secret in the wrong place"
    message = "A key or token was sent in the query string or a form. Treat it as leaked: rotate it, and send it in a header."


class HttpsRequiredError(InvalidRequestError):
    code = -34
    slug = "HTTPS_REQUIRED"
    title = "HTTPS required"
    message = "Call this address over https. If you sent a key just now, rotate it: it crossed the network in the clear."


class UnauthorizedError(StickerError):
    status = 401
    code = -20
    slug = "UNAUTHORIZED"
    title = "No credentials"
    message = "Send your API key as 'Authorization: Bearer YOUR_KEY'."


class InvalidApiKeyError(UnauthorizedError):
    code = -23
    slug = "INVALID_API_KEY"
    title = "Invalid API key"
    message = "This API key is not accepted. Check that it is complete, still valid and meant for this service."


class SessionTokenExpiredError(UnauthorizedError):
    code = -40
    slug = "SESSION_TOKEN_EXPIRED"
    title = "Link no longer valid"
    message = "This link is no longer valid. Ask the page you came from for a new one."


class SessionExpiredError(UnauthorizedError):
    code = -45
    slug = "SESSION_EXPIRED"
    title = "Session ended"
    message = "This session has ended. Start a new one from the page you came from."


class ForbiddenError(StickerError):
    status = 403
    code = -30
    slug = "FORBIDDEN"
    title = "Not allowed"
    message = "Your credential is valid, but it does not permit this."


class PartnerSuspendedError(ForbiddenError):
    code = -33
    slug = "PARTNER_SUSPENDED"
    title = "Partner suspended"
    message = "This partner account is suspended. Contact support."


class NotFoundError(StickerError):
    status = 404
    code = -70
    slug = "NOT_FOUND"
    title = "Not found"
    message = "Nothing is here under this address."


class MethodNotAllowedError(StickerError):
    status = 405
    code = -71
    slug = "METHOD_NOT_ALLOWED"
    title = "Method not allowed"
    message = "This address does not support that method. The Allow header lists those it does."


class ConflictError(StickerError):
    status = 409
    code = -16
    slug = "CONFLICT"
    title = "Conflict"
    message = "The request conflicts with what exists."


class AlreadyExistsError(ConflictError):
    code = -17
    slug = "ALREADY_EXISTS"
    title = "Already exists"
    message = "This already exists. The ids of what exists are in the answer."


class IdempotencyConflictError(ConflictError):
    code = -15
    slug = "IDEMPOTENCY_CONFLICT"
    title = "Idempotency key reused"
    message = "This Idempotency-Key was used with a different body. Use a new one for a new request."


class PayloadTooLargeError(StickerError):
    status = 413
    code = -14
    slug = "PAYLOAD_TOO_LARGE"
    title = "Body too large"
    message = "The body is larger than 64 KiB."


class UnsupportedMediaTypeError(StickerError):
    status = 415
    code = -11
    slug = "UNSUPPORTED_MEDIA_TYPE"
    title = "Unsupported media type"
    message = "Send JSON with 'Content-Type: application/json'."


class RateLimitExceededError(StickerError):
    status = 429
    code = -50
    slug = "RATE_LIMIT_EXCEEDED"
    title = "Too many requests"
    message = "The rate limit is used up. Wait for the seconds given in retry_after."


class ServiceUnavailableError(StickerError):
    status = 503
    code = -91
    slug = "SERVICE_UNAVAILABLE"
    title = "Temporarily unavailable"
    message = "We cannot answer right now. Nothing was changed; retry after the time in Retry-After."

    def __init__(self, *, reason: str = "", retry_after_seconds: int = 2) -> None:
        super().__init__(
            reason=reason,
            extra={"retry_after": retry_after_seconds},
            headers={"Retry-After": str(retry_after_seconds)},
        )


def catalogue() -> list[CatalogueEntry]:
    """List every refusal a caller can meet, most general first within a status."""
    found: dict[str, CatalogueEntry] = {}
    queue: list[type[StickerError]] = [StickerError]
    while queue:
        error = queue.pop(0)
        entry = CatalogueEntry(error.status, error.code, error.slug, error.title, error.message)
        found.setdefault(error.slug, entry)
        queue.extend(error.__subclasses__())
    return sorted(found.values(), key=lambda e: (e.status, -e.code))
