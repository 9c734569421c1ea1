"""Questions to the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from audit.events import EventType

if TYPE_CHECKING:
    from audit.models import Event


class EventQuerySet(models.QuerySet["Event"]):
    def newest_first(self) -> EventQuerySet:
        """Order by the ledger's own sequence, which is the order of writing."""
        return self.order_by("-id")

    def for_partner(self, partner_id: UUID) -> EventQuerySet:
        """Keep what concerns one partner."""
        return self.filter(partner_id=partner_id)

    def about(self, subject_type: str, subject_id: str) -> EventQuerySet:
        """Keep what happened to one thing, for example a key by its kid."""
        return self.filter(subject_type=subject_type, subject_id=subject_id)

    def told_at(self, place: str) -> EventQuerySet:
        """Keep the refusals of a door other than our endpoints, for example a gateway policy."""
        return self.filter(type__in=(EventType.REFUSAL_COUNTED, EventType.SECRET_EXPOSED), data__place=place)

    def since(self, instant: datetime) -> EventQuerySet:
        """Keep what was recorded at or after an instant."""
        return self.filter(recorded_at__gte=instant)
