"""The console as a person uses it: a real service, a real browser, and an ear for whatever goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.admin.staff import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize

WIDE: Final[ViewportSize] = {"width": 1280, "height": 860}
NARROW: Final[ViewportSize] = {"width": 360, "height": 760}


@dataclass(frozen=True, slots=True)
class Console:
    """A running console: where it is, what can be opened in it, and a key whose text is known."""

    base_url: str
    pages: dict[str, str]
    acts: list[str]
    key_page: str
    partner_page: str
    partner_slug: str
    kid: str
    plaintext: str = field(repr=False)
    read_log: Callable[[], str] = field(repr=False)


@dataclass
class Visit:
    """A signed-in browser page, with everything it complained about and everything it asked for."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page and let its scripts settle."""
        self.page.goto(self.base_url + path)
        self.page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")

    def outside(self) -> list[str]:
        """The addresses asked for that are not the service's own."""
        own = (self.base_url, "data:", "blob:")
        return [request.url for request in self.requests if not request.url.startswith(own)]

    def sent(self) -> str:
        """Everything that left the browser: addresses and bodies."""
        return "\n".join(f"{request.url} {request.post_data or ''}" for request in self.requests)

    def hears_request(self, request: Request) -> None:
        self.requests.append(request)

    def hears(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


def visit(
    browser: Browser, base_url: str, *, viewport: ViewportSize = WIDE, scheme: Any = "light", user: str = "root"
) -> Visit:
    """Sign in through the login page."""
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    context.set_default_timeout(15_000)
    seen = Visit(context.new_page(), base_url)
    seen.page.on("console", seen.hears)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("request", seen.hears_request)
    seen.open("/admin/login/?next=/admin/")
    seen.page.fill("[name=username]", user)
    seen.page.fill("[name=password]", PASSWORD)
    seen.page.click("#login-form [type=submit]")
    seen.page.wait_for_url(f"{base_url}/admin/")
    return seen
