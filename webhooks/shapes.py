"""The bodies that partners send about endpoints and events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from rest_framework import serializers

from core.fields import StrictTextField, validated
from core.strict_json import JsonObject
from webhooks.formats import SignatureFormat
from webhooks.models import DeliveryState, Endpoint
from webhooks.models.endpoints import MAX_CONCURRENCY, MAX_URL_CHARS
from webhooks.services.publishing import NewEvent
from webhooks.services.replays import REPLAYABLE, ReplayWindow
from webhooks.services.secrets import DEFAULT_OVERLAP, MAX_OVERLAP
from webhooks.services.switches import EndpointPatch
from webhooks.specs import MAX_PATTERNS, EndpointSpec, spec_of

_MAX_RATE: Final = 60_000


class StrictIntegerField(serializers.IntegerField):
    """A whole number that arrives as a JSON number."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class StrictBooleanField(serializers.BooleanField):
    """A truth value that arrives as true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return bool(data)


class InstantField(serializers.DateTimeField):
    """An instant in ISO 8601 with its offset, as a text."""

    default_error_messages = {"naive": "Say the offset too, for example 2026-01-31T09:30:00Z."}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid", format="ISO 8601")
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format="ISO 8601")
        if instant.tzinfo is None:
            self.fail("naive")
        return instant.astimezone(UTC)


def _patterns(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(child=StrictTextField(max_length=100), min_length=1, max_length=MAX_PATTERNS, **kwargs)


class EndpointRequest(serializers.Serializer[Any]):
    url = StrictTextField(
        max_length=MAX_URL_CHARS, help_text="Where deliveries go, over https. A new URL proves itself before it gets any."
    )
    event_types = _patterns(required=False, help_text="Types, with `*` for any characters; `*` alone, the default, is all.")
    signature_format = serializers.ChoiceField([each.value for each in SignatureFormat], required=False)
    description = StrictTextField(max_length=200, allow_blank=True, required=False)
    max_concurrency = StrictIntegerField(
        min_value=1, max_value=MAX_CONCURRENCY, required=False, help_text="Calls at once, at most; 5 unless said otherwise."
    )
    rate_per_minute = StrictIntegerField(min_value=1, max_value=_MAX_RATE, allow_null=True, required=False)
    echoes_challenge = StrictBooleanField(
        required=False, help_text="Whether the answer to `endpoint.verify` has to repeat its challenge."
    )


class EndpointPatchRequest(EndpointRequest):
    url = StrictTextField(max_length=MAX_URL_CHARS, required=False)
    paused = StrictBooleanField(required=False, help_text="While paused, deliveries are parked and nothing is lost.")
    disabled = StrictBooleanField(required=False, help_text="As paused, and shown as out of use; false enables it again.")
    reason = StrictTextField(max_length=500, allow_blank=True, required=False)


class RotateSecretRequest(serializers.Serializer[Any]):
    overlap_seconds = StrictIntegerField(
        min_value=0,
        max_value=int(MAX_OVERLAP.total_seconds()),
        default=int(DEFAULT_OVERLAP.total_seconds()),
        help_text="How long the old secret stays valid beside the new one; 0 ends it now (an emergency).",
    )
    reason = StrictTextField(max_length=500, default="", allow_blank=True)


class TestRequest(serializers.Serializer[Any]):
    __test__ = False  # not a test class, whatever pytest thinks
    type = StrictTextField(max_length=100, help_text="The type whose sample is sent.")


class ReplayRequest(serializers.Serializer[Any]):
    since = InstantField(help_text="Deliveries made from then on.")
    until = InstantField(required=False, help_text="And before then; now unless said otherwise.")
    types = _patterns(required=False)
    states = serializers.ListField(
        child=serializers.ChoiceField([each.value for each in REPLAYABLE]), min_length=1, required=False
    )


class PublishRequest(serializers.Serializer[Any]):
    type = StrictTextField(max_length=100, help_text="A lower-case dotted name, such as `order.shipped`.")
    data = serializers.JSONField(  # type: ignore[assignment]  # a field takes the property's place in the class alone
        help_text="Any object that survives a JavaScript receiver unchanged."
    )
    partner_org_id = StrictTextField(max_length=128, required=False, help_text="The organization it concerns, by your own id.")


def read_endpoint(body: JsonObject) -> EndpointSpec:
    """Read a new endpoint.

    Raises: InvalidRequestError.
    """
    return EndpointSpec(**_columns(validated(EndpointRequest, body)))


def read_patch(body: JsonObject) -> dict[str, Any]:
    """Read which fields of an endpoint to change.

    Raises: InvalidRequestError.
    """
    return validated(EndpointPatchRequest, body)


def patch_of(endpoint: Endpoint, fields: dict[str, Any]) -> EndpointPatch:
    """An endpoint with some fields changed."""
    spec = spec_of(endpoint)
    changed = {name: value for name, value in fields.items() if name in EndpointRequest().fields}
    wanted = replace(spec, **_columns(changed))
    return EndpointPatch(wanted, fields.get("paused"), fields.get("disabled"), fields.get("reason", ""))


def read_overlap(body: JsonObject) -> tuple[timedelta, str]:
    """Read how a secret is rotated: the overlap, and why.

    Raises: InvalidRequestError.
    """
    fields = validated(RotateSecretRequest, body)
    return timedelta(seconds=fields["overlap_seconds"]), fields["reason"]


def read_test(body: JsonObject) -> str:
    """Read which type to send a sample of.

    Raises: InvalidRequestError.
    """
    return str(validated(TestRequest, body)["type"])


def read_event(body: JsonObject) -> NewEvent:
    """Read an event to publish.

    Raises: InvalidRequestError.
    """
    fields = validated(PublishRequest, body)
    return NewEvent(fields["type"], fields["data"], fields.get("partner_org_id", ""))


def read_window(body: JsonObject) -> ReplayWindow:
    """Read which deliveries to send again.

    Raises: InvalidRequestError.
    """
    fields = validated(ReplayRequest, body)
    states = tuple(DeliveryState(each) for each in fields.get("states", [DeliveryState.FAILED.value]))
    until = fields.get("until") or timezone.now()
    return ReplayWindow(fields["since"], until, tuple(fields.get("types", ["*"])), states)


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    columns = dict(fields)
    if "event_types" in columns:
        columns["event_types"] = tuple(columns["event_types"])
    if "signature_format" in columns:
        columns["signature_format"] = SignatureFormat(columns["signature_format"])
    return columns
