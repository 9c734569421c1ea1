"""The shapes of what partners are answered about event types, endpoints, deliveries and the feed."""

from typing import Any, Final

from rest_framework import serializers

from webhooks.formats import SignatureFormat
from webhooks.models import DeliveryState, MessageSource

_FORMATS: Final = [each.value for each in SignatureFormat]


class Ok(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class EventTypeShape(serializers.Serializer[Any]):
    type = serializers.CharField()
    version = serializers.IntegerField()
    origin = serializers.ChoiceField(MessageSource.values)
    is_subscribable = serializers.BooleanField(help_text="False for pings, which are sent whatever the filter says.")
    meaning = serializers.CharField()
    schema = serializers.DictField(help_text="JSON Schema (2020-12) of `data`.")
    example = serializers.DictField(help_text="An example of `data`.")


class OpenTypes(serializers.Serializer[Any]):
    pattern = serializers.CharField()
    reserved = serializers.ListField(child=serializers.CharField(), help_text="First parts of names that are ours alone.")


class EventTypesAnswer(Ok):
    event_types = EventTypeShape(many=True)
    open = OpenTypes(help_text="What commerce services may publish besides.")


class SecretShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(["pending", "current", "previous"])
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class EndpointShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    environment = serializers.ChoiceField(["live", "test"])
    event_types = serializers.ListField(child=serializers.CharField())
    signature_format = serializers.ChoiceField(_FORMATS)
    description = serializers.CharField(allow_blank=True)
    max_concurrency = serializers.IntegerField()
    rate_per_minute = serializers.IntegerField(allow_null=True)
    echoes_challenge = serializers.BooleanField()
    status = serializers.ChoiceField(["active", "failing", "unverified", "paused", "disabled"])
    verified_at = serializers.DateTimeField(allow_null=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField(allow_blank=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    consecutive_failures = serializers.IntegerField()
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_seq = serializers.IntegerField(help_text="The number of its last delivery, as `webhook-seq` counts them.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    secrets = SecretShape(many=True)


class EndpointAnswer(Ok):
    endpoint = EndpointShape()


class NewEndpointAnswer(Ok):
    id = serializers.UUIDField()
    secret = serializers.CharField(allow_null=True, help_text="Shown once; null when an Idempotency-Key is repeated.")
    endpoint = EndpointShape()


class EndpointsAnswer(Ok):
    endpoints = EndpointShape(many=True)


class RotatedSecretAnswer(Ok):
    secret = serializers.CharField(allow_null=True, help_text="Shown once; null when an Idempotency-Key is repeated.")
    secret_id = serializers.UUIDField()
    state = serializers.ChoiceField(["pending", "current"], help_text="`pending` until the receiver answers the ping 2xx.")


class ReplayedAnswer(Ok):
    replayed = serializers.IntegerField()


class DeliveryShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    message_id = serializers.CharField(help_text="`webhook-id`: the same on every attempt and replay.")
    endpoint_id = serializers.UUIDField()
    type = serializers.CharField()
    seq = serializers.IntegerField()
    is_probe = serializers.BooleanField(help_text="A ping or a test.")
    state = serializers.ChoiceField(DeliveryState.values)
    attempts = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True)
    last_reason = serializers.CharField(allow_blank=True)
    meaning = serializers.CharField(allow_blank=True, help_text="The last reason, for a person.")


class AttemptShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    meaning = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_null=True, help_text="What the host name led to; never told of a refused address.")
    dns_ms = serializers.IntegerField(allow_null=True)
    connect_ms = serializers.IntegerField(allow_null=True)
    tls_ms = serializers.IntegerField(allow_null=True)
    first_byte_ms = serializers.IntegerField(allow_null=True)
    total_ms = serializers.IntegerField()
    response_headers = serializers.DictField()
    response_text = serializers.CharField(allow_blank=True, help_text="At most 4 KiB.")


class DeliveriesAnswer(Ok):
    deliveries = DeliveryShape(many=True)
    next = serializers.CharField(allow_null=True, help_text="Give it as `after` for the next page.")


class DeliveryAnswer(Ok):
    delivery = DeliveryShape()


class DeliveryLogAnswer(DeliveryAnswer):
    attempts = AttemptShape(many=True)
    body = serializers.CharField(
        allow_null=True, help_text="The bytes that were signed, as text; null once retention took them."
    )


class PublishedAnswer(Ok):
    id = serializers.CharField(help_text="`webhook-id` of every delivery of it.")
    type = serializers.CharField()
    timestamp = serializers.DateTimeField()


class FeedEventShape(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The same as `webhook-id` of its deliveries.")
    type = serializers.CharField()
    version = serializers.IntegerField()
    origin = serializers.ChoiceField(MessageSource.values)
    timestamp = serializers.DateTimeField()
    data = serializers.DictField(  # type: ignore[assignment]  # a field takes the property's place in the class alone
        allow_null=True, help_text="Null once retention took it."
    )
    partner_org_id = serializers.CharField(allow_null=True)
    cursor = serializers.CharField(help_text="Give it as `after` to go on behind this event.")


class FeedAnswer(Ok):
    events = FeedEventShape(many=True)
    next = serializers.CharField(help_text="Give it as `after` to go on; nothing will ever appear before it.")
    has_more = serializers.BooleanField()
