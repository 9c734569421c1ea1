"""What can go wrong with organizations and their users, besides a wrong field."""

from uuid import UUID

from core.errors import AlreadyExistsError


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
