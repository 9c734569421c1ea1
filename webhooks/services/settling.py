"""What follows from an answered ping: an endpoint is open from its proof on, a proved secret takes over."""

import json
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record
from core.principals import SYSTEM
from webhooks.models import FINAL_STATES, Attempt, Delivery, DeliveryState, Endpoint, SecretState
from webhooks.own_events import SECRET_ROTATED, VERIFY
from webhooks.reasons import AttemptReason
from webhooks.services.ledger import endpoint_act
from webhooks.services.secrets import end_expired_secrets, promote_secret

BATCH_PROBES: Final = 50


def settle(*, limit: int = BATCH_PROBES) -> int:
    """Draw the consequences of answered probes, and forget secrets whose time is over; return how much there was to do.

    Cheap when there is nothing. Safe to run at any time, anywhere.
    """
    return settle_probes(limit=limit) + end_expired_secrets()


def settle_probes(*, limit: int = BATCH_PROBES) -> int:
    """Draw the consequence of each answered probe, once; return how many.

    Safe to run at any time, anywhere.
    """
    done = Q(is_probe=True, settled_at=None, state__in=FINAL_STATES)
    found = list(Delivery.objects.filter(done).order_by("endpoint_id", "pk").values_list("pk", "endpoint_id")[:limit])
    for delivery_id, endpoint_id in found:
        _settle(delivery_id, endpoint_id)
    return len(found)


def _settle(delivery_id: int, endpoint_id: UUID) -> None:
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
        if not Delivery.objects.filter(pk=delivery_id, settled_at=None).update(settled_at=Now()):
            return
        delivery = Delivery.objects.select_related("message").get(pk=delivery_id)
        if delivery.state != DeliveryState.DELIVERED or endpoint.deleted_at:
            return
        if delivery.message.type == VERIFY and delivery.message_id == endpoint.verify_message_id:
            _settle_proof(endpoint, delivery)
        elif delivery.message.type == SECRET_ROTATED:
            _settle_rotation(endpoint, delivery)


def _settle_proof(endpoint: Endpoint, delivery: Delivery) -> None:
    if endpoint.echoes_challenge and not _is_echoed(delivery):
        return
    Endpoint.objects.filter(pk=endpoint.pk).update(verified_at=Now(), verify_message_id=None, updated_at=Now())
    record(endpoint_act(EventType.ENDPOINT_VERIFIED, endpoint, SYSTEM))


def _settle_rotation(endpoint: Endpoint, delivery: Delivery) -> None:
    pending = endpoint.secrets.filter(state=SecretState.PENDING, ping_message_id=delivery.message_id).first()
    if pending is not None:
        promote_secret(pending, endpoint=endpoint, actor=SYSTEM)


def _is_echoed(delivery: Delivery) -> bool:
    """Whether the last answer holds the challenge: as the whole text, or as `challenge` of a JSON object."""
    answer = Attempt.objects.filter(delivery_id=delivery.pk, reason=AttemptReason.DELIVERED).order_by("-number").first()
    wanted = json.loads(bytes(delivery.message.data))["challenge"]
    return answer is not None and _said(answer.response_text) == wanted


def _said(text: str) -> object:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()
    return answer.get("challenge") if isinstance(answer, dict) else answer
