"""Sending deliveries again: the same id and bytes, a new timestamp, and a mark that says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor
from webhooks.catalogue import matches
from webhooks.errors import DeliveryNotFoundError, DeliveryStateError
from webhooks.models import Delivery, DeliveryState, Endpoint, Message
from webhooks.querysets import DeliveryQuerySet
from webhooks.services.fanout import parked_reason
from webhooks.services.ledger import endpoint_act
from webhooks.services.locks import locked_endpoint

MAX_WINDOW: Final = timedelta(days=30)
MAX_REPLAYED: Final = 20_000
REPLAYABLE: Final = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class ReplayWindow:
    """Which deliveries of an endpoint to send again: made in [since, until), of these types and in these states."""

    since: datetime
    until: datetime
    types: Sequence[str] = ("*",)
    states: Sequence[DeliveryState] = field(default=(DeliveryState.FAILED,))


def replay_delivery(delivery_id: int, *, actor: Actor) -> Delivery:
    """Send one delivery again, from the beginning of the schedule; one that waits for its next attempt is sent now.

    Raises: DeliveryNotFoundError; DeliveryStateError while it is being sent, for a ping or test, and when its endpoint or its
    content is gone.
    """
    with transaction.atomic():
        found = Delivery.objects.filter(pk=delivery_id).values_list("endpoint_id", flat=True).first()
        if found is None:
            raise DeliveryNotFoundError(reason="unknown_delivery")
        endpoint = _endpoint_of(found)
        delivery = Delivery.objects.select_for_update(no_key=True).select_related("message").get(pk=delivery_id)
        _check(delivery)
        _again(Delivery.objects.filter(pk=delivery_id), endpoint)
        data = {"endpoint_id": str(endpoint.pk), "message_id": delivery.message.message_id}
        scope = (endpoint.partner_id, endpoint.environment, "delivery", str(delivery_id))
        record(Act(EventType.DELIVERY_REPLAYED, actor, *scope, data=data))
    delivery.refresh_from_db()
    return delivery


def replay_window(endpoint_id: UUID, *, window: ReplayWindow, actor: Actor) -> int:
    """Send every delivery of a window again, in the order they were made; return how many.

    Raises: EndpointNotFoundError; InvalidRequestError when the window is too long or holds too many.
    """
    if not timedelta(0) < window.until - window.since <= MAX_WINDOW:
        raise _too_much("until", f"until must come after since, by at most {MAX_WINDOW.days} days.")
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        ids = list(_in_window(endpoint, window).order_by("pk").values_list("pk", flat=True)[: MAX_REPLAYED + 1])
        if len(ids) > MAX_REPLAYED:
            raise _too_much("since", f"This window holds more than {MAX_REPLAYED} deliveries. Choose a shorter one.")
        count = _again(Delivery.objects.filter(pk__in=ids, state__in=window.states), endpoint) if ids else 0
        data = {
            "since": window.since,
            "until": window.until,
            "types": list(window.types),
            "states": [str(each) for each in window.states],
            "count": count,
        }
        record(endpoint_act(EventType.DELIVERY_REPLAYED, endpoint, actor, data=data))
    return count


def _endpoint_of(endpoint_id: UUID) -> Endpoint:
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    if endpoint.deleted_at:
        raise DeliveryStateError("Its endpoint was deleted.", reason="endpoint_deleted")
    return endpoint


def _check(delivery: Delivery) -> None:
    if delivery.is_probe:
        raise DeliveryStateError("Pings and tests are not sent again. Send a new one.", reason="probe")
    if delivery.state == DeliveryState.INFLIGHT:
        raise DeliveryStateError("It is being sent at this moment.", reason="in_flight")
    if not bytes(delivery.message.data):
        raise DeliveryStateError("Its content was removed by retention.", reason="content_gone")


def _again(deliveries: DeliveryQuerySet, endpoint: Endpoint) -> int:
    reason = parked_reason(endpoint)
    return deliveries.update(
        state=DeliveryState.PARKED if reason else DeliveryState.PENDING,
        last_reason=reason.value if reason else "",
        attempts=0,
        abandoned=0,
        next_at=Now(),
        replayed_at=Now(),
        finished_at=None,
    )


def _in_window(endpoint: Endpoint, window: ReplayWindow) -> DeliveryQuerySet:
    made = Q(endpoint=endpoint, created_at__gte=window.since, created_at__lt=window.until, is_probe=False)
    found = Delivery.objects.filter(made, state__in=window.states).exclude(message__data=b"")
    if "*" in window.types:
        return found
    known = Message.objects.filter(deliveries__in=found).values_list("type", flat=True).distinct()
    return found.filter(message__type__in=[each for each in known if any(matches(one, each) for one in window.types)])


def _too_much(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="replay_window", details=[FieldProblem(name, message)])
