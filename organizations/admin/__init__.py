"""The staff's console for organizations, their users, and what keeps them in sync."""

from organizations.admin.grants import OAuthGrantAdmin
from organizations.admin.organizations import OrganizationAdmin, ProfileAdmin
from organizations.admin.providers import OAuthProviderAdmin

__all__ = ["OAuthGrantAdmin", "OAuthProviderAdmin", "OrganizationAdmin", "ProfileAdmin"]
