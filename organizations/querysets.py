"""Questions about organizations, users and grants; `for_principal` is the one door to the rows that a caller may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models.functions import Coalesce

from core.principals import Principal

if TYPE_CHECKING:
    from organizations.models import OAuthGrant, OAuthProvider, Organization, Profile

# The states of a grant (`organizations.models.GrantState`) that last until a person does something.
NEEDING_SOMEBODY: Final = ("config_error", "reauthorization_required", "paused")


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

    def with_grant_counts(self) -> ProviderQuerySet:
        """Count each provider's grants, and those that need somebody, in the same query."""
        grants: type[OAuthGrant] = apps.get_model("organizations", "OAuthGrant")
        mine = grants.objects.filter(partner_id=models.OuterRef("partner_id"), environment=models.OuterRef("environment"))
        return self.annotate(grants=_count(mine), waiting=_count(mine.needing_somebody()))


class GrantQuerySet(models.QuerySet["OAuthGrant"]):
    def of(self, partner_id: UUID, environment: str) -> GrantQuerySet:
        """Keep the grants at one provider."""
        return self.filter(partner_id=partner_id, environment=environment)

    def needing_somebody(self) -> GrantQuerySet:
        """Keep those that do not go on by themselves."""
        return self.filter(state__in=NEEDING_SOMEBODY)


def _count(rows: GrantQuerySet) -> Coalesce:
    counted = rows.order_by().values("partner_id").annotate(n=models.Count("pk"))
    return Coalesce(models.Subquery(counted.values("n")), 0)
