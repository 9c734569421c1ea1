"""The loader script on a partner's page: how it mounts, renews within bounds, and whom it believes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.embed.world import SANDBOX, World, await_session_calls, embed, expect, is_open, shows

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOUNT = "window.embed = Sticker.mount('#here', { fetchSession, title: 'Supplies' });"


def test_frame_is_mounted_with_the_attributes_of_the_contract(page: Page, world: World) -> None:
    page.goto(world.loading(MOUNT))
    is_open(page)
    frame = page.locator("iframe")
    expect(frame).to_have_attribute("sandbox", SANDBOX)
    expect(frame).to_have_attribute("allow", "payment; publickey-credentials-get; fullscreen")
    expect(frame).to_have_attribute("referrerpolicy", "no-referrer")
    expect(frame).to_have_attribute("title", "Supplies")
    assert "#session_key=" in (frame.get_attribute("src") or "")
    assert world.partner.web.session_calls == 1


def test_options_reach_the_frame(page: Page, world: World) -> None:
    page.goto(
        world.loading(
            "Sticker.mount('#here', { fetchSession, theme: 'dark', hideNav: true, category: 'pots', returnUrl: '/shop' });"
        )
    )
    is_open(page)
    assert page.frames[1].url.endswith("?theme=dark&hide_nav=1&category=pots&return_url=%2Fshop")
    expect(embed(page).get_by_text("pots")).to_be_visible()


def test_bare_token_and_partner_id_are_enough(page: Page, world: World) -> None:
    script = f"""Sticker.mount('#here', {{ partnerId: '{world.made.id}', baseUrl: '{world.embed_origin}',
      fetchSession: async () => ({{ session_key: new URL((await fetchSession()).iframe_embed_url).hash.split('=')[1] }}) }});"""
    page.goto(world.loading(script))
    is_open(page)


def test_spent_link_is_replaced_by_a_new_one(page: Page, world: World) -> None:
    answers = [world.spent_session(), world.new_session()]
    page.goto(world.loading(MOUNT, new_session=lambda: answers.pop(0)))
    is_open(page)
    assert answers == []
    assert page.locator("iframe").count() == 1


def test_renewing_adds_no_step_to_the_back_button(page: Page, world: World) -> None:
    answers = [world.spent_session(), world.new_session()]
    page.goto(world.loading(MOUNT, new_session=lambda: answers.pop(0)))
    before = page.evaluate("history.length")
    is_open(page)
    assert page.evaluate("history.length") == before


def test_spent_links_are_not_asked_for_in_a_loop(page: Page, world: World) -> None:
    page.clock.install()
    page.goto(world.loading(MOUNT, new_session=world.spent_session))
    for calls in (1, 2, 3, 4, 4, 4):
        await_session_calls(page, world, calls)
        shows(page, "This link is no longer valid")
        page.clock.fast_forward(40_000)
    assert world.partner.web.session_calls == 4
    world.partner.web.new_session = world.new_session
    embed(page).get_by_role("button", name="Ask for a new link").click()
    is_open(page)


def test_failing_backend_leaves_words_and_a_button_not_a_blank(page: Page, world: World) -> None:
    page.goto(
        world.loading(
            "Sticker.mount('#here', { fetchSession: async () => { throw new Error('no'); }, onError: (m) => heard.push(m) });"
        )
    )
    expect(page.get_by_role("alert")).to_contain_text("This section could not be opened.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert page.evaluate("heard[0].code") == "SESSION_FETCH_FAILED"


def test_backend_that_recovers_is_asked_again(page: Page, world: World) -> None:
    answers = [(500, {}), world.new_session()]
    page.goto(world.loading(MOUNT, new_session=lambda: answers.pop(0)))
    is_open(page)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_unregistered_site_is_told_why_nothing_appears(page: Page, world: World) -> None:
    page.clock.install()
    address = world.loading("Sticker.mount('#here', { fetchSession, onError: (m) => heard.push(m) });")
    page.goto(address.replace(world.partner_origin, world.stranger_origin))
    page.locator("iframe").wait_for()
    page.clock.fast_forward(16_000)
    expect(page.get_by_role("alert")).to_be_visible()
    [error] = page.evaluate("heard")
    assert error["code"] == "FRAME_SILENT"
    assert world.stranger_origin in error["message"]


def test_messages_that_are_not_the_frames_are_ignored(page: Page, world: World) -> None:
    forged = "{ type: 'sticker:error', code: 'SESSION_TOKEN_EXPIRED', requested: true }"
    stranger = world.put(f"<script>parent.postMessage({forged}, '*'); parent.postMessage('done', '*')</script>")
    page.goto(world.loading(MOUNT))
    is_open(page)
    page.evaluate("(url) => { document.body.appendChild(document.createElement('iframe')).src = url; }", stranger)
    page.wait_for_function("heard.includes('done')")
    page.evaluate(f"postMessage({forged}, '*')")
    page.wait_for_timeout(1_000)
    assert world.partner.web.session_calls == 1


def test_handle_logs_out_changes_theme_reloads_and_unmounts(page: Page, world: World) -> None:
    page.goto(world.loading(MOUNT))
    is_open(page)
    page.evaluate("embed.setTheme('dark')")
    expect(embed(page).locator("html")).to_have_attribute("data-theme", "dark")
    page.evaluate("embed.reload()")
    expect(page.locator("iframe")).to_have_attribute("src", f"{world.embed_origin}/embedded/{world.made.id}?theme=dark")
    is_open(page)
    assert world.partner.web.session_calls == 1
    page.evaluate("embed.logout()")
    shows(page, "You are logged out")
    page.evaluate("embed.unmount()")
    expect(page.locator("iframe")).to_have_count(0)


def test_logging_out_is_not_answered_with_a_new_link(page: Page, world: World) -> None:
    page.goto(
        world.loading(
            "window.embed = Sticker.mount('#here', { fetchSession, onEnded: (m) => heard.push('ended ' + m.reason) });"
        )
    )
    is_open(page)
    page.evaluate("embed.logout()")
    page.wait_for_function("heard.includes('ended logout')")
    page.wait_for_timeout(1_000)
    assert world.partner.web.session_calls == 1


def test_component_mounted_twice_at_once_asks_for_one_link(page: Page, world: World) -> None:
    page.goto(world.loading("Sticker.mount('#here', { fetchSession }).unmount(); Sticker.mount('#here', { fetchSession });"))
    is_open(page)
    assert world.partner.web.session_calls == 1


def test_frame_follows_the_height_of_its_content(page: Page, world: World) -> None:
    page.goto(world.loading(MOUNT))
    is_open(page)
    content = page.frames[1].evaluate("Math.ceil(document.getElementById('page').getBoundingClientRect().height)")
    expect(page.locator("iframe")).to_have_css("height", f"{content}px")


def test_attributes_alone_mount_a_frame(page: Page, world: World) -> None:
    body = '<div data-session-endpoint="/session" data-sticker-theme="dark" data-sticker-hide-nav></div>'
    page.goto(world.loading("addEventListener('sticker:ready', (event) => heard.push(event.detail));", body=body))
    is_open(page)
    assert page.frames[1].url.endswith("?theme=dark&hide_nav=1")
    page.wait_for_function("heard.some((message) => message.session_id)")


@pytest.mark.parametrize("settings", ["undefined", "{}"])
def test_mounting_without_fetch_session_is_an_error_at_once(page: Page, world: World, settings: str) -> None:
    page.goto(world.loading(""))
    failure = page.evaluate(
        f"() => {{ try {{ Sticker.mount('#here', {settings}); }} catch (error) {{ return error.message; }} }}"
    )
    assert "fetchSession" in failure


def test_strict_policy_of_the_partners_page_is_enough(page: Page, world: World) -> None:
    policy = (
        f"default-src 'none'; script-src 'unsafe-inline' {world.embed_origin}/static/embed/v1/sticker.js; "
        f"connect-src 'self'; frame-src {world.embed_origin}"
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto(world.loading(MOUNT, body=f'<meta http-equiv="Content-Security-Policy" content="{policy}"><div id="here"></div>'))
    is_open(page)
    expect(page.locator("iframe")).to_have_css("border-top-width", "0px")
    assert complaints == []
