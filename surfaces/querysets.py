"""Questions about accounts, clients, their secrets, and the sessions customers have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from surfaces.models.accounts import (
        ClientSecret,
        CustomerAccount,
        KnownLogin,
        LoginSession,
        ResellerAccount,
        ResellerClient,
    )


class ResellerAccountQuerySet(models.QuerySet["ResellerAccount"]):
    def matching(self, text: str) -> ResellerAccountQuerySet:
        """Keep accounts a search text may mean: by e-mail, or by their partner."""
        return self.filter(Q(email__icontains=text) | Q(partner__slug__istartswith=text) | Q(partner__name__icontains=text))


class ResellerClientQuerySet(models.QuerySet["ResellerClient"]):
    def matching(self, text: str) -> ResellerClientQuerySet:
        """Keep clients a search text may mean: by client id, name, or their partner."""
        names = Q(name__icontains=text) | Q(partner__slug__istartswith=text) | Q(partner__name__icontains=text)
        return self.filter(Q(client_id=text) | names)


class ClientSecretQuerySet(models.QuerySet["ClientSecret"]):
    def live(self, now: datetime) -> ClientSecretQuerySet:
        """Keep secrets that a client may use."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class CustomerAccountQuerySet(models.QuerySet["CustomerAccount"]):
    def matching(self, text: str) -> CustomerAccountQuerySet:
        """Keep accounts a search text may mean: by e-mail, or by their partner."""
        return self.filter(Q(email__icontains=text) | Q(partner__slug__istartswith=text) | Q(partner__name__icontains=text))


class LoginSessionQuerySet(models.QuerySet["LoginSession"]):
    def live(self, now: datetime) -> LoginSessionQuerySet:
        """Keep sessions that neither ended nor ran out; whether their user may still use them, each use decides."""
        return self.filter(ended_at=None, idle_expires_at__gt=now)

    def over_since(self, instant: datetime) -> LoginSessionQuerySet:
        """Keep sessions that were over at an instant, which a purge may take."""
        return self.filter(Q(ended_at__lt=instant) | Q(idle_expires_at__lt=instant))


class KnownLoginQuerySet(models.QuerySet["KnownLogin"]):
    def unused_since(self, instant: datetime) -> KnownLoginQuerySet:
        """Keep pairs that were last right together before an instant."""
        return self.filter(last_at__lt=instant)
