"""Organizations with their users and addresses, and what keeps them true: providers, grants, the history of syncs."""

from organizations.models.oauth import (
    ClientAuthentication,
    ConnectLink,
    GrantState,
    OAuthGrant,
    OAuthProvider,
    RefreshOwner,
)
from organizations.models.organizations import Address, AddressKind, Organization, Profile, ProfileRole
from organizations.models.runs import RunOutcome, RunRefresh, RunTrigger, SyncRun

__all__ = [
    "Address",
    "AddressKind",
    "ClientAuthentication",
    "ConnectLink",
    "GrantState",
    "OAuthGrant",
    "OAuthProvider",
    "Organization",
    "Profile",
    "ProfileRole",
    "RefreshOwner",
    "RunOutcome",
    "RunRefresh",
    "RunTrigger",
    "SyncRun",
]
