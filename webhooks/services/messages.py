"""Messages for one endpoint alone."""

from core.strict_json import JsonObject
from webhooks.canonical import render_body, serialise
from webhooks.catalogue import is_reserved, version_of
from webhooks.formats import SignatureFormat
from webhooks.models import Delivery, DeliveryState, Endpoint, Message, MessageBody, MessageSource
from webhooks.services.fanout import new_message_id


def send_probe(endpoint: Endpoint, *, event_type: str, data: JsonObject) -> Delivery:
    """Queue a message for this endpoint alone, whatever its state. The caller holds the endpoint's row, or has just made it."""
    message = Message.objects.create(
        message_id=new_message_id(),
        partner_id=endpoint.partner_id,
        environment=endpoint.environment,
        type=event_type,
        version=version_of(event_type),
        source=MessageSource.OWN if is_reserved(event_type) else MessageSource.COMMERCE,
        data=serialise(data),
        feed_xid=None,
    )
    message.refresh_from_db(fields=["occurred_at"])
    MessageBody.objects.bulk_create([_body(message, endpoint.signature_format)])
    endpoint.last_seq += 1
    endpoint.save(update_fields=["last_seq"])
    return Delivery.objects.create(
        message=message,
        endpoint=endpoint,
        partner_id=endpoint.partner_id,
        environment=endpoint.environment,
        seq=endpoint.last_seq,
        is_probe=True,
        state=DeliveryState.PENDING,
    )


def _body(message: Message, style: str) -> MessageBody:
    body = render_body(
        bytes(message.data), event_type=message.type, occurred_at=message.occurred_at, style=SignatureFormat(style)
    )
    return MessageBody(message=message, style=style, body=body)
