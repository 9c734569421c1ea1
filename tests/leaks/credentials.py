"""A partner with a credential of every kind, and how to tell that one has ended."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import QuerySet
from django.test import Client

from audit.models import Event
from tests.surfaces.test_introspection import INACTIVE, KINDS, Holder

REPORT: Final = "/v1/leaks/report"
__all__ = ["KINDS", "REPORT", "Holder", "has_ended", "report", "reported"]


def report(body: Mapping[str, Any], **extra: Any) -> Any:
    """Report a leak as anybody can."""
    return Client().post(REPORT, dict(body), content_type="application/json", **extra)


def reported() -> QuerySet[Event]:
    """What the ledger says about leaks, oldest first."""
    return Event.objects.filter(type="leak.reported").order_by("id")


def has_ended(holder: Holder, token: str) -> bool:
    return holder.ask(token) == INACTIVE
