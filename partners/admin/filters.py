"""Filters of the partner and key lists; each is an address that can be kept and passed on."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audit.admin_filters import ChoiceFilter, PickedFilter
from partners.admin.key_display import EXPIRES_SOON, IDLE_AFTER
from partners.models import ApiKey, KeyStatus, Partner, PartnerStatus
from partners.querysets import ApiKeyQuerySet


class KeyStatusFilter(ChoiceFilter):
    """What the key is right now."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return list(KeyStatus.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return _keys(queryset).in_status(value, timezone.now()) if value else queryset


class AttentionFilter(ChoiceFilter):
    """What is risky about usable keys."""

    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [
            ("expiring", "Expires within 30 days"),
            ("idle", "Idle for 90 days"),
            ("endless", "Never expires"),
            ("open", "No network limit"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        keys = _keys(queryset)
        match self.value():
            case "expiring":
                return keys.expiring_within(EXPIRES_SOON, now)
            case "idle":
                return keys.usable(now).idle_since(now - IDLE_AFTER)
            case "endless":
                return keys.never_expiring(now)
            case "open":
                return keys.usable(now).filter(networks=None)
            case _:
                return queryset


class KeyKindFilter(ChoiceFilter):
    """Who holds the key."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return list(ApiKey._meta.get_field("kind").choices or [])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class PartnerFilter(PickedFilter):
    """The rows of one partner, by its slug or id; partner pages link to it."""

    title = "partner"
    parameter_name = "partner"

    def describe(self, value: str) -> str:
        partner = _partner(value)
        return partner.name if partner else "unknown partner"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        partner = _partner(value)
        return queryset.filter(partner=partner) if partner else queryset.none()


class PartnerStatusFilter(ChoiceFilter):
    """Active or suspended."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return list(PartnerStatus.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


def _partner(text: str) -> Partner | None:
    try:
        return Partner.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return Partner.objects.filter(slug=text).first()


def _keys(queryset: QuerySet[Any]) -> ApiKeyQuerySet:
    if not isinstance(queryset, ApiKeyQuerySet):
        raise TypeError("this filter belongs to the list of keys")
    return queryset
