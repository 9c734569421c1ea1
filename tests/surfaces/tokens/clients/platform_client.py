"""An integration of the platform as its guide describes it: two mechanisms, four surfaces, credentials from the environment.

It signs in, sends the token with the Bearer prefix, fetches a new one on the first 401, and calls the key surfaces with the
one header they ask for. It prints what it learned as JSON, and knows nothing of the service but its addresses.
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

API_HOST = os.environ["API_HOST"]


def call(path: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
    """POST JSON; returns status and answer."""
    data = json.dumps(body or {}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{API_HOST}{path}", data, {"Content-Type": "application/json", **named}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def generate_token(email: str, password: str) -> str:
    """Generate Token."""
    status, answer = call("/Login/Customer/Api/Verify", {"Email": email, "Password": password}, h_region_code="TR")
    if status != 200 or not answer["success"]:
        sys.exit(f"sign-in failed with {status}: {answer}")
    return str(answer["data"]["Token"])


class ResellerApi:
    """A client that refreshes on the first 401."""

    def __init__(self, email: str, password: str) -> None:
        self.email, self.password = email, password
        self.token = "none-yet"
        self.sign_ins = 0

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, answer = call(path, body, Authorization=f"Bearer {self.token}")
        if status == 401:
            self.token = generate_token(self.email, self.password)
            self.sign_ins += 1
            status, answer = call(path, body, Authorization=f"Bearer {self.token}")
        return status, answer


def claims_of(token: str) -> dict[str, Any]:
    """What the token says, as any client may read it."""
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def main() -> None:
    """Tell the story once."""
    reseller = ResellerApi(os.environ["RESELLER_EMAIL"], os.environ["RESELLER_PASSWORD"])
    orders = [reseller.post("/Orders/Create", {"items": [{"sku": "STK-001", "quantity": 2}]})[0] for _ in range(2)]
    key, login = os.environ["SURFACE_KEY"], {"Email": os.environ["CUSTOMER_EMAIL"], "Password": os.environ["CUSTOMER_PASSWORD"]}
    signed_in = call("/Login/Customer/Verify", login, X_Shop_Handle=os.environ["SHOP"])[1]["data"]
    claims = claims_of(reseller.token)
    wrong = call("/Login/Customer/Api/Verify", {"Email": reseller.email, "Password": "wrong"})
    json.dump(
        {
            "orders": orders,
            "sign_ins": reseller.sign_ins,
            "claims": sorted({"sub", "tenant", "scope", "exp"} & claims.keys()),
            "without_prefix": call("/Orders/Create", {}, Authorization=reseller.token)[0],
            "wrong_password": [wrong[0], wrong[1]["success"]],
            "products": call("/Supplier/Products/List", None, ApiKey=key)[0],
            "in_another_case": call("/Supplier/Products/List", None, apikey=key)[0],
            "bad_key": [
                call("/Supplier/Products/List", None, ApiKey="ak_live_nonsense")[1]["code"],
                call("/Payment/Payments/Create")[1]["code"],
            ],
            "storefront": call("/Storefront/Products/List", None, Authorization=f"Bearer {signed_in['Token']}")[0],
            "on_the_wrong_surface": call("/Storefront/Products/List", None, Authorization=f"Bearer {reseller.token}")[0],
            "no_scope": call("/Orders/List", None, Authorization=f"Bearer {reseller.token}")[0],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
