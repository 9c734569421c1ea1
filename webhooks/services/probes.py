"""Messages that ask one endpoint something: prove that you are wanted, prove that you know the new secret, or just a test."""

import secrets
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor
from webhooks.catalogue import CATALOGUE, example_of, is_reserved, is_type
from webhooks.models import FINAL_STATES, Delivery, DeliveryState, Endpoint
from webhooks.own_events import VERIFY
from webhooks.reasons import DeliveryReason
from webhooks.services.ledger import endpoint_act
from webhooks.services.locks import locked_endpoint
from webhooks.services.messages import send_probe

_CHALLENGE_BYTES: Final = 24


def verify_endpoint(endpoint_id: UUID, *, actor: Actor) -> Delivery:
    """Ask an endpoint anew to prove that it is wanted; an open question of before no longer counts.

    Raises: EndpointNotFoundError.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        delivery = ask_for_proof(endpoint)
        record(endpoint_act(EventType.ENDPOINT_VERIFICATION_SENT, endpoint, actor))
    return delivery


def ask_for_proof(endpoint: Endpoint) -> Delivery:
    """Send the challenge to an endpoint's present URL. The caller holds the endpoint's row, or has just made it."""
    cancel_probes(endpoint, event_type=VERIFY)
    data = {"endpoint_id": str(endpoint.pk), "challenge": secrets.token_urlsafe(_CHALLENGE_BYTES)}
    delivery = send_probe(endpoint, event_type=VERIFY, data=data)
    endpoint.verify_message_id = delivery.message_id
    endpoint.save(update_fields=["verify_message_id"])
    return delivery


def send_test(endpoint_id: UUID, *, event_type: str, actor: Actor) -> Delivery:
    """Send a sample of a type to an endpoint, whatever its filter and state.

    Raises: EndpointNotFoundError; InvalidRequestError for a type that is never sent.
    """
    if not is_sendable(event_type):
        problem = FieldProblem("type", "There is no such event type. GET /v1/event-types lists them.")
        raise InvalidRequestError(reason="event_type", details=[problem])
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        delivery = send_probe(endpoint, event_type=event_type, data=example_of(event_type))
        data = {"type": event_type, "message_id": delivery.message.message_id}
        record(endpoint_act(EventType.ENDPOINT_TESTED, endpoint, actor, data=data))
    return delivery


def is_sendable(event_type: str) -> bool:
    """Tell whether a sample of a type can be sent: any commerce type, and our own besides the pings."""
    known = CATALOGUE.get(event_type)
    return known.is_subscribable if known else is_type(event_type) and not is_reserved(event_type)


def cancel_probes(endpoint: Endpoint, *, event_type: str) -> None:
    """Take back the questions of one type that are not answered yet; an answer that still comes changes nothing."""
    unanswered = endpoint.deliveries.filter(is_probe=True, settled_at=None, message__type=event_type)
    waiting = unanswered.exclude(state__in=FINAL_STATES)
    waiting.update(
        state=DeliveryState.CANCELLED,
        last_reason=DeliveryReason.REPLACED,
        claim=None,
        lease_until=None,
        finished_at=Now(),
        settled_at=Now(),
    )
