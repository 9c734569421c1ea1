"""The console in real Chromium, under both themes: quiet, self-contained, and careful with keys."""

from typing import TYPE_CHECKING

import pytest

from tests.admin.browser import NARROW, WIDE, Console, visit
from tests.admin.staff import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize


@pytest.mark.parametrize(
    ("viewport", "scheme", "with_acts"),
    [(WIDE, "light", True), (WIDE, "dark", False), (NARROW, "light", False), (NARROW, "dark", True)],
)
def test_every_page_is_quiet_fits_and_asks_nobody_else(
    chromium: "Browser", console: Console, viewport: "ViewportSize", scheme: str, with_acts: bool
) -> None:
    seen = visit(chromium, console.base_url, viewport=viewport, scheme=scheme)
    for path in [*console.pages.values(), *(console.acts if with_acts else [])]:
        seen.open(path)
        assert seen.page.locator("#content, #container").first.is_visible()
        is_too_wide = seen.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not is_too_wide, path
    assert seen.complaints == []
    assert seen.outside() == []
    seen.page.context.close()


def test_a_key_issued_in_the_dialog_is_shown_once_and_forgotten(chromium: "Browser", console: Console) -> None:
    seen = visit(chromium, console.base_url)
    page = seen.page
    seen.open(console.partner_page)
    page.click("a[data-dialog]:has-text('Issue key')")
    page.fill("dialog [name=name]", "From the dialog")
    page.click("dialog button[type=submit]")
    plaintext = page.input_value("dialog [data-secret]")
    page.click("dialog summary:has-text('env file')")
    assert page.inner_text("dialog #env-file").endswith(f"STICKER_API_KEY={plaintext}")
    page.keyboard.press("Escape")
    assert page.is_visible("dialog [data-secret]")
    page.click("dialog [data-stored]")
    page.wait_for_url(f"**/apikey/{plaintext[8:20]}/change/")
    for look in (lambda: None, page.reload, page.go_back, page.go_forward):
        look()
        page.wait_for_load_state("load")
        assert plaintext not in page.content()
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state])")
    assert plaintext[20:] not in kept + repr(page.context.cookies()) + console.read_log()
    assert plaintext[20:] not in seen.sent()
    assert seen.complaints == []


def test_a_key_issued_on_the_page_does_not_come_back_by_reload(chromium: "Browser", console: Console) -> None:
    seen = visit(chromium, console.base_url)
    page = seen.page
    seen.open(f"/admin/partners/apikey/issue/?partner={console.partner_slug}")
    page.fill("[name=name]", "From the page")
    page.click("form[data-panel-form] button[type=submit]")
    plaintext = page.input_value("[data-secret]")
    assert page.url.endswith(f"/apikey/{plaintext[8:20]}/change/")
    page.reload()
    assert plaintext not in page.content()
    assert plaintext[8:20] in page.content()
    page.go_back()
    assert plaintext not in page.content()


def test_a_pasted_key_is_identified_by_its_kid_alone(chromium: "Browser", console: Console) -> None:
    seen = visit(chromium, console.base_url)
    page = seen.page
    seen.open("/admin/partners/apikey/")
    page.fill("[data-identify-text]", f"  {console.plaintext}\n")
    page.click("[data-identify] button")
    page.wait_for_url(f"**{console.key_page}")
    seen.open("/admin/partners/apikey/")
    page.fill("[name=q]", console.plaintext)
    assert page.input_value("[name=q]") == console.kid
    page.press("[name=q]", "Enter")
    page.wait_for_url(f"**?q={console.kid}")
    assert console.kid in page.inner_text("#result_list")
    assert console.plaintext[20:] not in seen.sent() + console.read_log()


def test_a_mistyped_key_is_recognised_without_being_sent(chromium: "Browser", console: Console) -> None:
    seen = visit(chromium, console.base_url)
    seen.open("/admin/partners/apikey/")
    asked = len(seen.requests)
    mistyped = console.plaintext[:30] + ("a" if console.plaintext[30] != "a" else "b") + console.plaintext[31:]
    for text, note in ((mistyped, "checksum is wrong"), ("hello", "neither a key nor a kid")):
        seen.page.fill("[data-identify-text]", text)
        seen.page.click("[data-identify] button")
        seen.page.wait_for_selector(f"[data-identify-note]:has-text('{note}')")
    assert len(seen.requests) == asked


def test_revoke_works_on_a_phone_once_the_kid_is_typed(chromium: "Browser", console: Console) -> None:
    seen = visit(chromium, console.base_url, viewport=NARROW, scheme="dark")
    page = seen.page
    seen.open(f"/admin/partners/apikey/issue/?partner={console.partner_slug}")
    page.fill("[name=name]", "To be revoked")
    page.click("form[data-panel-form] button[type=submit]")
    kid = page.input_value("[data-secret]")[8:20]

    responder = visit(chromium, console.base_url, viewport=NARROW, scheme="dark", user="rosa")
    page = responder.page
    responder.open(f"/admin/partners/apikey/{kid}/change/")
    page.click("a[data-dialog]:has-text('Revoke')")
    page.fill("dialog [name=reason]", "SEC-3")
    page.check("dialog [name=code][value=compromise]")
    assert page.is_disabled("dialog button[type=submit]")
    page.fill("dialog [name=confirm]", kid)
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".sa-head .sa-badge:has-text('Compromised')")
    assert responder.complaints == []


def test_an_export_arrives_as_a_file(chromium: "Browser", console: Console) -> None:
    seen = visit(chromium, console.base_url)
    seen.open("/admin/audit/event/?type=partner.")
    seen.page.click("a[data-dialog]:has-text('Export CSV')")
    with seen.page.expect_download() as download:
        seen.page.click("dialog button[type=submit]")
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("id,recorded_at,type,")
    assert any("partner.created" in line for line in lines[1:])
    assert seen.complaints == []


def test_the_console_works_without_its_script(chromium: "Browser", console: Console) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{console.base_url}/admin/login/?next={console.key_page}")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", PASSWORD)
    page.click("#login-form [type=submit]")
    page.wait_for_url(f"**{console.key_page}")
    page.click("a[data-dialog]:has-text('Rotate')")
    page.fill("[name=reason]", "SEC-8")
    page.click("form[data-panel-form] button")
    assert page.input_value("[data-secret]").startswith("sk_live_")
    context.close()
