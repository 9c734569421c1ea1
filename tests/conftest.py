"""What every test may ask for: databases on a real server, the service itself, and the programs around it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import django
import pytest

from sticker_auth.local import redis
from sticker_auth.local.environment import PROJECT_ROOT
from sticker_auth.local.redis import EmbeddedRedis
from tests.servers import TEST_SETTINGS, PrivatePostgres, RabbitServer, StartService, program, service_starter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright
    from pytest_django.plugin import DjangoDbBlocker

    from tests.databases import Databases, FreshDatabase

# The settings are read once, at the first import: the test's own must stand in the environment before that.
for _name in ("DATABASE_URL", "CELERY_BROKER_URL", "REDIS_URL", "PUBLIC_BASE_URL", "EMBED_BASE_URL", "ALLOWED_HOSTS"):
    os.environ.pop(_name, None)
os.environ.update(TEST_SETTINGS, BATCH_FLUSH_SECONDS="0", DJANGO_SETTINGS_MODULE="sticker_auth.settings")
(PROJECT_ROOT / "static_root").mkdir(exist_ok=True)  # WhiteNoise warns where there is none
django.setup()

CHROMIUM_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)


@pytest.fixture(scope="session")
def databases(django_test_environment: None, django_db_blocker: "DjangoDbBlocker") -> "Iterator[Databases]":
    """Make and clone databases; the template is migrated once for the whole run."""
    from tests.databases import Databases

    with django_db_blocker.unblock(), closing(Databases(os.environ.get("TEST_DATABASE_URL", ""))) as made:
        made.make_template()
        yield made


@pytest.fixture(scope="session")
def django_db_setup(databases: "Databases", django_db_blocker: "DjangoDbBlocker") -> None:
    """Let the `db` fixture roll back on a clone of the template."""
    from tests.databases import point_django_at

    with django_db_blocker.unblock():
        point_django_at(databases.url(databases.clone()))


@pytest.fixture
def fresh_database(
    databases: "Databases", django_db_setup: None, django_db_blocker: "DjangoDbBlocker"
) -> "Iterator[FreshDatabase]":
    """Give Django, in every thread, a database of the test's own, where commits are real; not together with `db`."""
    from django.db import connections

    from tests.databases import FreshDatabase, point_django_at

    usual = dict(connections.settings["default"])
    fresh = FreshDatabase(name=databases.clone(), databases=databases)
    with django_db_blocker.unblock():
        point_django_at(fresh.url)
        yield fresh
        connections.close_all()
        connections.settings["default"].update(usual)
        databases.drop(fresh.name)


@pytest.fixture
def live_service(databases: "Databases", tmp_path: Path) -> Iterator[StartService]:
    """Start the real service, as often as wanted; each has a database of its own unless one is named."""
    with service_starter(databases, tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def shared_service(databases: "Databases", tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartService]:
    """Start the real service for many tests; stopped at the end of the run."""
    with service_starter(databases, tmp_path_factory.mktemp("services")) as start:
        yield start


@pytest.fixture
def postgres_server(tmp_path: Path) -> Iterator[PrivatePostgres]:
    """A PostgreSQL server that the test may kill; its database is empty."""
    server = PrivatePostgres(tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """A Redis server on a unix socket."""
    found = redis.find_program()
    if found is None:
        pytest.skip("redis-server was not found: apt-get install redis-server")
    server = EmbeddedRedis(found)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A RabbitMQ node on loopback."""
    server = RabbitServer(tmp_path_factory.mktemp("rabbit"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    return program("node", "nodejs", package="nodejs")


@pytest.fixture(scope="session")
def nginx() -> str:
    """The path of nginx."""
    return program("nginx", package="nginx")


@pytest.fixture(scope="session")
def caddy() -> str:
    """The path of Caddy."""
    return program("caddy", package="caddy")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of the system's Chromium; Playwright brings none along."""
    return program("chromium", "chromium-browser", "google-chrome", package="chromium")


@pytest.fixture(scope="session")
def playwright(chromium_path: str) -> "Iterator[Playwright]":
    """Playwright's driver. Its event loop runs in the main thread, where Django would refuse database calls."""
    api = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-browser.txt")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with api.sync_playwright() as driver:
        yield driver
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def chromium(playwright: "Playwright", chromium_path: str) -> "Iterator[Browser]":
    """A browser in which every name below .test is this machine."""
    browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def _nothing_pending_from_other_tests() -> Iterator[None]:
    """Forget counters that a test gathered and did not store; their rows were rolled back with the test."""
    yield
    batching = sys.modules.get("core.batching")
    for batch in batching._batches if batching else ():
        batch._pending = {}


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Refuse connections that would leave this machine."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail when any test was skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped something although every program should have been there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_strict = session.config.getoption("--no-skips")
    if is_strict and reporter and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line("\nFailed: with --no-skips no test may be skipped.")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
