"""What can go wrong with organizations, their users and their OAuth grants, besides a wrong field."""

from uuid import UUID

from core.errors import AlreadyExistsError, ConflictError, NotFoundError, StickerError


class ProfileExistsError(AlreadyExistsError):
    """The partner's name for a user is taken: the answer carries the ids of what exists."""

    def __init__(self, *, organization_id: UUID, profile_id: UUID, internal_org_id: str, internal_user_id: str) -> None:
        super().__init__(
            "This internalUserId already exists. The ids of what exists are in the answer.",
            reason="profile_exists",
            extra={
                "organizationId": str(organization_id),
                "profileId": str(profile_id),
                "internalOrgId": internal_org_id,
                "internalUserId": internal_user_id,
            },
        )


class OrganizationNotFoundError(NotFoundError):
    code = -74
    slug = "ORGANIZATION_NOT_FOUND"
    title = "Organization not found"
    message = "No organization of yours has this id. Set it up first."


class NotConnectedError(NotFoundError):
    code = -80
    slug = "OAUTH_NOT_CONNECTED"
    title = "Not connected"
    message = "This organization has no OAuth tokens here. Hand them over first."


class GrantStateError(ConflictError):
    code = -81
    slug = "OAUTH_STATE"
    title = "Not possible in this state"
    message = "The OAuth grant's present state does not allow this."


class NotConfiguredError(ConflictError):
    code = -82
    slug = "OAUTH_NOT_CONFIGURED"
    title = "No OAuth provider"
    message = "No OAuth provider is configured for you in this environment. Ask your contact with us."


class CodeRejectedError(ConflictError):
    code = -83
    slug = "OAUTH_CODE_REJECTED"
    title = "Code not accepted"
    message = "The provider does not accept this code. Have the organization authorized again."


class ProviderUnavailableError(StickerError):
    status = 502
    code = -84
    slug = "OAUTH_PROVIDER_UNAVAILABLE"
    title = "Provider unavailable"
    message = "The OAuth provider gives no usable answer. Nothing was stored; the code may be used up."


class ConnectLinkError(NotFoundError):
    code = -85
    slug = "CONNECT_LINK_INVALID"
    title = "Link no longer valid"
    message = "This link is no longer valid. Ask for a new one."
