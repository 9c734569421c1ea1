"""The examples of the API document. Those of requests work as they stand, in this order, after the setup example."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.principals import Environment

_PROFILE_ID: Final = "c7a1c1f2-8a0b-4c58-93f5-0d5d8a5f2a33"
_PARTNER_ID: Final = "3f0d6a0e-6f0e-4c55-9a57-6b1d1f8f6a01"
_SESSION_ID: Final = "5e1f4a52-0c4b-4f0e-b7a9-1d0b5c2a7e44"
_TOKEN: Final = "0123456789abcdef" * 4
_ISSUED_AT: Final = "2026-01-31T09:30:00.000Z"
_PROFILE: Final = {"id": _PROFILE_ID, "first_name": "Ada", "last_name": "Diaz", "email": "ada@northwind.example"}
_FACTS: Final = {
    "session": {"id": _SESSION_ID, "expires_at": "2026-01-31T19:31:00.000Z", "expires_in": 36000, "idle_seconds": 900},
    "profile": _PROFILE,
}
_SIGNED_IN: Final = {
    "success": True,
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 300,
    **_FACTS,
}
_KID: Final = "9Vd1bTq0ZxLm"
_KEY: Final = f"sk_test_{_KID}" + "x" * 38


@dataclass(frozen=True, slots=True)
class Examples:
    """Requests by name, as OpenAPI writes them, and one answer by status."""

    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)


def _request(summary: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "value": dict(value)}


EXAMPLES: Final[Mapping[str, Examples]] = {
    "report": Examples(
        answers={
            "200": {
                "success": True,
                "report": "key-usage",
                "environment": "live",
                "from": "2026-01-30",
                "to": "2026-01-31",
                "group_by": "day",
                "rows": [
                    {"day": "2026-01-30", "accepted": 1240, "refused": 3},
                    {"day": "2026-01-31", "accepted": 1315, "refused": 0},
                ],
                "totals": {"accepted": 2555, "refused": 3},
            }
        }
    ),
    "handshake": Examples(
        {
            "yourId": _request("By your own id of the user", {"internal_user_id": "user-42"}),
            "organization": _request(
                "By organization and e-mail",
                {
                    "partner_org_id": "org-1001",
                    "user": {"email": "ada@northwind.example", "first_name": "Ada", "last_name": "Diaz"},
                },
            ),
            "ourId": _request("By our id of the user", {"profile_id": _PROFILE_ID}),
        },
        {
            "200": {
                "success": True,
                "session_key": _TOKEN,
                "iframe_embed_url": f"https://embed.example/sandbox/embedded/{_PARTNER_ID}#session_key={_TOKEN}",
                "iframe_url": f"https://embed.example/sandbox/embedded/{_PARTNER_ID}",
                "expires_at": "2026-01-31T09:35:00.000Z",
                "expires_in": 300,
                "is_used": False,
                "session_id": _SESSION_ID,
                "profile": _PROFILE,
                "partner_org_id": "org-1001",
            }
        },
    ),
    "session_status": Examples(
        answers={
            "200": {
                "success": True,
                "session_id": _SESSION_ID,
                "status": "redeemed",
                "is_used": True,
                "profile_id": _PROFILE_ID,
                "internal_user_id": "user-42",
                "created_at": _ISSUED_AT,
                "expires_at": "2026-01-31T09:35:00.000Z",
                "redeemed_at": "2026-01-31T09:31:00.000Z",
                "ended_at": None,
                "last_seen_at": "2026-01-31T09:31:00.000Z",
            }
        }
    ),
    "session_redeem": Examples(
        {
            "page": _request(
                "As the page does",
                {
                    "session_key": _TOKEN,
                    "partner_id": _PARTNER_ID,
                    "redeem_id": "f00dbabe0123456789abcdef01234567",
                    "environment": Environment.TEST.value,
                },
            )
        },
        {"200": _SIGNED_IN},
    ),
    "session_current": Examples(answers={"200": {"success": True, **_FACTS}}),
    "session_refresh": Examples({"cookie": _request("With the cookie", {})}, {"200": _SIGNED_IN}),
    "session_heartbeat": Examples({"cookie": _request("With the cookie", {})}, {"200": {"success": True, **_FACTS}}),
    "session_logout": Examples({"cookie": _request("With the cookie", {})}),
    "whoami": Examples(
        answers={
            "200": {
                "success": True,
                "environment": "test",
                "partner": {"id": _PARTNER_ID, "slug": "northwind", "name": "Northwind"},
                "key": {"kid": _KID, "kind": "sk", "scopes": ["session:create"], "expires_at": "2027-01-31T09:30:00Z"},
                "address": "203.0.113.7",
            }
        }
    ),
    "key_self": Examples(
        answers={
            "200": {
                "success": True,
                "kid": _KID,
                "name": "Shop backend",
                "kind": "sk",
                "environment": "test",
                "status": "active",
                "scopes": ["session:create", "key:read"],
                "networks": [],
                "generation": 1,
                "created_at": "2026-01-31T09:30:00Z",
                "expires_at": "2027-01-31T09:30:00Z",
                "grace_until": None,
                "last_used_at": None,
                "successor": None,
            }
        }
    ),
    "key_self_rotate": Examples(
        {"day": _request("The old key works for another day", {"overlap": "24h", "reason": "Yearly rotation"})},
        {
            "201": {
                "success": True,
                "kid": _KID,
                "key": _KEY,
                "generation": 2,
                "expires_at": "2027-01-31T09:30:00Z",
                "previous": "4Qe7cHn2YpRs",
                "previous_works_until": "2026-02-01T09:30:00Z",
            }
        },
    ),
    "key_self_revoke": Examples(
        {"leak": _request("The key has leaked", {"reason": "compromise", "comment": "Found in a public repository"})},
        {"200": {"success": True, "kid": _KID, "revoked": [_KID]}},
    ),
}
