"""Publishing the events of commerce services."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor, Principal
from webhooks.canonical import serialise
from webhooks.catalogue import is_reserved, is_type, schema_problems, version_of
from webhooks.errors import EventTypeReservedError
from webhooks.models import Message, MessageSource
from webhooks.services.fanout import new_message_id


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What a commerce service says. `partner_org_id` is the organization it concerns, by the partner's own id."""

    type: str
    data: Any
    partner_org_id: str = ""


def publish_event(principal: Principal, *, event: NewEvent, actor: Actor) -> Message:
    """Store an event; once this returns and its transaction ends, no crash loses it. Deliveries are made from it afterwards.

    Raises: EventTypeReservedError for a name of our own; InvalidRequestError naming what does not fit the schema, or would not
    survive a JavaScript receiver.
    """
    _check(event)
    with transaction.atomic():
        message = Message.objects.create(
            message_id=new_message_id(),
            partner_id=principal.partner_id,
            environment=principal.environment.value,
            type=event.type,
            version=version_of(event.type),
            source=MessageSource.COMMERCE,
            data=serialise(event.data),
            partner_org_id=event.partner_org_id,
        )
        data = {"type": event.type}
        environment = principal.environment.value
        record(Act(EventType.EVENT_PUBLISHED, actor, principal.partner_id, environment, "event", message.message_id, data=data))
    message.refresh_from_db(fields=["occurred_at"])
    return message


def _check(event: NewEvent) -> None:
    if not is_type(event.type):
        problem = FieldProblem("type", "Use a lower-case dotted name of at most 100 characters, such as order.shipped.")
        raise InvalidRequestError(reason="event_type", details=[problem])
    if is_reserved(event.type):
        raise EventTypeReservedError(reason="reserved_type")
    problems = schema_problems(event.type, event.data)
    if problems:
        raise InvalidRequestError(reason="event_schema", details=problems)
