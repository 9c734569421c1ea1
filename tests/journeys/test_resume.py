"""What goes wrong between a page and us without anyone's fault, and what an attacker would make of it."""

from tests.journeys.parties import Backend, Page, ledger
from tests.servers import LiveService


def test_reloaded_parent_resumes_the_session_by_its_cookie(service: LiveService, backend: Backend, page: Page) -> None:
    token = backend.handshake()["session_key"]
    first = page.open(token).body
    again = page.open(token)
    assert (again.status, again.body["session"]["id"]) == (200, first["session"]["id"])
    assert "session.replayed" not in ledger(service, backend.partner_id)


def test_page_whose_answer_was_lost_asks_again_and_gets_the_same_session(service: LiveService, backend: Backend) -> None:
    body = backend.redemption(backend.handshake()["session_key"])
    unlucky, lucky = Page(backend), Page(backend)
    assert unlucky.call("POST", "redeem", body).status == lucky.call("POST", "redeem", body).status == 200
    assert unlucky.cookie == lucky.cookie
    assert ledger(service, backend.partner_id).count("session.redeemed") == 1


def test_stranger_with_a_used_link_is_refused_and_reported_and_the_owner_stays(
    service: LiveService, backend: Backend, page: Page
) -> None:
    token = backend.handshake()["session_key"]
    assert page.open(token).status == 200
    assert Page(backend).open(token).status == 401
    assert ledger(service, backend.partner_id)[-1] == "session.replayed"
    assert page.call("GET", "current").status == 200


def test_refresh_whose_answer_was_lost_is_repeated_and_leads_on(backend: Backend, page: Page) -> None:
    page.open()
    before = page.cookie
    page.call("POST", "refresh", {})
    after = page.cookie
    page.cookie = before
    assert page.call("POST", "refresh", {}).status == 200
    assert page.cookie == after != before
    assert page.call("POST", "refresh", {}).status == 200


def test_outdated_handle_ends_the_session_for_thief_and_owner(service: LiveService, backend: Backend, page: Page) -> None:
    page.open()
    stolen = page.cookie
    for _ in range(2):
        assert page.call("POST", "refresh", {}).status == 200
    assert Page(backend, stolen).call("POST", "refresh", {}).status == 401
    assert page.call("GET", "current").status == 401
    assert ledger(service, backend.partner_id)[-1] == "session.refresh_reused"


def test_browser_without_cookies_keeps_its_session_in_memory(backend: Backend) -> None:
    page = Page(backend)
    opened = page.call("POST", "redeem", backend.redemption(backend.handshake()["session_key"], mode="memory"))
    assert "Set-Cookie" not in opened.headers
    handle = opened.body["refresh_handle"]
    refreshed = page.call("POST", "refresh", {"refresh_handle": handle}).body
    shown = page.call("GET", "current", Authorization=f"Bearer {refreshed['access_token']}")
    assert shown.body["session"]["id"] == opened.body["session"]["id"]
    assert page.call("POST", "logout", {"refresh_handle": refreshed["refresh_handle"]}).status == 204
    assert page.call("GET", "current", Authorization=f"Bearer {refreshed['access_token']}").status == 401
