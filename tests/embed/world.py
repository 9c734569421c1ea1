"""What the browser tests stand on: a partner's https site, the service behind TLS, and pages that embed one in the other."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from tests.embed.partners import MadePartner
from tests.embed.sites import PartnerServer, TlsFront
from tests.servers import LiveService

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Locator, Page, Route
    from playwright.sync_api._generated import LocatorAssertions

SANDBOX: Final = (
    "allow-same-origin allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox "
    "allow-top-navigation-by-user-activation"
)
LISTENER: Final = "<script>window.heard = []; addEventListener('message', (event) => heard.push(event.data));</script>"
TOKEN: Final = re.compile(r"[0-9a-f]{64}")


Answer = tuple[int, dict[str, Any]]


@dataclass
class World:
    """The two sites, the partner's credentials, and short ways to do what a partner does."""

    front: TlsFront
    partner: PartnerServer
    service: LiveService
    made: MadePartner

    @property
    def embed_origin(self) -> str:
        return f"https://auth.test:{self.front.port}"

    @property
    def partner_origin(self) -> str:
        return f"https://partner.test:{self.partner.server_port}"

    @property
    def stranger_origin(self) -> str:
        return f"https://other.test:{self.partner.server_port}"

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Call the service as the partner's backend does; with the live key unless another is given."""
        headers = {"Authorization": f"Bearer {key or self.made.live_key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.service.base_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read() or b"{}")

    def handshake(self, *, key: str | None = None) -> dict[str, Any]:
        """Ask for a one-time link."""
        status, answer = self.call("POST", "/v1/partner/handshake", {"internal_user_id": self.made.internal_user_id}, key=key)
        assert status == 200, answer
        return answer

    def link(self, **shown: str) -> str:
        """Return a fresh embed address, its token in the fragment, with display parameters."""
        return with_query(self.handshake()["iframe_embed_url"], **shown)

    def sandbox_link(self, **shown: str) -> str:
        """Return a fresh embed address of the test environment."""
        return with_query(self.handshake(key=self.made.test_key)["iframe_embed_url"], **shown)

    def log(self) -> str:
        """Return everything the service has logged."""
        return self.service.log.read_text()

    def put(self, html: str) -> str:
        """Serve a page on the partner's site and return its address."""
        path = f"/page-{len(self.partner.web.pages)}"
        self.partner.web.pages[path] = f"<!doctype html><title>Partner</title><link rel=icon href='data:,'>{LISTENER}{html}"
        return self.partner_origin + path

    def framing(self, source: str, *, before: str = "") -> str:
        """Serve a page that frames an address, as partners without the loader do."""
        attributes = f'sandbox="{SANDBOX}" referrerpolicy="no-referrer" style="width:100%;height:700px;border:0"'
        return self.put(f'{before}<iframe id="embed" src="{source.replace("&", "&amp;")}" {attributes}></iframe>')

    def loading(
        self, script: str, *, body: str = '<div id="here"></div>', new_session: Callable[[], Answer] | None = None
    ) -> str:
        """Serve a page that uses the loader; its backend answers `POST /session`, with a fresh link unless told otherwise."""
        self.partner.web.session_calls = 0
        self.partner.web.new_session = new_session or self.new_session
        loader = f'<script src="{self.embed_origin}/static/embed/v1/sticker.js"></script>'
        fetching = "const fetchSession = async () => (await fetch('/session', { method: 'POST' })).json();"
        return self.put(f"{body}{loader}<script>{fetching}{script}</script>")

    def new_session(self) -> Answer:
        """Answer as the partner's session endpoint does."""
        return 200, {"iframe_embed_url": self.handshake()["iframe_embed_url"]}

    def spent_session(self) -> Answer:
        """Answer with an address that signs nobody in."""
        return 200, {"iframe_embed_url": self.link().partition("#")[0]}


def with_query(url: str, **shown: str) -> str:
    """Return the address with query parameters before its fragment."""
    parts = urlsplit(url)
    return parts._replace(query=urlencode(shown)).geturl()


def token_of(url: str) -> str:
    """Return the token that stands in an embed address."""
    found = TOKEN.search(url)
    assert found, "no token in the address"
    return found.group()


def expect(locator: Locator) -> LocatorAssertions:
    """Playwright's own, imported when a test runs: without Playwright the tests are skipped, not broken."""
    from playwright.sync_api import expect

    return expect(locator)


def embed(page: Page) -> FrameLocator:
    """Return the embed page inside the partner's page."""
    return page.frame_locator("iframe").first


def is_open(page: Page) -> None:
    """Wait until the frame shows a signed-in visitor."""
    expect(embed(page).get_by_role("button", name="Log out")).to_be_visible()


def shows(page: Page, heading: str) -> None:
    """Wait until the frame shows this heading."""
    expect(embed(page).get_by_role("heading", name=heading)).to_be_visible()


def heard(page: Page, kind: str) -> list[dict[str, Any]]:
    """Return the messages of one type that the partner's page has received."""
    messages: list[dict[str, Any]] = page.evaluate("heard.filter((message) => message && message.type)")
    return [message for message in messages if message["type"] == f"sticker:{kind}"]


def wait_heard(page: Page, kind: str, count: int = 1) -> dict[str, Any]:
    """Wait for the n-th message of a type and return the latest."""
    page.wait_for_function(
        "([type, count]) => heard.filter((message) => message && message.type === type).length >= count",
        arg=[f"sticker:{kind}", count],
    )
    return heard(page, kind)[-1]


def await_session_calls(page: Page, world: World, count: int) -> None:
    """Wait, while the browser goes on, until the partner's backend has been asked so many times."""
    for _ in range(100):
        if world.partner.web.session_calls >= count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"asked {world.partner.web.session_calls} times, not {count}")


@contextmanager
def answering(page: Page, path: str, handler: Callable[[Route], None]) -> Iterator[None]:
    """Let `handler` stand between the frame and one call of the service."""
    pattern = f"**/v1/sessions/{path}"
    page.route(pattern, handler)
    try:
        yield
    finally:
        page.unroute(pattern)
