"""Revocation takes effect on the next request, in every worker, and takes along what came out of the key."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

import pytest

from tests.journeys.parties import SETUP, USER, Backend, Page, database, ledger
from tests.servers import LiveService

# Far more requests than workers, each on a connection of its own: every worker is asked.
ASKED: Final = 16


def end_by_command(service: LiveService, backend: Backend) -> None:
    service.manage("revoke_key", "--kid", backend.kid, "--reason", "compromise", "--json")


def end_by_emergency(service: LiveService, backend: Backend) -> None:
    service.manage("emergency_revoke", "--partner", backend.partner_id, "--reason", "Found in a repository", "--json")


def end_by_itself(_service: LiveService, backend: Backend) -> None:
    assert backend.call("POST", "/v1/keys/self/revoke", {"reason": "compromise"}).status == 200


def end_the_user(_service: LiveService, backend: Backend) -> None:
    assert backend.call("DELETE", f"/v1/users/{USER}/sessions").status == 204


def suspend(service: LiveService, backend: Backend) -> None:
    with database(service) as connection:
        statement = "UPDATE partners_partner SET status = 'suspended', auth_epoch = auth_epoch + 1 WHERE id = %s"
        connection.execute(statement, [backend.partner_id])


def statuses(ask: Callable[[], int]) -> set[int]:
    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(lambda _number: ask(), range(ASKED)))


@pytest.mark.parametrize("end", [end_by_command, end_by_emergency, end_by_itself, end_the_user, suspend])
def test_open_iframes_and_unused_links_end_on_the_next_request(
    service: LiveService, backend: Backend, page: Page, end: Callable[[LiveService, Backend], None]
) -> None:
    waiting = backend.handshake()["session_key"]
    token = page.open().body["access_token"]
    assert statuses(lambda: page.call("GET", "current").status) == {200}
    end(service, backend)
    assert statuses(lambda: page.call("GET", "current").status) == {401}
    assert Page(backend).call("GET", "current", Authorization=f"Bearer {token}").status == 401
    assert page.call("POST", "refresh", {}).status == 401
    assert Page(backend).open(waiting).status == 401


@pytest.mark.parametrize(
    ("end", "status"), [(end_by_command, 401), (end_by_emergency, 401), (end_by_itself, 401), (suspend, 403)]
)
def test_revoked_key_is_refused_by_every_worker(
    service: LiveService, backend: Backend, end: Callable[[LiveService, Backend], None], status: int
) -> None:
    assert statuses(lambda: backend.call("GET", "/v1/whoami").status) == {200}
    end(service, backend)
    assert statuses(lambda: backend.call("GET", "/v1/whoami").status) == {status}


def test_one_session_is_revoked_and_the_others_stay(service: LiveService, backend: Backend, page: Page) -> None:
    other = Page(backend)
    other.open()
    session = page.open().body["session"]["id"]
    for _ in range(2):
        assert backend.call("DELETE", f"/v1/sessions/{session}").status == 204
    assert (page.call("GET", "current").status, other.call("GET", "current").status) == (401, 200)
    assert backend.call("GET", f"/v1/sessions/{session}").body["status"] == "revoked"
    assert ledger(service, backend.partner_id).count("session.revoked") == 1


@pytest.mark.parametrize("user", ["a/b", "ä ö", "..", "a%2Fb", "x?y#z", "sessions"])
def test_user_is_named_by_whatever_id_the_partner_has_for_it(backend: Backend, page: Page, user: str) -> None:
    assert backend.call("POST", "/v1/organizations/setup", SETUP | {"internalUserId": user}).status == 201
    page.open(backend.handshake(internal_user_id=user)["session_key"])
    assert backend.call("DELETE", f"/v1/users/{quote(user, safe='')}/sessions").status == 204
    assert page.call("GET", "current").status == 401


def test_rotation_keeps_open_iframes_and_moves_the_backend_over(backend: Backend, page: Page) -> None:
    page.open()
    rotated = backend.call("POST", "/v1/keys/self/rotate", {"overlap": "1h"})
    successor = Backend(backend.base_url, backend.partner_id, rotated.body["kid"], rotated.body["key"])
    assert successor.call("GET", "/v1/whoami").status == 200
    old = backend.call("GET", "/v1/whoami")
    assert old.status == 200
    assert all(old.headers[name] for name in ("Deprecation", "Sunset", "Link"))
    assert page.call("GET", "current").status == 200
