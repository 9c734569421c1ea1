"""What organizations are synced with: client secrets, tokens, codes, verifiers and connect links, through every door."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.journeys.parties import SETUP
from tests.organizations.oauth.provider import Answer, Asked, Provider, running_provider

if TYPE_CHECKING:
    from tests.canary.test_canary import Run
    from tests.journeys.parties import Backend

SETTINGS: Final = {"EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8"}
OAUTH: Final = f"/v1/organizations/{SETUP['internalOrgId']}/oauth"
EXCHANGE: Final = "/v1/organizations/oauth/exchange"


class _Kept(Provider):
    """A provider whose every token is a canary, and which repeats what it was sent whenever it fails."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def issue(self) -> dict[str, Any]:
        issued = super().issue()
        for kind in ("access_token", "refresh_token"):
            self._run.flock.add(f"{kind} of the provider", issued[kind])
        return issued

    def _is_client(self, asked: Asked) -> bool:
        return True


def sync_organizations(run: Run, partner: str, backend: Backend) -> None:
    """Hand a grant over in every way, have it synced well and badly, and end it."""
    with running_provider(_Kept(run)) as provider:
        provider.organizations[SETUP["internalOrgId"]] = {"organizationName": "Northwind"}
        _configure(run, partner, provider)
        _hand_over(run, backend, provider)
        _sync(run, provider)
        _exchange(run, backend, provider)
        _walk(run, backend, provider)
        run.see("end of the grant", backend.call("DELETE", OAUTH))
        run.manage("sync_organizations", "--json")
        run.manage("reencrypt", "--json")
        asked = [each.path for each in provider.asked]
        assert (asked.count("/revoke"), asked.count(provider.asked_at("/organizations/")[0].path)) >= (2, 3)
        assert asked.count("/token") >= 5


def _configure(run: Run, partner: str, provider: Provider) -> None:
    secret = run.flock.add("client secret of the provider", secrets.token_urlsafe(32))
    file = run.folder / "client-secret"
    file.write_text(secret)
    place = ("--partner", partner, "--environment", "test", "--client-id", "sticker", "--client-secret-file", str(file))
    urls = {"token": "/token", "authorization": "/authorize", "revocation": "/revoke"}
    addresses = [part for name, path in urls.items() for part in (f"--{name}-url", provider.url(path))]
    run.manage("configure_oauth", *place, *addresses, "--data-url", provider.data_url, "--json")
    file.unlink()


def _hand_over(run: Run, backend: Backend, provider: Provider) -> None:
    issued = provider.issue()
    tokens = {"accessToken": issued["access_token"], "refreshToken": issued["refresh_token"], "accessTokenExpiresIn": 1}
    run.see("grant", backend.call("PUT", OAUTH, tokens))
    for wrong in (
        {**tokens, "accessTokenExpiresIn": "1"},
        {"accessToken": [tokens["accessToken"]]},
        {**tokens, "expires_at": 1},
    ):
        run.see("wrong grant", backend.call("PUT", OAUTH, wrong))
    run.see("grant in a form", backend.call("PUT", OAUTH, urlencode(tokens).encode(), **{"Content-Type": "text/plain"}))
    run.see("state", backend.call("GET", OAUTH))


def _sync(run: Run, provider: Provider) -> None:
    def parrot(handler: Any) -> Answer:
        said = {"error": "server_error", "error_description": str({**handler.asked.form, **handler.asked.headers})}
        return Answer(HTTPStatus.BAD_REQUEST, said)

    run.manage("sync_organizations", "--json")
    for queue in (provider.next_at_token, provider.next_at_data):
        queue.append(parrot)
        _make_due(run)
        run.manage("sync_organizations", "--json")
    _make_due(run)
    run.manage("sync_organizations", "--json")


def _make_due(run: Run) -> None:
    command = (
        "from django.db.models.functions import Now; from organizations.models import OAuthGrant;"
        " OAuthGrant.objects.update(next_sync_at=Now(), obtained_at=Now(), access_expires_at=Now())"
    )
    run.manage("shell", "-v0", "-c", command)


def _exchange(run: Run, backend: Backend, provider: Provider) -> None:
    code = run.flock.add("authorization code", secrets.token_urlsafe(32))
    verifier = run.flock.add("PKCE verifier", secrets.token_urlsafe(48))
    body = {
        "internalOrgId": SETUP["internalOrgId"],
        "code": code,
        "redirect_uri": "https://shop.example/",
        "code_verifier": verifier,
    }
    provider.codes[code] = {"code_verifier": verifier}
    run.see("exchange", backend.call("POST", EXCHANGE, body))
    run.see("exchange of a used code", backend.call("POST", EXCHANGE, body))
    run.see("wrong exchange", backend.call("POST", EXCHANGE, {**body, "code": [code], "code_verifier": f"{verifier} "}))


def _walk(run: Run, backend: Backend, provider: Provider) -> None:
    made = backend.call("POST", f"{OAUTH}/connect")
    path, _, secret = made.body["connectUrl"].removeprefix(run.service.base_url).partition("#")
    run.flock.add("connect link", secret)
    run.see("connect link", made, "connect link")
    run.send("connect page", "GET", path)
    run.send("wrong start", "POST", f"{path}/start", {"secret": [secret]})
    begun = run.send("start", "POST", f"{path}/start", {"secret": secret})
    cookie = begun.headers["Set-Cookie"].partition(";")[0]
    state = parse_qs(urlsplit(begun.body["address"]).query)["state"][0]
    code = run.flock.add("code of the walk", secrets.token_urlsafe(32))
    provider.codes[code] = {}
    back = f"/connect/callback?{urlencode({'state': state, 'code': code})}"
    run.send("return in another browser", "GET", back)
    run.send("return", "GET", back, Cookie=cookie)
    run.send("return again", "GET", back, Cookie=cookie)
