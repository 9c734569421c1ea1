"""The databases of a test run: one migrated template on a real server, cloned for whoever needs a database of its own."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import environ
import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from sticker_auth.local.postgres import FORGETFUL_SETTINGS, EmbeddedPostgres

_CREATE: Final = sql.SQL("CREATE DATABASE {}")
_CLONE: Final = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
_DROP: Final = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")


class Databases:
    """Makes and drops databases on TEST_DATABASE_URL's server, else on an embedded one that forgets everything."""

    def __init__(self, server_url: str = "") -> None:
        self._embedded: EmbeddedPostgres | None = None
        if not server_url:
            folder = Path(tempfile.mkdtemp(prefix="sticker-tests-")) / "pg"
            self._embedded = EmbeddedPostgres(folder, settings=FORGETFUL_SETTINGS, is_disposable=True)
            server_url = self._embedded.join()
        self._server_url = server_url
        self._run = f"sticker_test_{secrets.token_hex(4)}"
        self._made: list[str] = []
        self._template = ""

    def make_template(self) -> None:
        """Migrate the database that the others are cloned from."""
        self._template = self._next_name()
        self._execute(_CREATE.format(sql.Identifier(self._template)))
        point_django_at(self.url(self._template))
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()

    def url(self, name: str) -> str:
        """Spell the address of a database on this server."""
        return urlsplit(self._server_url)._replace(path=f"/{name}").geturl()

    def clone(self) -> str:
        """Make a database with all tables and what migrations seed; returns its name."""
        name = self._next_name()
        self._execute(_CLONE.format(sql.Identifier(name), sql.Identifier(self._template)))
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(_DROP.format(sql.Identifier(name)))
        self._made.remove(name)

    def close(self) -> None:
        """Drop everything that was made, and stop the embedded server."""
        for name in list(self._made):
            self.drop(name)
        if self._embedded is not None:
            self._embedded.leave()
            self._embedded.home.parent.rmdir()

    def _next_name(self) -> str:
        name = f"{self._run}_{len(self._made)}_{secrets.token_hex(2)}"
        self._made.append(name)
        return name

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(statement)


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A clone of the template that one test has for itself."""

    name: str
    databases: Databases

    @property
    def url(self) -> str:
        """The address, as DATABASE_URL wants it."""
        return self.databases.url(self.name)


@contextmanager
def django_at(url: str) -> Iterator[None]:
    """Let this process use another database for the time of a block, to prepare a service's."""
    usual = dict(connections.settings["default"])
    point_django_at(url)
    try:
        yield
    finally:
        connections.close_all()
        connections.settings["default"].update(usual)


def point_django_at(url: str) -> None:
    """Let every thread of this process use another database from its next connection on."""
    connections.close_all()
    found: dict[str, Any] = environ.Env.db_url_config(url)
    options = found.pop("OPTIONS", {})
    settings = connections.settings["default"]
    settings.update(found)
    settings["OPTIONS"] = {**settings["OPTIONS"], **options}
