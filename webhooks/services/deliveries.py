"""Questions about a caller's deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.principals import Principal
from webhooks.errors import DeliveryNotFoundError
from webhooks.models import Delivery, DeliveryState
from webhooks.querysets import DeliveryQuerySet


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list, the newest first; what is None does not restrict. `after` names the last one seen."""

    limit: int
    endpoint_id: UUID | None = None
    message_id: str | None = None
    type: str | None = None
    states: tuple[DeliveryState, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[str, UUID] | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, and whether there are more behind them."""

    deliveries: Sequence[Delivery]
    has_more: bool


def find_delivery(principal: Principal, name: tuple[str, UUID] | None) -> Delivery:
    """Find a delivery of the caller's by its message and endpoint.

    Raises: DeliveryNotFoundError, for those of others too.
    """
    delivery = _named(principal, name) if name else None
    if delivery is None:
        raise DeliveryNotFoundError(reason="unknown_delivery")
    return delivery


def list_deliveries(principal: Principal, *, wanted: DeliveryFilter) -> DeliveryPage:
    """A page of the caller's deliveries. A row that goes while somebody pages does not shift the others.

    Raises: DeliveryNotFoundError when the one to go on behind is gone.
    """
    rows = _filtered(Delivery.objects.for_principal(principal), wanted)
    if wanted.after:
        rows = rows.filter(pk__lt=find_delivery(principal, wanted.after).pk)
    found = list(rows.select_related("message").newest_first()[: wanted.limit + 1])
    return DeliveryPage(found[: wanted.limit], has_more=len(found) > wanted.limit)


def _named(principal: Principal, name: tuple[str, UUID]) -> Delivery | None:
    message_id, endpoint_id = name
    mine = Delivery.objects.for_principal(principal).select_related("message", "endpoint")
    return mine.filter(message__message_id=message_id, endpoint_id=endpoint_id).first()


def _filtered(rows: DeliveryQuerySet, wanted: DeliveryFilter) -> DeliveryQuerySet:
    asked = {
        "endpoint_id": wanted.endpoint_id,
        "message__message_id": wanted.message_id,
        "message__type": wanted.type,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
        "state__in": wanted.states or None,
    }
    return rows.filter(**{name: value for name, value in asked.items() if value is not None})
