"""The embed page as a page: its display parameters, its policy, and how it behaves for people and small screens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.embed.world import World, embed, expect, heard, is_open, shows, wait_heard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_page_keeps_its_own_policy_and_calls_nobody_else(page: Page, world: World) -> None:
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(world.framing(world.link()))
    is_open(page)
    assert complaints == []
    assert {url for url in asked if not url.startswith((world.embed_origin, world.partner_origin, "data:"))} == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_parameter_wins_over_the_device(page: Page, world: World, theme: str) -> None:
    page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    page.goto(world.framing(world.link(theme=theme)))
    expect(embed(page).locator("html")).to_have_css("color-scheme", theme)


def test_without_the_parameter_the_device_decides_and_may_change_its_mind(page: Page, world: World) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(world.framing(world.link()))
    expect(embed(page).locator("html")).to_have_css("color-scheme", "dark")
    page.emulate_media(color_scheme="light")
    expect(embed(page).locator("html")).to_have_css("color-scheme", "light")


def test_navigation_bar_can_be_left_out(page: Page, world: World) -> None:
    page.goto(world.framing(world.link(return_url="/shop")))
    expect(embed(page).get_by_role("link", name="Back to shop")).to_have_attribute("href", f"{world.partner_origin}/shop")
    page.goto(world.framing(world.link(hide_nav="1", return_url="/shop")))
    is_open(page)
    expect(embed(page).get_by_role("link")).to_have_count(0)


def test_following_the_link_back_leaves_the_frame_and_tells_the_parent_first(page: Page, world: World) -> None:
    target = world.put("<h1>The shop</h1>")
    page.goto(world.framing(world.link(return_url=target)))
    is_open(page)
    embed(page).get_by_role("link", name="Back to shop").click()
    expect(page.get_by_role("heading", name="The shop")).to_be_visible()


def test_sample_buttons_stand_in_the_sandbox_only(page: Page, world: World) -> None:
    page.goto(world.framing(world.link(category="demo")))
    is_open(page)
    expect(embed(page).get_by_role("button", name="Cart updated")).to_have_count(0)
    page.goto(world.framing(world.sandbox_link(category="demo")))
    expect(embed(page).get_by_text("Sandbox", exact=True)).to_be_visible()
    samples = {"Cart updated": "cart_updated", "Order complete": "order_complete", "Navigation": "navigation"}
    for name, kind in samples.items():
        embed(page).get_by_role("button", name=name).click()
        assert wait_heard(page, kind)["sample"] is True


def test_height_is_told_and_follows_the_content(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    is_open(page)
    wide = wait_heard(page, "height")["height"]
    page.set_viewport_size({"width": 340, "height": 700})
    page.wait_for_function("(height) => heard.filter((m) => m.type === 'sticker:height').pop().height !== height", arg=wide)
    told = heard(page, "height")[-1]["height"]
    assert told == page.frames[1].evaluate("Math.ceil(document.getElementById('page').getBoundingClientRect().height)")


def test_nothing_moves_when_the_answer_arrives(page: Page, world: World) -> None:
    page.goto(world.framing(world.link(hide_nav="1")))
    is_open(page)
    shift = """() => new Promise((done) => {
      let sum = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
        .observe({ type: 'layout-shift', buffered: true });
      setTimeout(() => done(sum), 300);
    })"""
    assert page.frames[1].evaluate(shift) < 0.1


@pytest.mark.parametrize("state", ["open", "problem"])
def test_fits_a_narrow_phone_without_sideways_scrolling(page: Page, world: World, state: str) -> None:
    page.set_viewport_size({"width": 336, "height": 700})  # 320 inside the parent's margins
    link = world.link(return_url="/shop")
    page.goto(world.framing(link if state == "open" else link.partition("#")[0]))
    if state == "open":
        is_open(page)
    else:
        shows(page, "This link is no longer valid")
    frame = page.frames[1]
    assert frame.evaluate("innerWidth") <= 320
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_failures_are_announced_and_can_be_reached_by_keyboard(page: Page, world: World) -> None:
    page.goto(world.framing(world.link().partition("#")[0]))
    expect(embed(page).get_by_role("alert")).to_contain_text("This link is no longer valid")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(embed(page).get_by_role("button", name="Ask for a new link")).to_be_focused()


def test_logging_out_moves_the_focus_to_what_is_shown_next(page: Page, world: World) -> None:
    page.goto(world.framing(world.link()))
    button = embed(page).get_by_role("button", name="Log out")
    button.focus()
    button.press("Enter")
    expect(embed(page).get_by_role("heading", name="You are logged out")).to_be_focused()


def test_signing_in_does_not_steal_the_focus_of_the_partners_page(page: Page, world: World) -> None:
    page.goto(world.framing(world.link(), before="<input id=search autofocus>"))
    is_open(page)
    expect(page.locator("#search")).to_be_focused()


def test_waiting_does_not_spin_for_who_asked_for_less_motion(page: Page, world: World) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(world.framing(world.link()))
    expect(embed(page).locator(".waiting")).to_have_css("animation-name", "none")


def test_without_scripts_it_says_what_is_missing(browser: Browser, world: World) -> None:
    with browser.new_context(ignore_https_errors=True, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(world.link())
        expect(page.get_by_role("heading", name=re.compile("needs JavaScript"))).to_be_visible()
        expect(page.get_by_text("Signing you in")).to_be_hidden()
