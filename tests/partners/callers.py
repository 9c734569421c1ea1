"""Calling the service with a key, in one line."""

import json
from typing import Any

from django.test import Client

WHOAMI = "/v1/whoami"
SELF = "/v1/keys/self"
ROTATE = "/v1/keys/self/rotate"
REVOKE = "/v1/keys/self/revoke"


def ask(credential: str, path: str = WHOAMI, *, method: str = "GET", address: str = "127.0.0.1", **headers: str) -> Any:
    """Call with a credential in X-API-Key and return Django's test response."""
    client = Client(HTTP_HOST="127.0.0.1:8000", REMOTE_ADDR=address)
    return client.generic(method, path, headers={"X-API-Key": credential, **headers})


def post(credential: str, path: str, body: object = None, **headers: str) -> Any:
    """Post a JSON body, or none at all."""
    client = Client(HTTP_HOST="127.0.0.1:8000")
    data = b"" if body is None else json.dumps(body).encode()
    kind = headers.pop("Content-Type", "application/json")
    return client.generic("POST", path, data, content_type=kind, headers={"X-API-Key": credential, **headers})


def error_of(answer: Any) -> tuple[int, str]:
    """The status and name of a refusal."""
    return answer.status_code, answer.json()["code"]
