"""The examples of the webhook calls in the API document."""

from collections.abc import Mapping
from typing import Any, Final

from sticker_auth.openapi_examples import Examples
from webhooks.answers import event_types

_ENDPOINT_ID: Final = "7e4a1f60-2c9b-4d38-8f15-3b6d9e0c5a72"
_SECRET_ID: Final = "c2a5e8b1-4d70-4f96-a3c8-1e6b9d2f7045"  # noqa: S105  # an id
_MESSAGE_ID: Final = "msg_3kTn8VxQ2mZr7LpYc5WdHs9BfJa"
_DELIVERY_ID: Final = f"{_MESSAGE_ID}.{_ENDPOINT_ID.replace('-', '')}"
_AT: Final = "2026-01-31T09:30:00.000Z"
_LATER: Final = "2026-01-31T09:30:01.250Z"
_CURSOR: Final = "874213-1042"
_ENDPOINT: Final = {
    "id": _ENDPOINT_ID,
    "url": "https://shop.example/hooks/sticker",
    "environment": "test",
    "event_types": ["session.*", "order.shipped"],
    "signature_format": "standard",
    "description": "Shop backend",
    "max_concurrency": 5,
    "rate_per_minute": None,
    "echoes_challenge": False,
    "verified_at": None,
    "paused_at": None,
    "disabled_at": None,
    "disabled_reason": "",
    "failing_since": None,
    "consecutive_failures": 0,
    "last_success_at": None,
    "last_seq": 1,
    "created_at": _AT,
    "updated_at": _AT,
    "status": "unverified",
    "secrets": [{"id": _SECRET_ID, "state": "current", "created_at": _AT, "confirmed_at": None, "expires_at": None}],
}
_OPEN: Final = {**_ENDPOINT, "verified_at": _LATER, "status": "active", "last_success_at": _LATER}
_DELIVERY: Final = {
    "id": _DELIVERY_ID,
    "message_id": _MESSAGE_ID,
    "endpoint_id": _ENDPOINT_ID,
    "type": "order.shipped",
    "seq": 2,
    "is_probe": False,
    "state": "delivered",
    "attempts": 1,
    "next_at": None,
    "created_at": _AT,
    "replayed_at": None,
    "finished_at": _LATER,
    "last_status": 204,
    "last_reason": "delivered",
    "meaning": "The receiver answered 2xx.",
}
_WAITING: Final = {
    **_DELIVERY,
    "state": "pending",
    "attempts": 0,
    "next_at": _AT,
    "finished_at": None,
    "last_status": None,
    "last_reason": "",
    "meaning": "",
}
_TEST: Final = {**_WAITING, "is_probe": True}
_ATTEMPT: Final = {
    "number": 1,
    "started_at": _LATER,
    "status": 204,
    "reason": "delivered",
    "meaning": "The receiver answered 2xx.",
    "address": "203.0.113.10",
    "dns_ms": 3,
    "connect_ms": 11,
    "tls_ms": 24,
    "first_byte_ms": 58,
    "total_ms": 60,
    "response_headers": {"server": "nginx"},
    "response_text": "",
}
_ORDER: Final = {"order_id": "ord_1001", "carrier": "UPS", "items": 2}
_BODY: Final = (
    '{"type":"order.shipped","timestamp":"2026-01-31T09:30:00.000Z","data":{"order_id":"ord_1001","carrier":"UPS","items":2}}'
)
# Shown once, so that an example of one is no secret; the pattern of a real one, which no scanner takes for it.
_SECRET: Final = "whsec_EXAMPLE"  # noqa: S105  # an example


def _request(summary: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "value": dict(value)}


WEBHOOK_EXAMPLES: Final[Mapping[str, Examples]] = {
    "webhook_diagnose": Examples(
        {
            "rewritten": _request(
                "A body that was parsed and written again",
                {
                    "headers": {
                        "webhook-id": _MESSAGE_ID,
                        "webhook-timestamp": "1769851801",
                        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                    },
                    "body": _BODY.replace(":", ": ").replace(",", ", "),
                    "received_at": _LATER,
                },
            )
        },
        {
            "200": {
                "success": True,
                "fits": False,
                "findings": [
                    {
                        "mistake": "body_reserialised",
                        "title": "The body was parsed and written again",
                        "text": (
                            "The JSON says the same, in other bytes: other spaces, order, escapes or numbers. Verify the raw"
                            " bytes of the request, before any parser."
                        ),
                    }
                ],
            }
        },
    ),
    "event_types": Examples(answers={"200": event_types()}),
    "event_feed": Examples(
        answers={
            "200": {
                "success": True,
                "events": [
                    {
                        "id": _MESSAGE_ID,
                        "type": "order.shipped",
                        "version": 1,
                        "origin": "commerce",
                        "timestamp": _AT,
                        "data": _ORDER,
                        "partner_org_id": "org-1001",
                        "cursor": _CURSOR,
                    }
                ],
                "next": _CURSOR,
                "has_more": False,
            }
        }
    ),
    "event_publish": Examples(
        {"shipped": _request("An order left the warehouse", {"type": "order.shipped", "data": _ORDER})},
        {"202": {"success": True, "id": _MESSAGE_ID, "type": "order.shipped", "timestamp": _AT}},
    ),
    "webhook_endpoints": Examples(answers={"200": {"success": True, "endpoints": [_OPEN]}}),
    "webhook_endpoint_create": Examples(
        {
            "standard": _request(
                "Standard Webhooks",
                {"url": "https://shop.example/hooks/sticker", "event_types": ["session.*", "order.shipped"]},
            ),
            "stash": _request(
                "As Stash signs", {"url": "https://game.example/stash", "event_types": ["*"], "signature_format": "stash"}
            ),
        },
        {"201": {"success": True, "id": _ENDPOINT_ID, "secret": _SECRET, "endpoint": _ENDPOINT}},
    ),
    "webhook_endpoint": Examples(answers={"200": {"success": True, "endpoint": _OPEN}}),
    "webhook_endpoint_update": Examples(
        {"pause": _request("Pause", {"paused": True, "reason": "Maintenance"})},
        {"200": {"success": True, "endpoint": {**_OPEN, "paused_at": _LATER, "status": "paused"}}},
    ),
    "webhook_secret_rotate": Examples(
        {
            "staged": _request("The old one stays valid for a day", {"overlap_seconds": 86400}),
            "emergency": _request("The old one ends now", {"overlap_seconds": 0, "reason": "It leaked"}),
        },
        {"201": {"success": True, "secret": _SECRET, "secret_id": _SECRET_ID, "state": "pending"}},
    ),
    "webhook_endpoint_test": Examples(
        {"sample": _request("A sample", {"type": "order.shipped"})}, {"202": {"success": True, "delivery": _TEST}}
    ),
    "webhook_endpoint_verify": Examples(
        answers={"202": {"success": True, "delivery": {**_TEST, "type": "endpoint.verify", "seq": 1}}}
    ),
    "webhook_endpoint_replay": Examples(
        {"failed": _request("What failed since then", {"since": "2026-01-30T00:00:00Z", "states": ["failed"]})},
        {"202": {"success": True, "replayed": 12}},
    ),
    "deliveries": Examples(answers={"200": {"success": True, "deliveries": [_DELIVERY], "next": None}}),
    "delivery": Examples(answers={"200": {"success": True, "delivery": _DELIVERY, "attempts": [_ATTEMPT], "body": _BODY}}),
    "delivery_replay": Examples(answers={"202": {"success": True, "delivery": {**_WAITING, "replayed_at": _LATER}}}),
}
