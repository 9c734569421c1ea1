"""What can go wrong between handshake and signed-in iframe."""

from core.errors import ForbiddenError, NotFoundError


class SessionNotFoundError(NotFoundError):
    code = -76
    slug = "SESSION_NOT_FOUND"
    title = "Session not found"
    message = "No session of yours has this id. Sessions are forgotten some time after they end."


class ProfileNotFoundError(NotFoundError):
    code = -75
    slug = "PROFILE_NOT_FOUND"
    title = "Profile not found"
    message = "No user of yours has this id. Set up the organization and its user first."


class UserNotFoundError(ForbiddenError):
    code = -35
    slug = "USER_NOT_FOUND"
    title = "User not in this organization"
    message = "This organization has no user with that e-mail address. Add the user by an organization setup call first."


class EmbedCallError(ForbiddenError):
    code = -36
    slug = "EMBED_ORIGIN"
    title = "Not from the embed page"
    message = "This call must come from the embed page itself."
