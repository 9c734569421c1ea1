"""A partner's backend as the guide describes it: the credentials from the environment, the key in one header.

It sets up two users and an organization, repeats itself, and prints what it learned as JSON. It knows nothing of the
service but its addresses.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

BASE_URL = os.environ["STICKER_API_URL"]
API_KEY = os.environ["STICKER_API_KEY"]


def post(path: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
    """Send JSON with the API key; returns status and answer."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"{BASE_URL}{path}", json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def set_up(user_id: str, first_name: str) -> dict[str, Any]:
    """Set up a user of our organization; one who is there already is as good as new."""
    address = {"line1": "1 Market Street", "city": "San Francisco", "province": "California", "postalCode": "94105"}
    body = {
        "internalOrgId": "acme-7",
        "organizationName": "Acme Dental",
        "internalUserId": user_id,
        "user": {"firstName": first_name, "lastName": "Meyer", "email": f"{user_id}@acme.example", "phoneNumber": ""},
        "userAddress": address,
        "shippingLocations": [address],
        "billingAddress": address,
    }
    status, answer = post("/v1/organizations/setup", body)
    if status not in (201, 409):
        sys.exit(f"setup failed with {status}: {answer}")
    return {"status": status, "organization": answer["organizationId"], "profile": answer["profileId"]}


def set_up_older(**headers: str) -> dict[str, Any]:
    """Set up the organization by the older form."""
    body = {
        "partner_org_id": "acme-7",
        "organization": {
            "name": "Acme Dental Group",
            "email": "office@acme.example",
            "addresses": [{"line1": "1 Market Street", "city": "San Francisco", "state": "CA", "zip": "94105"}],
        },
        "users": [{"email": "pat@acme.example", "first_name": "Pat", "last_name": "Meyer", "role": "admin"}],
    }
    status, answer = post("/v1/partner/organization-setup", body, **headers)
    return {"status": status, "action": answer["action"], "organization": answer["profile"]["id"]}


def main() -> None:
    """Tell the story once."""
    report = {
        "first": set_up("user-1", "Kim"),
        "again": set_up("user-1", "Kim"),
        "second": set_up("user-2", "Lee"),
        "older": set_up_older(),
        "older_once": set_up_older(**{"Idempotency-Key": "acme-7-import"}),
        "wrong": post("/v1/organizations/setup", {})[1]["code"],
        "wrong_key": post("/v1/organizations/setup", {}, Authorization=f"Bearer {API_KEY[:-1]}")[1]["code"],
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
