"""Questions about organizations and profiles; `for_principal` is the one door through which a caller's rows are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from core.principals import Principal

if TYPE_CHECKING:
    from organizations.models import Organization, Profile


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
