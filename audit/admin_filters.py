"""Filters of the ledger list; each is an address that can be kept and passed on."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audit.events import EventType, Severity

SPANS: Final = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with a fixed list of choices, each of which is a question to the rows."""

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] if choice.get("display") != "All" else "Any"}


class PastTimeFilter(ChoiceFilter):
    """How far back to look."""

    title = "time"
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, label) for name, (label, _) in SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        span = SPANS.get(self.value() or "")
        return queryset.filter(recorded_at__gte=timezone.now() - span[1]) if span else queryset


class SeverityFilter(ChoiceFilter):
    """How much attention a row wants; "warnings" are the two that want some."""

    title = "severity"
    parameter_name = "severity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("warnings", "Warning and critical"), *((each.value, each.value.capitalize()) for each in Severity)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "warnings":
            return queryset.filter(severity__in=[Severity.WARNING, Severity.CRITICAL])
        return queryset.filter(severity=value) if value else queryset


class TypeFilter(ChoiceFilter):
    """What happened: one event type, or all of one subject."""

    title = "what happened"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        subjects = dict.fromkeys(each.value.split(".")[0] for each in EventType)
        choices = [(f"{subject}.", f"Everything of {subject}") for subject in subjects]
        return choices + [(each.value, each.value) for each in EventType]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(type__in=[each.value for each in EventType if each == value or _is_subject(each, value)])


class EnvironmentFilter(ChoiceFilter):
    """Live, test, or what concerns both."""

    title = "environment"
    parameter_name = "environment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("live", "Live"), ("test", "Test")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(environment=self.value()) if self.value() else queryset


class PickedFilter(admin.SimpleListFilter):
    """A filter that other pages link to; it shows what was picked and a way back to everything."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        picked = request.GET.get(str(self.parameter_name))
        return [(picked, self.describe(picked))] if picked else []

    def describe(self, value: str) -> str:
        """What the picked value is called."""
        return value

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        try:
            return queryset.filter(**{self.field: value})
        except (ValidationError, ValueError):
            return queryset.none()


class BeforeFilter(PickedFilter):
    """Rows older than a given one: where the list goes on beyond what it counts."""

    title = "older than row"
    parameter_name = "before"
    field = "id__lt"


class SubjectFilter(PickedFilter):
    """Everything about one thing, for example a key by its kid."""

    title = "subject"
    parameter_name = "subject"
    field = "subject_id"


class PartnerIdFilter(PickedFilter):
    """The rows of one partner, by its id."""

    title = "partner"
    parameter_name = "partner"
    field = "partner_id"


class ReasonFilter(PickedFilter):
    """One exact reason; the overview links to it."""

    title = "reason"
    parameter_name = "reason"
    field = "reason"


def as_uuid(text: str) -> UUID | None:
    """Read a UUID; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _is_subject(event_type: EventType, value: str) -> bool:
    return value.endswith(".") and event_type.startswith(value)
