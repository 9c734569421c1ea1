"""Passwords, client secrets and the tokens they bring, through the commands and every door that takes them or does not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from tests.canary.staff import Staff

if TYPE_CHECKING:
    from tests.canary.test_canary import Run

GENERATE_TOKEN: Final = "/Login/Customer/Api/Verify"
CUSTOMER_LOGIN: Final = "/Login/Customer/Verify"
RESELLER_TOKEN: Final = "/v1/reseller/token"
STOREFRONT_TOKEN: Final = "/v1/storefront/token"
LOGOUT: Final = "/v1/storefront/logout"
EMAIL: Final = "agent@northwind.example"
CUSTOMER: Final = "customer@northwind.example"


def ask_for_tokens(run: Run, partner: str, profile: str) -> None:
    """Make an account, a client and a customer by command, and present what they hold wherever it may stand, or may not."""
    tenant = ("--partner", partner, "--environment", "test")
    for surface in ("reseller", "storefront"):
        run.manage("grant_surface", *tenant, "--surface", surface, "--json")
    run.manage("allow_customer_passwords", *tenant, "--reason", "canary", "--json")
    password = _made(run, "password", "create_reseller", *tenant, "--email", EMAIL, "--scopes", "orders:create")
    secret = _made(run, "client_secret", "create_client", *tenant, "--name", "Sync", "--scopes", "orders:create")
    customer = _made(run, "password", "create_customer", "--profile", profile, "--email", CUSTOMER)
    _sign_in(run, GENERATE_TOKEN, EMAIL, password["password"])
    data = _sign_in(run, CUSTOMER_LOGIN, CUSTOMER, customer["password"], shop=partner)
    _refresh(run, data["RefreshToken"])
    _prove_a_client(run, secret["client_id"], secret["client_secret"])
    for text in (password["password"], secret["client_secret"], data["Token"], data["RefreshToken"]):
        _misplace(run, text)
    _renew(run, secret["client_id"])
    _by_hand(run, password["id"], secret["id"])


def _made(run: Run, holds: str, command: str, *arguments: str) -> dict[str, Any]:
    """Run a command whose output may hold the one secret that it makes."""
    name = f"{holds} of {command}"
    said = run.manage(command, *arguments, "--json", may_hold=(name,))
    made = dict(json.loads(said))
    # A client's secret begins with a prefix that may be shown.
    run.flock.add(name, made[holds], public=12 if holds == "client_secret" else 0)
    return made


def _sign_in(run: Run, path: str, email: str, password: str, *, shop: str = "") -> dict[str, Any]:
    headers = {"X_Shop_Handle": shop} if shop else {}
    data: dict[str, Any] = {}
    for name, body in (
        ("good", {"Password": password}),
        ("mistyped", {"Password": f"{password}x"}),
        ("list", {"Password": [password]}),
    ):
        sent = {"Email": email, **body, "callbackData": "canary"}
        answer = run.send(f"{name} login at {path}", "POST", path, sent, **headers)
        assert answer.status == (200 if name == "good" else 400), answer.raw
        data = data or _learn(run, answer.body["data"], path)
    run.send(f"password as e-mail at {path}", "POST", path, {"Email": password, "Password": "x"}, **headers)
    run.send(f"password as region at {path}", "POST", path, {"Email": email, "Password": "x"}, h_region_code=password)
    return data


def _learn(run: Run, data: dict[str, Any], what: str) -> dict[str, Any]:
    """Remember the tokens of the answer just seen, which may hold them."""
    for name in ("Token", "RefreshToken", "access_token", "refresh_token"):
        if name in data:
            learned = f"{name} of {what}"
            run.flock.add(learned, data[name].rpartition(".")[2][-40:])
            run.flock.places[-1] = (*run.flock.places[-1][:2], run.flock.places[-1][2] | {learned})
    return data


def _refresh(run: Run, token: str) -> None:
    body = {"grant_type": "refresh_token", "refresh_token": token}
    answer = run.send("refresh", "POST", STOREFRONT_TOKEN, body)
    assert answer.status == 200, answer.raw
    newest = _learn(run, answer.body, "refresh")["refresh_token"]
    for place in ("scope", "subject_token", "grant_type"):
        run.send(f"refresh token as {place}", "POST", STOREFRONT_TOKEN, {"grant_type": "refresh_token", place: newest})
    assert run.send("logout", "POST", LOGOUT, {"refresh_token": newest}).status == 204


def _prove_a_client(run: Run, client_id: str, secret: str) -> None:
    body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = run.send("client", "POST", RESELLER_TOKEN, body)
    assert answer.status == 200, answer.raw
    _learn(run, answer.body, "client")
    header = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    for name, value in (("basic", f"Basic {header}"), ("bent basic", f"Basic {header[:-3]}"), ("bearer", f"Bearer {secret}")):
        found = run.send(f"client by {name}", "POST", RESELLER_TOKEN, {"grant_type": "client_credentials"}, Authorization=value)
        if found.status == 200:
            _learn(run, found.body, f"client by {name}")
    for place in ("client_id", "scope", "grant_type"):
        run.send(f"client secret as {place}", "POST", RESELLER_TOKEN, {**body, place: secret})


def _misplace(run: Run, text: str) -> None:
    """Send a secret where it has no business."""
    for path in (RESELLER_TOKEN, STOREFRONT_TOKEN, GENERATE_TOKEN, "/Reseller/Account"):
        run.send("in the address", "POST", f"{path}?token={text}", {})
        run.send("as tenant", "POST", path, {"Email": "a@b.example", "Password": "x"}, X_Tenant=text)
        run.send("as key", "POST", path, {}, ApiKey=text)


def _renew(run: Run, client_id: str) -> None:
    reason = ("--reason", "canary")
    _made(run, "password", "set_password", "--reseller", EMAIL, *reason)
    _made(run, "client_secret", "rotate_client_secret", "--client", client_id, "--overlap", "now", *reason)
    run.manage("revoke_tokens", "--client", client_id, *reason, "--json")


def _by_hand(run: Run, account: str, client: str) -> None:
    staff = Staff(run.service.base_url)
    staff.submit("/admin/login/?next=/admin/", {"username": "ops", "password": run.password})
    for path in (
        "/admin/surfaces/reselleraccount/",
        f"/admin/surfaces/reselleraccount/{account}/change/",
        "/admin/surfaces/resellerclient/",
        f"/admin/surfaces/resellerclient/{client}/change/",
        "/admin/surfaces/customeraccount/",
        "/admin/surfaces/loginsession/",
        "/admin/audit/event/",
    ):
        assert run.see(path, staff.get(path)).status == 200, path
