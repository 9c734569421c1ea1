"""A partner's backend as the integration guides describe it, with nothing but the standard library.

Environment: STICKER_API_URL and STICKER_API_KEY. Argument: which of the guides' headers carries the key. It sets up an
organization (one that exists already is a success), asks for a session token, builds the iframe's address by itself, and
prints what it learned as JSON.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

API_URL = os.environ["STICKER_API_URL"]
API_KEY = os.environ["STICKER_API_KEY"]
HEADERS = {
    "bearer": {"Authorization": f"Bearer {API_KEY}"},
    "scheme": {"Authorization": f"ApiKey {API_KEY}"},
    "x-api-key": {"X-API-Key": API_KEY},
    "x-stash-api-key": {"X-Stash-Api-Key": API_KEY},
    "apikey": {"ApiKey": API_KEY},
}


def post(path: str, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(API_URL + path, json.dumps(payload).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    for name, value in HEADERS[sys.argv[1]].items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=15) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def setup() -> str:
    status, data = post(
        "/v1/organizations/setup",
        {
            "internalOrgId": "clinic-7",
            "organizationName": "Harbor Clinic",
            "internalUserId": "nurse-7",
            "user": {"firstName": "Mia", "lastName": "Olsen", "email": "mia@harbor.example", "phoneNumber": ""},
            "userAddress": None,
            "someFieldOfOurOwn": {"kept": False},
        },
    )
    if status not in (201, 409):
        raise RuntimeError(data["message"])
    return str(data["profileId"])


def handshake(payload: dict[str, Any]) -> dict[str, Any]:
    status, data = post("/v1/partner/handshake", payload)
    if status != 200 or not data["success"]:
        raise RuntimeError(data["message"])
    return data


first, again = setup(), setup()
session = handshake({"internal_user_id": "nurse-7"})
by_profile = handshake({"profile_id": first})
_, unknown = post("/v1/partner/handshake", {"internal_user_id": "nobody"})
report = {
    "same_profile": first == again == session["profile"]["id"] == by_profile["profile"]["id"],
    "iframe_src": f"{session['iframe_url']}?session_key={session['session_key']}",
    "ready_made_src": by_profile["iframe_embed_url"],
    "expires_in": session["expires_in"],
    "is_used": session["is_used"],
    "unknown": unknown["code"],
}
sys.stdout.write(json.dumps(report))
