"""The demo partner's site: its page shows all three sides, its backend keeps the key and turns strangers away."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from demo.backend import masked
from tests.embed.partners import make_partner
from tests.embed.world import embed, expect, is_open, shows, token_of
from tests.servers import Process, StartService, await_url, bare_environment, unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page


class Demo:
    """A running demo site and what it was given."""

    def __init__(self, process: Process, *, port: int, api_key: str) -> None:
        self.origin = f"http://localhost:{port}"
        self.api_key = api_key
        self.close = process.stop

    def post(self, path: str, **headers: str) -> int:
        """Call the site as something other than its own page would; returns the status."""
        request = urllib.request.Request(self.origin + path, method="POST", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code


@pytest.fixture(scope="module")
def demo(shared_service: StartService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    port = unused_port()
    service = shared_service()
    made = make_partner(service, live=[], test=[f"http://localhost:{port}"])
    config = {
        "base_url": service.base_url,
        "embed_base": service.base_url,
        "partner_id": made.id,
        "api_key": made.test_key,
        "internal_user_id": made.internal_user_id,
        "partner_org_id": made.partner_org_id,
    }
    (folder / "partner.json").write_text(json.dumps(config))
    env = {"DEMO_PORT": str(port), "DEMO_PARTNER_CONFIG": str(folder / "partner.json"), "DATABASE_URL": service.database_url}
    process = Process([sys.executable, "-m", "demo.partner_site"], env=bare_environment() | env, log=folder / "demo.log")
    with closing(Demo(process, port=port, api_key=made.test_key)) as demo:
        await_url(demo.origin)
        yield demo


def test_page_shows_frame_calls_and_ledger_side_by_side(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    calls, ledger = page.locator("#calls"), page.locator("#ledger")
    expect(calls).to_contain_text("Asked for a one-time link")
    expect(calls).to_contain_text("POST /v1/partner/handshake")
    expect(ledger).to_contain_text("session.created")
    expect(ledger).to_contain_text("session.redeemed")
    shared = calls.locator(".request.shared").first
    expect(ledger.get_by_text(shared.text_content() or "none", exact=True)).to_be_visible()


def test_neither_key_nor_spent_token_reaches_the_page(page: Page, demo: Demo) -> None:
    bodies: list[str] = []
    page.on("response", lambda response: bodies.append(response.text()) if response.url.startswith(demo.origin) else None)
    page.goto(demo.origin)
    is_open(page)
    with page.expect_response("**/api/trace"):
        pass
    link = page.locator("iframe").get_attribute("src") or ""
    assert demo.api_key not in "".join(bodies)
    assert demo.api_key[21:] not in page.content()
    assert sum(token_of(link) in body for body in bodies) == 1


def await_trace(page: Page) -> None:
    """Wait until the page shows every call made so far: it asks again once it has shown what it was told."""
    for _ in range(2):
        with page.expect_response("**/api/trace"):
            pass


def test_reloading_the_frame_resumes_without_a_new_link(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    await_trace(page)
    calls = page.locator("#calls .title").count()
    page.get_by_role("button", name="Reload the frame").click()
    expect(page.locator("#heard li")).to_have_count(2)
    is_open(page)
    await_trace(page)
    assert page.locator("#calls .title").count() == calls


def test_copied_link_is_refused_and_noted(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    page.get_by_role("button", name="Replay the same link").click()
    expect(page.locator("#result")).to_contain_text("Refused with 401 SESSION_TOKEN_EXPIRED")
    expect(page.locator("#ledger")).to_contain_text("session.replayed")
    is_open(page)


def test_revoking_ends_the_session_and_a_new_link_opens_another(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    page.get_by_role("button", name="Revoke all sessions").click()
    expect(page.locator("#heard")).to_contain_text("SESSION_TOKEN_EXPIRED")
    is_open(page)
    expect(page.locator("#ledger")).to_contain_text("user.sessions_revoked")


def test_dead_link_is_replaced_by_the_page(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    page.get_by_role("button", name="Open a dead link").click()
    expect(page.locator("#heard")).to_contain_text("SESSION_TOKEN_EXPIRED")
    is_open(page)
    expect(page.locator("#heard li").first).to_contain_text("ready")


def test_log_out_of_the_page_ends_the_frame(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    page.locator(".tools").get_by_role("button", name="Log out").click()
    shows(page, "You are logged out")
    expect(page.locator("#heard")).to_contain_text("session_ended")


def test_shop_events_reach_the_partners_page(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    embed(page).get_by_role("button", name="Cart updated").click()
    expect(page.locator("#cart-count")).to_have_text("2")


def test_colours_of_the_page_and_the_frame_change_together(page: Page, demo: Demo) -> None:
    page.goto(demo.origin)
    is_open(page)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
    expect(embed(page).locator("html")).to_have_css("color-scheme", "dark")


@pytest.mark.parametrize("width", [1280, 360])
def test_page_is_quiet_and_fits(page: Page, demo: Demo, width: int) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(demo.origin)
    is_open(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://other.example"}, {"Origin": "null"}, {"Host": "partner.example"}],
    ids=["no origin", "other origin", "opaque origin", "other host"],
)
def test_other_pages_cannot_mint_sessions(demo: Demo, headers: dict[str, str]) -> None:
    given = {"Origin": demo.origin, **headers} if "Host" in headers else headers
    for path in ("/api/session", "/api/revoke", "/api/replay"):
        assert demo.post(path, **given) == 403


def test_cross_site_fetch_of_this_very_origin_is_turned_away(demo: Demo) -> None:
    assert demo.post("/api/session", **{"Origin": demo.origin, "Sec-Fetch-Site": "cross-site"}) == 403


def test_secrets_are_masked_before_they_are_shown() -> None:
    key = "sk_test_" + "a1B2c3D4e5F6" + "z" * 38
    shown = json.dumps(masked({"deep": [{"note": f"key {key} and {'0a' * 32}"}], "access_token": "eyJ"}))
    assert key not in shown
    assert "sk_test_a1B2c3D4e5F6••••" in json.loads(shown)["deep"][0]["note"]
    assert "0a0a0a••••" in json.loads(shown)["deep"][0]["note"]
    assert "eyJ" not in shown
