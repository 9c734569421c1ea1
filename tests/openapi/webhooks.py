"""What right requests about webhooks need to know: endpoints and deliveries that are there."""

import secrets
from typing import Any, Final

from django.db.models.functions import Now
from schemathesis import Case

from core.principals import SYSTEM, Environment
from partners.models import Partner
from tests.openapi.conftest import Caller
from webhooks.answers import delivery_id
from webhooks.models import Delivery, Endpoint
from webhooks.services.endpoints import create_endpoint
from webhooks.services.messages import send_probe
from webhooks.specs import EndpointSpec

HOOK: Final = "https://receiver.example/hook"
SETTINGS: Final = {"WEBHOOK_MAX_ENDPOINTS": "1000000"}
# What each call about an endpoint is led with; the others need no more than the endpoint.
_BODIES: Final[dict[str, Any]] = {
    "webhook_endpoint_create": {"url": HOOK},
    "webhook_endpoint_update": {"description": "Shop backend", "paused": True},
    "webhook_secret_rotate": {"overlap_seconds": 60},
    "webhook_endpoint_test": {"type": "order.shipped"},
    "webhook_diagnose": {"headers": {"webhook-id": "msg_1"}, "body": "{}"},
}
_OF_ENDPOINT: Final = frozenset(
    {"webhook_endpoint", "webhook_endpoint_delete", "webhook_endpoint_verify", "webhook_endpoint_replay", *_BODIES}
)


def make_deliveries(partner: Partner, *, count: int) -> list[str]:
    """Deliveries that failed, by their public ids."""
    spec = EndpointSpec(HOOK)
    endpoint = create_endpoint(partner.pk, environment=Environment.TEST, spec=spec, actor=SYSTEM).endpoint
    made = [send_probe(endpoint, event_type="order.shipped", data={}) for _ in range(count)]
    Delivery.objects.filter(endpoint=endpoint).update(is_probe=False, state="failed", finished_at=Now())
    Endpoint.objects.filter(pk=endpoint.pk).update(verified_at=Now())
    return [delivery_id(each) for each in made]


def lead(case: Case[Any], operation_id: str, caller: Caller) -> None:
    """Give a right request what only a real caller can know."""
    if operation_id in _OF_ENDPOINT and operation_id != "webhook_endpoint_create":
        key = {"Authorization": f"Bearer {caller.key}"}
        case.path_parameters["endpoint_id"] = caller.post("/v1/webhook-endpoints", {"url": HOOK}, **key)["id"]
    if operation_id in _BODIES:
        case.body = dict(_BODIES[operation_id])
    elif operation_id == "webhook_endpoint_replay":
        case.body = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
    elif operation_id == "event_publish":
        case.body = {"type": "order.shipped", "data": {"order_id": secrets.token_hex(4)}}
    elif operation_id in ("event_feed", "deliveries"):
        case.query.clear()
    elif operation_id in ("delivery", "delivery_replay"):
        case.path_parameters["delivery_id"] = next(caller.spare_deliveries)
