"""The documentation pages: they draw themselves in a real browser, load nothing from elsewhere, and keep nothing."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from core.errors import catalogue
from tests.servers import StartService

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def base_url(shared_service: StartService) -> str:
    return shared_service().base_url


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: "Browser") -> "Iterator[Page]":
    with chromium.new_context(color_scheme=request.param) as context:
        yield context.new_page()


class Anchors(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href" and value and value.startswith("#")]


def test_every_error_has_an_entry_where_problem_types_point(client: Client) -> None:
    anchors = Anchors(client.get("/docs/errors").content.decode())
    assert {entry.slug.lower() for entry in catalogue()} <= set(anchors.ids)
    assert {link.removeprefix("#") for link in anchors.links} <= set(anchors.ids)
    assert len(anchors.ids) == len(set(anchors.ids))


def test_problem_type_leads_to_an_entry(client: Client) -> None:
    problem = client.get("/v1/whoami", headers={"Accept": "application/problem+json"}).json()
    address, _, anchor = problem["type"].partition("#")
    assert anchor in Anchors(client.get(address).content.decode()).ids


@pytest.mark.parametrize("address", ["/docs/", "/docs/errors", "/v1/openapi.json"])
def test_documentation_is_open_to_everyone_and_sets_no_cookie(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert not answer.cookies


@pytest.mark.parametrize("address", ["/", "/docs"])
def test_who_does_not_know_where_to_begin_is_led_to_the_documentation(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == "/docs/"


def test_page_for_an_unknown_address_says_so_and_names_the_request(client: Client) -> None:
    answer = client.get("/nowhere", headers={"X-Request-ID": "asked-by-test"})
    assert answer.status_code == 404
    assert b"Nothing is here" in answer.content
    assert b"asked-by-test" in answer.content


def test_api_page_draws_every_operation_and_asks_nobody_else(page: "Page", base_url: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{base_url}/docs/")
    page.locator("#operations-Sessions-handshake button.opblock-summary-control").click()
    page.get_by_text("RATE_LIMIT_EXCEEDED").first.wait_for()
    assert complaints == []
    assert [url for url in asked if not url.startswith((base_url, "data:"))] == []
    assert page.context.cookies() == []


def test_call_made_on_the_api_page_reaches_the_service(page: "Page", base_url: str) -> None:
    page.goto(f"{base_url}/docs/")
    page.locator("#operations-Keys-whoami button.opblock-summary-control").click()
    page.locator("#operations-Keys-whoami").get_by_role("button", name="Execute").click()
    page.locator("#operations-Keys-whoami .live-responses-table").get_by_text("UNAUTHORIZED").first.wait_for()


def test_error_page_marks_the_entry_asked_for(page: "Page", base_url: str) -> None:
    page.goto(f"{base_url}/docs/errors#session_token_expired")
    assert page.locator("article:target").inner_text().startswith("SESSION_TOKEN_EXPIRED")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
