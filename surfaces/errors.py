"""What a surface may refuse with, besides what every part of the service can."""

from core.errors import ConflictError, ForbiddenError, NotFoundError, UnauthorizedError


class InvalidAccessTokenError(UnauthorizedError):
    code = -22
    slug = "INVALID_TOKEN"
    title = "Invalid access token"
    message = "This access token is not accepted. Check that it is complete, still valid and meant for this surface."


class NotEntitledError(ForbiddenError):
    code = -31
    slug = "NOT_ENTITLED"
    title = "No access to this endpoint"
    message = "Your tenant has no access to this endpoint. Ask for it to be enabled."


class NoRuleError(ForbiddenError):
    code = -37
    slug = "NO_RULE"
    title = "Not open"
    message = "No rule opens this method and path."


class AmbiguousPathError(ForbiddenError):
    code = -38
    slug = "AMBIGUOUS_PATH"
    title = "Ambiguous path"
    message = "This path can be read in more than one way. Send it in its plain form."


class AmbiguousRequestError(ForbiddenError):
    code = -39
    slug = "AMBIGUOUS_REQUEST"
    title = "Ambiguous request"
    message = "This request can be read in more than one way. Send each header once, under its plain name."


class RouteNotFoundError(NotFoundError):
    code = -77
    slug = "ROUTE_NOT_FOUND"
    title = "Route not found"
    message = "No route has this method and path."


class RouteExistsError(ConflictError):
    code = -24
    slug = "ROUTE_EXISTS"
    title = "Route exists"
    message = "Another route decides this method and path already."


class TenantHostTakenError(ConflictError):
    code = -25
    slug = "TENANT_HOST_TAKEN"
    title = "Host taken"
    message = "This host belongs to another tenant or environment."


class ReferenceTakenError(ConflictError):
    code = -26
    slug = "REFERENCE_TAKEN"
    title = "Reference used"
    message = "This reference was used before. The id of what it made is in the answer."
