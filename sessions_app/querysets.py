"""Questions about session tokens and embed sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

from core.principals import Principal

if TYPE_CHECKING:
    from sessions_app.models import EmbedSession, SessionToken


class SessionTokenQuerySet(models.QuerySet["SessionToken"]):
    def for_principal(self, principal: Principal) -> SessionTokenQuerySet:
        """Keep what this caller may see: its partner's rows of its environment."""
        return self.filter(partner_id=principal.partner_id, environment=principal.environment.value)


class EmbedSessionQuerySet(models.QuerySet["EmbedSession"]):
    def open(self) -> EmbedSessionQuerySet:
        """Keep sessions that nobody ended and that have not run out; epochs aside."""
        now = Now()
        return self.filter(ended_at=None, idle_expires_at__gt=now)
