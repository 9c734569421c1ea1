"""The partner's site, the service behind TLS, and a browser that keeps no third-party cookies."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.conftest import CHROMIUM_ARGUMENTS
from tests.embed.partners import make_partner
from tests.embed.sites import PartnerServer, TlsFront, tls_context
from tests.embed.world import World
from tests.servers import StartService

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

THIRD_PARTY_COOKIES_BLOCKED: Final = "--test-third-party-cookie-phaseout"
BLOCK_ALL_COOKIES: Final = {"profile": {"default_content_setting_values": {"cookies": 2}}}


@pytest.fixture(scope="session")
def shared_world(shared_service: StartService, chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One partner with a user, and both sites, for all browser tests."""
    tls = tls_context(tmp_path_factory.mktemp("tls"))
    with closing(TlsFront(tls)) as front, closing(PartnerServer(tls)) as partner:
        origin = f"https://auth.test:{front.port}"
        env = {"PUBLIC_BASE_URL": origin, "EMBED_BASE_URL": origin, "ALLOWED_HOSTS": "auth.test,127.0.0.1"}
        service = shared_service(env=env)
        front.upstream_port = service.port
        origins = [f"https://partner.test:{partner.server_port}"]
        yield World(front, partner, service, make_partner(service, live=origins, test=origins))


@pytest.fixture
def world(shared_world: World) -> World:
    """The same world, its partner's backend answering with fresh links again."""
    shared_world.partner.web.new_session = shared_world.new_session
    return shared_world


@pytest.fixture(scope="session")
def browser(playwright: "Playwright", chromium_path: str) -> "Iterator[Browser]":
    """A browser that keeps no third-party cookies, and finds both sites on this machine."""
    arguments = [*CHROMIUM_ARGUMENTS, THIRD_PARTY_COOKIES_BLOCKED]
    browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def context(browser: "Browser") -> "Iterator[BrowserContext]":
    """A profile with nothing in it."""
    with browser.new_context(ignore_https_errors=True) as context:
        yield context


@pytest.fixture
def page(context: "BrowserContext") -> "Page":
    """A tab of that profile."""
    page = context.new_page()
    page.set_default_timeout(10_000)
    return page


@pytest.fixture
def cookieless(playwright: "Playwright", chromium_path: str, tmp_path: Path) -> "Iterator[Page]":
    """A tab of a browser whose owner blocks every cookie."""
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(BLOCK_ALL_COOKIES))
    with playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=chromium_path, args=CHROMIUM_ARGUMENTS, ignore_https_errors=True
    ) as context:
        yield context.new_page()
