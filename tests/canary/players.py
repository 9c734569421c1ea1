"""The secret of a player issuer and the tokens it signs, through the command, the surface, the exchange and the console."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import jwt

from tests.canary.staff import Staff

if TYPE_CHECKING:
    from tests.canary.test_canary import Run

ISS: Final = "https://id.northwind.example"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"


def play(run: Run, partner: str) -> None:
    """Register an issuer by command and by hand, and present good and bad tokens wherever one may stand, or may not."""
    tenant = ("--partner", partner, "--environment", "test")
    run.manage("grant_surface", *tenant, "--surface", "storefront", "--json")
    secret = run.flock.add("issuer secret", secrets.token_urlsafe(40))
    (run.folder / "issuer-secret").write_text(secret)
    named = ("--iss", ISS, "--audience", "shop", "--secret-file", str(run.folder / "issuer-secret"))
    said = run.manage("configure_player_issuer", *tenant, *named, "--allow-profile-creation", "--json")
    (run.folder / "issuer-secret").unlink()
    issuer = json.loads(said)["issuer_id"]
    for name, changes in (("good", {}), ("expired", {"exp": 1}), ("of another audience", {"aud": "x"})):
        token = _token(run, f"player token, {name}", secret, changes)
        _present(run, name, token, partner)
    _by_hand(run, partner, issuer, secret)


def _token(run: Run, name: str, secret: str, changes: dict[str, Any]) -> str:
    now = int(time.time())
    claims = {"iss": ISS, "aud": "shop", "sub": "p1", "exp": now + 300, "iat": now, "jti": uuid.uuid4().hex, **changes}
    token = jwt.encode(claims, secret, algorithm="HS256")
    run.flock.add(name, token.rpartition(".")[2])
    return token


def _present(run: Run, name: str, token: str, shop: str) -> None:
    account = "/Storefront/Account"
    shown = run.send(f"{name} bearer", "GET", account, Authorization=f"Bearer {token}", X_Shop_Handle=shop)
    assert shown.status == (200 if name == "good" else 401), shown.raw
    run.send(f"{name} on another surface", "GET", "/Supplier/Account", ApiKey=token)
    run.send(f"{name} without scheme", "GET", account, Authorization=token, X_Shop_Handle=shop)
    run.send(f"{name} as shop", "GET", account, Authorization=f"Bearer {token}", X_Shop_Handle=token)
    body = {"grant_type": EXCHANGE, "subject_token_type": JWT}
    for place in ("subject_token", "scope", "audience"):
        answer = run.send(f"{name} as {place}", "POST", "/v1/storefront/token", {**body, place: token}, X_Shop_Handle=shop)
        for handle in ("access_token", "refresh_token"):
            if handle in answer.body:
                learned = f"{handle} for {name}"
                run.flock.add(learned, answer.body[handle].rpartition(".")[2][-40:])
                run.flock.places[-1] = (*run.flock.places[-1][:2], run.flock.places[-1][2] | {learned})


def _by_hand(run: Run, partner: str, issuer: str, secret: str) -> None:
    staff = Staff(run.service.base_url)
    staff.submit("/admin/login/?next=/admin/", {"username": "ops", "password": run.password})
    pages = "/admin/surfaces/playerissuer/"
    for name, text in (("pasted", secret), ("too short", secret[:20])):
        second = run.flock.add(f"{name} secret", secrets.token_urlsafe(40)) if name == "pasted" else text
        fields = {
            "partner": partner,
            "environment": "live",
            "name": "By hand",
            "iss": ISS,
            "audience": "shop-live",
            "key_source": "secret",
            "algorithms": ["HS256"],
            "secret": second,
            "coding": "text",
            "leeway_seconds": "30",
            "max_age_seconds": "3600",
            "jti_policy": "off",
            "subject_claim": "sub",
            "organization_external_id": "players",
        }
        run.see(f"register by hand, {name}", staff.submit(f"{pages}register/", fields))
    for sent in (_token(run, "token for the doctor", secret, {}), secret):
        run.see("doctor", staff.submit(f"{pages}{issuer}/check/", {"token": sent}))
    for path in (pages, f"{pages}{issuer}/change/", f"{pages}{issuer}/edit/", "/admin/audit/event/"):
        assert run.see(path, staff.get(path)).status == 200, path
