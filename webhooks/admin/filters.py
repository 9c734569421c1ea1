"""Filters of the endpoint and delivery lists; each is an address that can be kept and passed on."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audit.admin_filters import SPANS, ChoiceFilter, PickedFilter, as_uuid
from webhooks.admin.display import host_text
from webhooks.formats import SignatureFormat
from webhooks.models import DeliveryState, Endpoint
from webhooks.reasons import AttemptReason, DeliveryReason


class EndpointStatusFilter(ChoiceFilter):
    """What the endpoint is right now."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        names = ("active", "failing", "unverified", "paused", "disabled", "deleted")
        return [(name, name.capitalize()) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_open = Q(verified_at__isnull=False, paused_at=None, disabled_at=None)
        questions = {
            "active": is_open & Q(failing_since=None),
            "failing": is_open & Q(failing_since__isnull=False),
            "unverified": Q(verified_at=None, paused_at=None, disabled_at=None),
            "paused": Q(paused_at__isnull=False, disabled_at=None),
            "disabled": Q(disabled_at__isnull=False),
        }
        value = self.value()
        if value == "deleted":
            return queryset.filter(deleted_at__isnull=False)
        present = queryset.filter(deleted_at=None)
        return present.filter(questions[value]) if value in questions else present


class FormatFilter(ChoiceFilter):
    """How its receiver verifies."""

    title = "signature format"
    parameter_name = "format"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(each.value, each.value.capitalize()) for each in SignatureFormat]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(signature_format=self.value()) if self.value() else queryset


class DeliveryStateFilter(ChoiceFilter):
    """Where the delivery stands."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return list(DeliveryState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class MadeFilter(ChoiceFilter):
    """How far back to look."""

    title = "time"
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, label) for name, (label, _) in SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        span = SPANS.get(self.value() or "")
        return queryset.filter(created_at__gte=timezone.now() - span[1]) if span else queryset


class OutcomeFilter(ChoiceFilter):
    """How the last attempt ended, or what the delivery waits for."""

    title = "last outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(each.value, each.value.replace("_", " ").capitalize()) for each in (*AttemptReason, *DeliveryReason)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(last_reason=self.value()) if self.value() else queryset


class EndpointFilter(PickedFilter):
    """The deliveries of one endpoint; its page links to it."""

    title = "endpoint"
    parameter_name = "endpoint"
    field = "endpoint_id"

    def describe(self, value: str) -> str:
        wanted = as_uuid(value)
        endpoint = Endpoint.objects.filter(pk=wanted).first() if wanted else None
        return host_text(endpoint) if endpoint else "unknown endpoint"


class MessageTypeFilter(PickedFilter):
    """One type of event."""

    title = "event type"
    parameter_name = "type"
    field = "message__type"
