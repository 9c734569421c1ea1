"""Questions about organizations, users and grants; `for_principal` is the one door to the rows that a caller may see."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from core.principals import Principal

if TYPE_CHECKING:
    from organizations.models import OAuthGrant, OAuthProvider, Organization, Profile


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def for_principal(self, principal: Principal) -> OrganizationQuerySet:
        """Keep what this caller may see: its partner's rows of its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)


class ProfileQuerySet(models.QuerySet["Profile"]):
    def for_principal(self, principal: Principal) -> ProfileQuerySet:
        """Keep what this caller may see: its partner's rows of its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)

    def present(self) -> ProfileQuerySet:
        """Keep users who were not removed."""
        return self.filter(removed_at=None)


class ProviderQuerySet(models.QuerySet["OAuthProvider"]):
    def of(self, partner_id: UUID, environment: str) -> ProviderQuerySet:
        """Keep the one provider of a partner in one environment."""
        return self.filter(partner_id=partner_id, environment=environment)


class GrantQuerySet(models.QuerySet["OAuthGrant"]):
    def for_principal(self, principal: Principal) -> GrantQuerySet:
        """Keep what this caller may see: its partner's rows of its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)

    def of(self, partner_id: UUID, environment: str) -> GrantQuerySet:
        """Keep the grants at one provider."""
        return self.filter(partner_id=partner_id, environment=environment)
