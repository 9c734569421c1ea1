"""Every secret of a run is driven through every path, good and bad; afterwards none of them stands anywhere."""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from sticker_auth.local.redis import EmbeddedRedis
from tests.canary import grants, sinks
from tests.canary.canaries import Flock
from tests.canary.players import play
from tests.canary.staff import Staff
from tests.canary.tokens import ask_for_tokens
from tests.journeys.parties import ALL_SCOPES, SETUP, USER, Answer, Backend, Page, send
from tests.servers import TEST_SETTINGS, LiveService, PrivatePostgres

PATIENT: Final = {"REDEEM_FAILURES_PER_MINUTE": "100000", "LOG_LEVEL": "DEBUG", **grants.SETTINGS}
HANDSHAKE: Final = "/v1/partner/handshake"
JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Run:
    """A service of its own on a database that may be stopped, with everything it answers kept."""

    def __init__(self, folder: Path, postgres: PrivatePostgres, broker: EmbeddedRedis) -> None:
        self.flock = Flock()
        self.postgres, self.broker = postgres, broker
        self.password = self.flock.add("staff password", secrets.token_urlsafe(24))
        env = {**PATIENT, "CELERY_BROKER_URL": broker.broker_url, "REDIS_URL": broker.url}
        self.service = LiveService(database_url=postgres.url, folder=folder, env=env)
        self.folder = folder
        for name in TEST_SETTINGS.keys() - {"STICKER_ENV"}:
            self.flock.add(name, TEST_SETTINGS[name].removeprefix("1:"))
        self.manage("migrate", "-v0", "--skip-checks")
        self.service.start()

    def manage(self, *arguments: str, may_hold: tuple[str, ...] = (), **env: str) -> str:
        self.service.env.update(env)
        said = self.service.manage(*arguments)
        self.flock.look_at(f"output of {arguments[0]}", said.encode(), may_hold=may_hold)
        return said

    def see(self, what: str, answer: Answer, *may_hold: str) -> Answer:
        """Keep an answer for the search."""
        self.flock.look_at(f"answer to {what}", str(answer.headers).encode() + answer.raw, may_hold=may_hold)
        return answer

    def send(self, what: str, method: str, path: str, body: object = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.see(what, send(self.service.base_url, method, path, body, named))

    def issue(self, name: str, partner_id: str, environment: str, scopes: str = ALL_SCOPES) -> Backend:
        policy = ("--environment", environment, "--scopes", scopes, "--json")
        issued = json.loads(self.manage("issue_key", "--partner", partner_id, *policy, may_hold=(name,)))
        return Backend(self.service.base_url, partner_id, issued["kid"], self.flock.add_key(name, issued["key"]))

    def link(self, name: str, backend: Backend) -> str:
        """Ask for a session token under a name."""
        answer = self.see(f"handshake for {name}", backend.call("POST", HANDSHAKE, {"internal_user_id": USER}), name)
        return self.flock.add(name, answer.body["session_key"])

    def stop(self) -> None:
        self.service.stop()


@pytest.fixture
def run(tmp_path: Path, postgres_server: PrivatePostgres, redis_server: EmbeddedRedis) -> Iterator[Run]:
    made = Run(tmp_path, postgres_server, redis_server)
    yield made
    made.stop()


def test_no_secret_is_left_anywhere(run: Run) -> None:
    partner = json.loads(run.manage("create_partner", "--name", "Northwind", "--json"))["id"]
    backend = run.issue("test key", partner, "test")
    use_well(run, backend)
    hooked(run, partner)
    imported(run, partner)
    refused(run, partner, backend)
    misplaced(run, backend)
    malformed(run, backend)
    staffed(run, partner)
    play(run, partner)
    grants.sync_organizations(run, partner, backend)
    ask_for_tokens(run, partner, backend.handshake()["profile"]["id"])
    while_the_database_is_down(run, backend)
    run.manage("shell", "-v0", "-c", "from sessions_app.tasks import purge_expired; purge_expired.delay()")
    search(run)


def use_well(run: Run, backend: Backend) -> None:
    oauth = {"accessToken": "OAuth access token", "refreshToken": "OAuth refresh token"}
    body = SETUP | {field: run.flock.add(name, secrets.token_urlsafe(32)) for field, name in oauth.items()}
    run.see("setup", backend.call("POST", "/v1/organizations/setup", body, **{"Idempotency-Key": "setup-1"}))
    run.see("setup again", backend.call("POST", "/v1/organizations/setup", body, **{"Idempotency-Key": "setup-1"}))
    for form in ("Bearer", "ApiKey"):
        run.send(f"{form} whoami", "GET", "/v1/whoami", Authorization=f"{form} {backend.key}")
    for header in ("X-API-Key", "X-Stash-Api-Key", "ApiKey"):
        run.send(f"{header} self", "GET", "/v1/keys/self", **{header: backend.key})
    signed_in(run, backend, mode="cookie")
    signed_in(run, backend, mode="memory")
    rotated = backend.call("POST", "/v1/keys/self/rotate", {"overlap": "1h"}, **{"Idempotency-Key": "rotate-1"})
    run.flock.add_key("successor", rotated.body["key"])
    run.see("rotate", rotated, "successor")
    again = backend.call("POST", "/v1/keys/self/rotate", {"overlap": "1h"}, **{"Idempotency-Key": "rotate-1"})
    run.see("rotate again", again)


def signed_in(run: Run, backend: Backend, *, mode: str) -> None:
    """Go through a session's life, and learn its handles and access tokens on the way."""
    token = run.link(f"token of {mode}", backend)
    body = backend.redemption(token, mode=mode)
    run.flock.add(f"redeem id of {mode}", body["redeem_id"])
    page = Page(backend)
    handle: dict[str, str] = {}
    for step in ("redeem", "refresh"):
        answer = page.call("POST", step, body if step == "redeem" else handle)
        names = (f"handle of {mode} {step}", f"access token of {mode} {step}")
        handle = {"refresh_handle": answer.body["refresh_handle"]} if mode == "memory" else {}
        secret = handle.get("refresh_handle") or page.cookie.partition("=")[2]
        run.flock.add(names[0], secret[32:])  # what stands before is the session's id
        run.flock.add(names[1], answer.body["access_token"].rpartition(".")[2])
        run.see(f"{mode} {step}", answer, *names)
    run.see(f"{mode} current", page.call("GET", "current", Authorization=f"Bearer {answer.body['access_token']}"))
    for step in ("heartbeat", "logout", "heartbeat", "refresh", "logout"):
        run.see(f"{mode} {step}", page.call("POST", step, handle))
    run.see(f"{mode} replay", Page(backend).open(token))
    run.see("status", backend.call("GET", f"/v1/sessions/{answer.body['session']['id']}"))


def hooked(run: Run, partner: str) -> None:
    """Make webhook secrets in every way there is, and look wherever they might show."""
    backend = run.issue("webhook key", partner, "test", "webhooks:manage,events:read")
    endpoints, endpoint = "/v1/webhook-endpoints", {"url": "https://receiver.example/hook"}
    made = backend.call("POST", endpoints, endpoint, **{"Idempotency-Key": "hook-1"})
    learn_secret(run, "webhook secret", made)
    run.see("endpoint again", backend.call("POST", endpoints, endpoint, **{"Idempotency-Key": "hook-1"}))
    path = f"{endpoints}/{made.body['id']}"
    for name, overlap in (("staged webhook secret", 3600), ("emergency webhook secret", 0)):
        learn_secret(run, name, backend.call("POST", f"{path}/rotate-secret", {"overlap_seconds": overlap}))
    run.see("test event", backend.call("POST", f"{path}/test", {"type": "order.shipped"}))
    for read in (endpoints, path, "/v1/deliveries", "/v1/events"):
        run.see(read, backend.call("GET", read))
    run.see("deleted", backend.call("DELETE", path))


def learn_secret(run: Run, name: str, answer: Answer) -> None:
    """Remember a webhook secret, whose prefix is public; only the answer that makes it may hold it."""
    run.flock.add(name, answer.body["secret"], public=len("whsec_"))
    run.see(name, answer, name)


def imported(run: Run, partner: str) -> None:
    text = run.flock.add("imported key", f"ak_test_{secrets.token_hex(16)}", public=len("ak_test_"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    policy = ("--environment", "test", "--scopes", "key:read", "--json")
    run.manage("import_key", "--partner", partner, "--sha256", digest, *policy)
    run.send("imported key", "GET", "/v1/keys/self", ApiKey=text)


def refused(run: Run, partner: str, backend: Backend) -> None:
    live = run.issue("live key", partner, "live", "session:create")
    weak = run.issue("weak key", partner, "test", "key:read")
    dead = run.issue("revoked key", partner, "test")
    run.manage("revoke_key", "--kid", dead.kid, "--reason", "compromise", "--json")
    token = run.link("refused token", backend)
    for name, caller in (("live", live), ("weak", weak), ("dead", dead)):
        run.see(f"{name} handshake", caller.call("POST", HANDSHAKE, {"internal_user_id": USER}))
    run.see("wrong environment", Page(backend).open(token, environment="live"))
    run.see("wrong partner", Page(backend).open(token, partner_id=secrets.token_hex(16)))
    run.send("two keys", "GET", "/v1/whoami", Authorization=f"Bearer {backend.key}", ApiKey=dead.key)
    run.send("two keys in one", "GET", "/v1/whoami", Authorization=f"Bearer {backend.key}, Bearer {dead.key}")
    for name, key in (("long", backend.key + "A" * 500), ("mistyped", f"{backend.key[:-1]}-"), ("bare", f"x{backend.key}")):
        run.send(f"{name} key", "GET", "/v1/whoami", Authorization=f"Bearer {key}")
    run.send("no scheme", "GET", "/v1/whoami", Authorization=backend.key)
    run.send("basic", "GET", "/v1/whoami", Authorization=f"Basic {backend.key}")


def misplaced(run: Run, backend: Backend) -> None:
    token = run.link("misplaced token", backend)
    for name, text in (("key", backend.key), ("token", token)):
        for path in ("/v1/whoami", "/v1/sessions/current", "/docs/", "/admin/", "/admin/login/", "/nowhere", "/healthz"):
            run.send(f"{name} in query of {path}", "GET", f"{path}?session_key={text}&x={text}")
            run.send(f"{name} encoded in query of {path}", "GET", f"{path}?a={quote(quote(text))}&{text}=1")
        for path in (f"/v1/sessions/{text}", f"/v1/users/{text}/sessions", f"/{text}", f"/embedded/{text}", f"/static/{text}"):
            run.send(f"{name} in path", "GET", path, Accept="application/problem+json")
            run.send(f"{name} in path", "DELETE", path, Authorization=f"Bearer {backend.key}")
        for page in ("/embedded/", "/sandbox/embedded/"):
            run.send(f"{name} in query of the page", "GET", f"{page}{backend.partner_id}?session_key={text}")
        form = f"session_key={text}&api_key={text}".encode()
        for path in (HANDSHAKE, "/v1/sessions/redeem", "/v1/organizations/setup", "/docs/"):
            run.send(f"{name} in form to {path}", "POST", path, form, **FORM, Authorization=f"Bearer {backend.key}")
            run.send(f"{name} in form to {path}", "POST", path, form, **FORM)
        for header in (
            "User-Agent",
            "Referer",
            "X-Request-ID",
            "Idempotency-Key",
            "Accept",
            "Cookie",
            "X-Forwarded-For",
            "Origin",
        ):
            sent = {"Authorization": f"Bearer {backend.key}", header: text}
            run.see(f"{name} as {header}", send(run.service.base_url, "GET", "/v1/keys/self", None, sent))
            body = {"internal_user_id": USER, "junk": text, text: 1}
            answer = send(run.service.base_url, "POST", HANDSHAKE, body, sent)
            issued = f"token by {name} as {header}"
            if answer.status == 200:
                run.flock.add(issued, answer.body["session_key"])
            run.see(f"handshake with {name} as {header}", answer, issued)
        run.see(f"{name} as reason", backend.call("POST", "/v1/keys/self/rotate", {"overlap": text, "reason": text}))
        run.see(f"{name} as identifier", backend.call("POST", HANDSHAKE, {"internal_user_id": text}))
        run.see(f"{name} as uuid", backend.call("POST", HANDSHAKE, {"profile_id": text}))
        run.see(f"{name} as redeem id", Page(backend).open("f" * 64, redeem_id=text))
        run.send(f"{name} as host", "GET", "/v1/whoami", Host=text)


def malformed(run: Run, backend: Backend) -> None:
    token = run.link("malformed token", backend)
    key = {"Authorization": f"Bearer {backend.key}"}
    bodies = {
        "cut off": f'{{"session_key": "{token}", "partner_id": "'.encode(),
        "not UTF-8": f'{{"session_key": "{token}\xff"}}'.encode("latin-1"),
        "doubled": f'{{"session_key": "{token}", "session_key": "{token}", "{token}": 1, "{token}": 2}}'.encode(),
        "NUL": f'{{"session_key": "{token}\\u0000"}}'.encode(),
        "too large": f'{{"session_key": "{token}", "x": "{"y" * 70_000}"}}'.encode(),
        "doubled name": f'{{"{token}": 1, "{token}": 2, "{backend.key}": 3}}'.encode(),
        "a list": f'["{token}"]'.encode(),
        "upper case": json.dumps(backend.redemption(token.upper())).encode(),
        "granting": json.dumps({**backend.redemption(token), "scopes": [token]}).encode(),
        "deep": (b'{"a":' * 40) + f'"{token}"'.encode() + b"}" * 40,
    }
    for name, body in bodies.items():
        for path in ("/v1/sessions/redeem", HANDSHAKE, "/v1/sessions/refresh"):
            run.send(f"{name} to {path}", "POST", path, body, **JSON, **key)
    run.send("huge header", "GET", "/v1/whoami", **key, X_Junk=backend.key * 100)
    run.send("huge credential", "GET", "/v1/whoami", Authorization=f"Bearer {backend.key * 100}")


def staffed(run: Run, partner: str) -> None:
    account = ("--noinput", "--skip-checks", "--username", "ops", "--email", "ops@example.com")
    run.manage("createsuperuser", *account, DJANGO_SUPERUSER_PASSWORD=run.password)
    staff = Staff(run.service.base_url)
    login = "/admin/login/?next=/admin/"
    run.see("failed login", staff.submit(login, {"username": "nobody", "password": run.password}))
    # The form shows again, to the same person, what was typed into its visible field.
    run.see("swapped login", staff.submit(login, {"username": run.password, "password": "ops"}), "staff password")
    run.see("login", staff.submit(login, {"username": "ops", "password": run.password}))
    assert run.see("overview", staff.get("/admin/")).status == 200
    policy = {
        "partner": partner,
        "environment": "test",
        "name": "By hand",
        "kind": "sk",
        "scopes": ["key:read"],
        "lifetime": "30",
    }
    shown = staff.submit("/admin/partners/apikey/issue/", policy)
    found = re.search(r"sk_test_[0-9A-Za-z]{50}", shown.raw.decode())
    assert found, shown.raw
    key = run.flock.add_key("key issued by hand", found[0])
    run.see("issue", shown, "key issued by hand")
    run.send("key issued by hand", "GET", "/v1/keys/self", ApiKey=key)
    for path in ("/admin/partners/apikey/", f"/admin/partners/apikey/{key[8:20]}/change/", "/admin/audit/event/", "/admin/"):
        assert run.see(path, staff.get(path)).status == 200
    run.see("search by a whole key", staff.get(f"/admin/partners/apikey/?q={key}"))
    run.see("password page", staff.submit("/admin/password_change/", {"old_password": run.password, "new_password1": "short"}))


def while_the_database_is_down(run: Run, backend: Backend) -> None:
    token = run.link("token in the outage", backend)
    run.postgres.kill()
    for answer in (
        run.see("outage whoami", backend.call("GET", "/v1/whoami")),
        run.see("outage handshake", backend.call("POST", HANDSHAKE, {"internal_user_id": USER})),
        run.see("outage setup", backend.call("POST", "/v1/organizations/setup", SETUP | {"accessToken": token})),
        run.see("outage redeem", Page(backend).open(token)),
        run.see("outage refresh", Page(backend, f"__Host-es-00000000-t={'0' * 32}{token}").call("POST", "refresh", {})),
    ):
        assert answer.status == 503
    login = {"username": "ops", "password": run.password}
    run.see("outage login", Staff(run.service.base_url).submit("/admin/login/?next=/admin/", login))
    run.postgres.start()
    assert run.see("recovered", backend.call("GET", "/v1/whoami")).status == 200


def search(run: Run) -> None:
    run.service.stop()
    for place, content in (
        *sinks.tables(run.postgres.url),
        *sinks.redis_values(run.broker.url),
        *sinks.files(run.folder),
    ):
        run.flock.look_at(place, content)
    places = {place: len(content) for place, content, _ in run.flock.places}
    assert {"file server.log", "redis b'celery'", "table django_session", "table sessions_app_sessiontoken"} <= set(places)
    assert places["table audit_event"] > 1000
    assert any(size > 10_000 for place, size in places.items() if place.startswith("file service-"))
    found = run.flock.found()
    assert found == [], "\n".join(f"{name} stands in {place}" for name, place in found)
