"""The OAuth side of the API document: what each call about a grant can be refused with, and its examples."""

from collections.abc import Mapping
from typing import Any, Final

from core.errors import StickerError
from organizations.errors import (
    CodeRejectedError,
    GrantStateError,
    NotConfiguredError,
    NotConnectedError,
    OrganizationNotFoundError,
    ProviderUnavailableError,
)
from sticker_auth.openapi_examples import Examples

RAISES: Final[Mapping[str, tuple[type[StickerError], ...]]] = {
    "organization_oauth": (OrganizationNotFoundError, NotConnectedError),
    "organization_oauth_put": (OrganizationNotFoundError,),
    "organization_oauth_delete": (OrganizationNotFoundError, NotConnectedError),
    "organization_sync": (OrganizationNotFoundError, NotConnectedError, GrantStateError, NotConfiguredError),
    "organization_connect": (OrganizationNotFoundError, NotConfiguredError),
    "organization_oauth_exchange": (
        OrganizationNotFoundError,
        NotConfiguredError,
        CodeRejectedError,
        ProviderUnavailableError,
    ),
}
_BEGAN: Final = "2026-01-31T09:30:00.000Z"
_ENDED: Final = "2026-01-31T09:30:00.412Z"
_PENDING: Final[Mapping[str, Any]] = {
    "success": True,
    "internalOrgId": "org-1001",
    "organizationId": "0b6f4f6e-2f53-4d0e-9a39-6f1f5b0a7c11",
    "environment": "test",
    "state": "pending",
    "stateSince": _BEGAN,
    "connectedAt": _BEGAN,
    "lastSyncedAt": None,
    "nextSyncAt": _BEGAN,
    "token": {"expiresAt": "2026-01-31T10:30:00.000Z", "hasRefreshToken": True, "scopes": []},
    "problem": None,
    "lastRun": None,
}
_ACTIVE: Final = {
    **_PENDING,
    "state": "active",
    "lastSyncedAt": _ENDED,
    "nextSyncAt": "2026-01-31T10:31:12.000Z",
    "lastRun": {
        "startedAt": _BEGAN,
        "finishedAt": _ENDED,
        "outcome": "changed",
        "reason": None,
        "httpStatus": 200,
        "changes": {"changed": ["phone"], "users_added": 2, "users_updated": 1, "users_removed": 0},
    },
}


def _request(summary: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "value": dict(value)}


EXAMPLES: Final[Mapping[str, Examples]] = {
    "organization_oauth": Examples(answers={"200": _ACTIVE}),
    "organization_oauth_put": Examples(
        {
            "both": _request(
                "Both tokens",
                {"accessToken": "opaque-access-token", "refreshToken": "opaque-refresh-token", "accessTokenExpiresIn": 3600},
            )
        },
        {"200": _PENDING},
    ),
    "organization_sync": Examples(answers={"202": _ACTIVE}),
    "organization_connect": Examples(
        answers={
            "201": {
                "success": True,
                "connectUrl": "https://auth.example.com/connect/5b1f0c52-7d0e-4f0a-9d6e-0f4f1f5b7a10#SECRET",
                "expiresAt": "2026-01-31T10:30:00.000Z",
            }
        }
    ),
    "organization_oauth_exchange": Examples(
        {
            "code": _request(
                "A code that your redirect brought",
                {
                    "internalOrgId": "org-1001",
                    "code": "SplxlOBeZQQYbYS6WxSbIA",
                    "redirect_uri": "https://shop.example.com/oauth/back",
                    "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                },
            )
        },
        {"200": _PENDING},
    ),
}
