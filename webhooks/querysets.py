"""Questions about endpoints, messages, deliveries and attempts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from core.principals import Principal

if TYPE_CHECKING:
    from webhooks.models import Attempt, Delivery, Endpoint, EndpointSecret, Message


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def present(self) -> EndpointQuerySet:
        """Keep endpoints that were not deleted."""
        return self.filter(deleted_at=None)

    def for_principal(self, principal: Principal) -> EndpointQuerySet:
        """Keep the caller's own, in its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)


class SecretQuerySet(models.QuerySet["EndpointSecret"]):
    def of_endpoint(self, endpoint_id: UUID) -> SecretQuerySet:
        """Keep one endpoint's."""
        return self.filter(endpoint_id=endpoint_id)

    def valid(self, now: datetime) -> SecretQuerySet:
        """Keep those a receiver may check with: current, pending, and previous until they expire."""
        return self.filter(models.Q(state__in=["current", "pending"]) | models.Q(state="previous", expires_at__gt=now))


class MessageQuerySet(models.QuerySet["Message"]):
    def for_principal(self, principal: Principal) -> MessageQuerySet:
        """Keep the caller's own, in its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def for_principal(self, principal: Principal) -> DeliveryQuerySet:
        """Keep the caller's own, in its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)

    def newest_first(self) -> DeliveryQuerySet:
        """Order as they were made, the last one first."""
        return self.order_by("-id")


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def in_order(self) -> AttemptQuerySet:
        """Order as they were made."""
        return self.order_by("started_at", "number")
