"""Refusals of the webhook endpoints."""

from core.errors import ConflictError, ForbiddenError, NotFoundError


class EndpointNotFoundError(NotFoundError):
    code = -61
    slug = "ENDPOINT_NOT_FOUND"
    title = "Webhook endpoint not found"
    message = "No webhook endpoint of yours has this id in this environment."


class DeliveryNotFoundError(NotFoundError):
    code = -62
    slug = "DELIVERY_NOT_FOUND"
    title = "Delivery not found"
    message = "No delivery of yours has this id in this environment."


class EventTypeReservedError(ForbiddenError):
    code = -63
    slug = "EVENT_TYPE_RESERVED"
    title = "Event type reserved"
    message = "Only this service publishes events of this name. Choose a name whose first part is your own."


class EndpointLimitError(ConflictError):
    code = -64
    slug = "ENDPOINT_LIMIT"
    title = "Too many webhook endpoints"
    message = "You have as many webhook endpoints in this environment as are allowed. Delete one first."


class EndpointStateError(ConflictError):
    code = -65
    slug = "ENDPOINT_STATE"
    title = "Not possible in this state"
    message = "The webhook endpoint's present state does not allow this."


class DeliveryStateError(ConflictError):
    code = -66
    slug = "DELIVERY_STATE"
    title = "Not possible in this state"
    message = "The delivery's present state does not allow this."
