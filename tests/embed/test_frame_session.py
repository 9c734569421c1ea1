"""The embed page in a real browser, framed across sites with third-party cookies blocked: signing in, staying, leaving."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.embed.world import World, answering, embed, expect, heard, is_open, shows, token_of, wait_heard

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request, Route

SPENT = "This link is no longer valid"


def test_this_browser_keeps_no_third_party_cookies(page: Page, world: World) -> None:
    setting = "document.cookie = 'third=party; Secure; SameSite=None'; parent.postMessage('kept:' + document.cookie, '*')"
    stranger = world.put(f"<script>{setting}</script>").replace(world.partner_origin, world.stranger_origin)
    page.goto(world.framing(stranger))
    page.wait_for_function("heard.includes('kept:')")


def test_visitor_is_signed_in_across_sites(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    is_open(page)
    ready = wait_heard(page, "ready")
    assert ready["storage"] == "cookie"
    assert 0 < ready["expires_in"] <= 36_000
    assert not re.search(r"[0-9a-f]{64}|eyJ", json.dumps(page.evaluate("heard")))


def test_the_cookie_is_bound_to_both_sites_and_unreadable(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    is_open(page)
    [cookie] = page.context.cookies()
    assert cookie["name"] == f"__Host-es-{world.made.id[:8]}-l"
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "None"
    assert cookie["partitionKey"] == "https://partner.test"
    assert page.frames[1].evaluate("document.cookie") == ""


def test_session_survives_a_reload_of_the_frame(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    first = wait_heard(page, "ready")
    page.frames[1].evaluate("location.reload()")
    assert wait_heard(page, "ready", 2)["session_id"] == first["session_id"]
    is_open(page)


def test_session_survives_a_reload_of_the_parent_with_the_same_address(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    first = wait_heard(page, "ready")
    page.reload()
    assert wait_heard(page, "ready")["session_id"] == first["session_id"]


@pytest.mark.parametrize("as_query", [False, True], ids=["fragment", "query"])
def test_token_leaves_the_address_and_the_history(page: Page, world: World, as_query: bool) -> None:
    link = world.link(theme="dark")
    token = token_of(link)
    page.goto(world.framing(link.replace("#", "&") if as_query else link))
    is_open(page)
    frame = page.frames[1]
    assert frame.url == link.partition("#")[0]
    assert token not in frame.evaluate("location.href + document.referrer + JSON.stringify(history.state)")
    assert token not in frame.content()
    assert page.evaluate("history.length") == page.context.new_page().evaluate("history.length") + 1


def test_fragment_token_reaches_the_service_only_in_the_body_of_redeem(page: Page, world: World) -> None:
    link = world.link()
    mark = len(world.front.sent)
    page.goto(world.framing(link))
    is_open(page)
    page.frames[1].evaluate("location.reload()")
    wait_heard(page, "ready", 2)
    sent = bytes(world.front.sent[mark:]).decode("latin-1")
    assert sent.count(token_of(link)) == 1
    assert token_of(link) not in "".join(world.front.heads())
    assert "\r\nreferer:" not in sent.lower()
    assert token_of(link) not in world.log()


def test_unregistered_origin_cannot_frame(page: Page, world: World) -> None:
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    link = world.link()
    address = world.framing(link).replace(world.partner_origin, world.stranger_origin)
    page.goto(address)
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in text for text in blocked)
    assert not page.frames[1].url.startswith(world.embed_origin)
    page.goto(world.framing(link))  # and the link was not spent by the attempt
    is_open(page)


def test_browser_without_cookies_keeps_the_session_in_memory(cookieless: Page, world: World) -> None:
    cookieless.goto(world.framing(world.link()))
    is_open(cookieless)
    assert wait_heard(cookieless, "ready")["storage"] == "memory"
    assert cookieless.context.cookies() == []
    expect(embed(cookieless).get_by_text("this page only, until it is reloaded")).to_be_visible()


def test_memory_session_is_refreshed_and_ended_by_its_handle(cookieless: Page, world: World) -> None:
    cookieless.clock.install()
    cookieless.goto(world.framing(world.link()))
    is_open(cookieless)
    for _ in range(2):
        with cookieless.expect_response("**/v1/sessions/refresh") as refreshed:
            cookieless.clock.fast_forward(290_000)
        assert refreshed.value.status == 200
    with cookieless.expect_response("**/v1/sessions/logout") as logout:
        embed(cookieless).get_by_role("button", name="Log out").click()
    assert logout.value.status == 204


def test_memory_session_does_not_survive_a_reload_and_says_so(cookieless: Page, world: World) -> None:
    cookieless.goto(world.framing(world.link()))
    is_open(cookieless)
    cookieless.frames[1].evaluate("location.reload()")
    shows(cookieless, SPENT)
    assert wait_heard(cookieless, "error")["code"] == "SESSION_TOKEN_EXPIRED"


@pytest.mark.parametrize("kind", ["used", "unknown", "cut short", "other environment", "none"])
def test_bad_links_look_alike_and_the_parent_is_told(page: Page, context: BrowserContext, world: World, kind: str) -> None:
    link = world.link()
    if kind == "used":
        page.goto(world.framing(link))
        is_open(page)
        context.clear_cookies()
    addresses = {
        "used": link,
        "unknown": link.replace(token_of(link), "0" * 64),
        "cut short": link[:-8],
        "other environment": link.replace("/embedded/", "/sandbox/embedded/"),
        "none": link.partition("#")[0],
    }
    page.goto(world.framing(addresses[kind]))
    shows(page, SPENT)
    error = wait_heard(page, "error")
    assert (error["code"], error["message"]) == ("SESSION_TOKEN_EXPIRED", SPENT)


def test_parent_may_hand_over_a_new_link_by_fragment_alone(page: Page, world: World) -> None:
    page.goto(world.framing(world.link().partition("#")[0]))
    shows(page, SPENT)
    page.evaluate("(url) => { document.getElementById('embed').src = url; }", world.link())
    is_open(page)


def test_logout_button_ends_the_session(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    embed(page).get_by_role("button", name="Log out").click()
    shows(page, "You are logged out")
    assert wait_heard(page, "session_ended")["reason"] == "logout"
    assert page.context.cookies() == []
    page.frames[1].evaluate("location.reload()")
    shows(page, SPENT)


def test_registered_parent_can_log_out_and_change_the_theme(page: Page, world: World) -> None:
    page.goto(world.framing(world.link(theme="light")))
    is_open(page)
    page.evaluate("frames[0].postMessage({ type: 'sticker:theme', theme: 'dark' }, '*')")
    expect(embed(page).locator("html")).to_have_attribute("data-theme", "dark")
    page.evaluate("frames[0].postMessage({ type: 'sticker:logout' }, '*')")
    shows(page, "You are logged out")


def test_messages_of_another_origin_are_ignored(page: Page, world: World) -> None:
    stranger = world.put(
        "<script>parent.frames[0].postMessage({ type: 'sticker:logout' }, '*'); parent.postMessage('done', '*')</script>"
    )
    page.goto(world.framing(world.link()))
    is_open(page)
    stranger = stranger.replace(world.partner_origin, world.stranger_origin)
    page.evaluate("(url) => { document.body.appendChild(document.createElement('iframe')).src = url; }", stranger)
    page.wait_for_function("heard.includes('done')")
    page.wait_for_timeout(300)
    is_open(page)
    assert heard(page, "session_ended") == []


def test_lost_reply_is_asked_for_again_with_the_same_redeem_id(page: Page, world: World) -> None:
    mark = len(world.front.sent)
    world.front.lose_next_reply_to = b"/v1/sessions/redeem"
    page.goto(world.framing(world.link()))
    is_open(page)
    first, second = re.findall(rb'"redeem_id":"([0-9a-f]{32})"', world.front.sent[mark:])
    assert first == second


def test_unavailable_service_is_tried_again_then_named_and_the_link_still_works(page: Page, world: World) -> None:
    tries: list[Request] = []

    def refuse(route: Route) -> None:
        tries.append(route.request)
        route.fulfill(status=503, json={"code": "UNAVAILABLE"}, headers={"Retry-After": "1"})

    with answering(page, "redeem", refuse):
        page.goto(world.framing(world.link()))
        expect(embed(page).get_by_role("heading", name="The service does not answer")).to_be_visible(timeout=15_000)
    assert len(tries) == 4
    assert wait_heard(page, "error")["code"] == "SERVICE_UNAVAILABLE"
    embed(page).get_by_role("button", name="Try again").click()
    is_open(page)


def test_offline_page_goes_on_when_the_connection_is_back(page: Page, context: BrowserContext, world: World) -> None:
    page.goto(world.framing(world.link().partition("#")[0]))
    shows(page, SPENT)
    link = world.link()
    context.set_offline(True)
    page.evaluate("(url) => { document.getElementById('embed').src = url; }", link)
    expect(embed(page).get_by_role("heading", name="You are offline")).to_be_visible(timeout=15_000)
    assert wait_heard(page, "error", 2)["code"] == "NETWORK_OFFLINE"
    context.set_offline(False)
    is_open(page)


def test_too_many_attempts_says_how_long_to_wait(page: Page, world: World) -> None:
    with answering(
        page, "redeem", lambda route: route.fulfill(status=429, json={"retry_after": 30}, headers={"Retry-After": "30"})
    ):
        page.goto(world.framing(world.link()))
        shows(page, "Too many attempts")
    expect(embed(page).get_by_role("button", name="Try again in")).to_be_disabled()
    error = wait_heard(page, "error")
    assert (error["code"], error["retry_after"]) == ("RATE_LIMIT_EXCEEDED", 30)


def test_access_token_is_refreshed_and_the_session_kept_alive_on_time(page: Page, world: World) -> None:
    page.clock.install()
    page.goto(world.framing(world.link()))
    is_open(page)
    with page.expect_response("**/v1/sessions/heartbeat") as beat:
        page.clock.fast_forward(70_000)
    with page.expect_response("**/v1/sessions/refresh") as refreshed:
        page.clock.fast_forward(250_000)
    assert (beat.value.status, refreshed.value.status) == (200, 200)
    is_open(page)


def test_parent_is_warned_once_before_the_session_ends(page: Page, world: World) -> None:
    page.clock.install()
    page.goto(world.framing(world.link()))
    ready = wait_heard(page, "ready")
    with answering(page, "*", lambda route: route.abort()):
        page.clock.fast_forward((ready["idle_seconds"] - 110) * 1000)
        expiring = wait_heard(page, "session_expiring")
    assert 0 < expiring["expires_in"] <= 120
    page.clock.fast_forward(2_000)
    page.clock.fast_forward(2_000)
    assert len(heard(page, "session_expiring")) == 1


def test_revoked_session_ends_at_the_next_call(page: Page, world: World) -> None:
    page.clock.install()
    page.goto(world.framing(world.link()))
    is_open(page)
    status, _ = world.call("DELETE", f"/v1/users/{world.made.internal_user_id}/sessions")
    assert status == 204
    page.clock.fast_forward(70_000)
    shows(page, "Your session has ended")
    assert wait_heard(page, "error")["code"] == "SESSION_TOKEN_EXPIRED"


def test_opened_in_a_web_view_of_its_own_it_signs_in(page: Page, world: World) -> None:
    page.goto(world.link())
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    assert "#" not in page.url


def test_frames_in_two_tabs_log_out_together(page: Page, context: BrowserContext, world: World) -> None:
    address = world.framing(world.link())
    page.goto(address)
    is_open(page)
    other = context.new_page()
    other.goto(address)
    is_open(other)
    embed(page).get_by_role("button", name="Log out").click()
    shows(other, "You are logged out")
    assert heard(other, "error") == []
