"""The embedded PostgreSQL: started by the first user, shared, stopped after the last, and never lost to kill -9."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from sticker_auth.local import leash, postgres
from sticker_auth.local.environment import PROJECT_ROOT
from sticker_auth.local.postgres import EmbeddedPostgres, PostgresUnavailableError
from tests.local import processes
from tests.servers import await_end

HOLD = """
import sys
from pathlib import Path
from sticker_auth.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.join(), flush=True)
sys.stdin.read()
server.leave()
"""


@contextmanager
def another_user(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """Join in a process of its own, which leaves when its input ends."""
    command = [sys.executable, "-c", HOLD, str(home)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def url_told(process: "subprocess.Popen[str]") -> str:
    """Wait until another user has joined, and tell the URL it was given."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder after its first use, made once, since initdb is what takes long."""
    home = tmp_path_factory.mktemp("initialised") / "pg"
    with postgres.shared(home):
        return home


@pytest.fixture
def empty_home(tmp_path: Path) -> Path:
    """A place for a server that was never started, below a folder that only its owner may enter."""
    tmp_path.chmod(0o700)
    return tmp_path / "pg"


@pytest.fixture
def home(empty_home: Path, initialised: Path) -> Path:
    """The folder of a server that was used before."""
    subprocess.run(["cp", "-a", str(initialised), str(empty_home)], check=True)
    return empty_home


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    """A running server that this process uses."""
    server = EmbeddedPostgres(home)
    server.join()
    yield server
    server.leave()


def ask(url: str, question: LiteralString) -> object:
    """Ask the database one thing."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def do(url: str, statement: LiteralString) -> None:
    """Have the database do one thing."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(statement)


def answers_again(url: str) -> bool:
    """Wait until a server that is being restarted answers."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            return ask(url, "SELECT true") is True
        except psycopg.OperationalError:
            time.sleep(0.02)
    return False


def test_data_outlive_the_server(home: Path) -> None:
    with postgres.shared(home) as url:
        do(url, "CREATE TABLE note AS SELECT 'kept' AS text")
    with postgres.shared(home) as url:
        assert ask(url, "SELECT text FROM note") == "kept"


def test_nothing_runs_after_the_last_user_has_left(server: EmbeddedPostgres, home: Path) -> None:
    pid = server.pid
    server.leave()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert processes.of_folder(home) == {}


def test_server_keeps_its_promises_by_default(server: EmbeddedPostgres) -> None:
    promised = "SELECT string_agg(setting, ' ') FROM pg_settings WHERE name IN "
    assert ask(server.url, promised + "('fsync', 'full_page_writes', 'synchronous_commit')") == "on on on"
    assert ask(server.url, "SELECT current_setting('max_connections')") == "200"


def test_text_is_unicode_and_folds_case_by_it(server: EmbeddedPostgres) -> None:
    assert ask(server.url, "SELECT lower('ÄÖÉ')") == "äöé"


def test_it_listens_on_a_private_socket_only(server: EmbeddedPostgres, home: Path) -> None:
    assert ask(server.url, "SELECT current_setting('listen_addresses')") == ""
    sockets = (home / "sockets").resolve()
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert sockets.stat().st_uid == leash.server_owner()


def test_it_does_not_run_as_root(server: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_other_programs_of_the_servers_user_are_not_let_in(server: EmbeddedPostgres) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root's server has a user that others share: run the tests as root")
    knock = f"import psycopg; psycopg.connect({server.url!r})"
    done = subprocess.run(
        [sys.executable, "-c", knock], preexec_fn=leash.server_rights(), capture_output=True, text=True, check=False
    )
    assert "Peer authentication failed" in done.stderr


def test_second_user_joins_the_same_server(server: EmbeddedPostgres, home: Path) -> None:
    with another_user(home) as other:
        url = url_told(other)
        assert url == server.url
        server.leave()
        assert ask(url, "SELECT true") is True
    assert processes.of_folder(home) == {}


def test_users_that_come_at_once_get_one_server(empty_home: Path) -> None:
    with another_user(empty_home) as one, another_user(empty_home) as two, another_user(empty_home) as three:
        [url] = {url_told(one), url_told(two), url_told(three)}
        assert ask(url, "SELECT true") is True
    assert processes.of_folder(empty_home) == {}


def test_server_stops_when_its_only_user_is_killed(home: Path) -> None:
    with another_user(home) as process:
        url_told(process)
        keeper = [pid for pid, command in processes.of_folder(home).items() if "keeper" in command]
        process.kill()
    for pid in keeper:
        await_end(pid)
    assert processes.of_folder(home) == {}


def test_killed_server_comes_back_at_its_address_while_in_use(server: EmbeddedPostgres) -> None:
    url = server.url
    os.kill(server.pid, signal.SIGKILL)
    assert answers_again(url)
    assert server.url == url


def test_killed_backend_does_not_end_the_server(server: EmbeddedPostgres) -> None:
    pid = server.pid
    with closing(psycopg.connect(server.url)) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
    assert answers_again(server.url)
    assert server.pid == pid


def test_server_and_keeper_killed_the_next_user_recovers(server: EmbeddedPostgres, home: Path) -> None:
    do(server.url, "CREATE TABLE note AS SELECT 'kept' AS text")
    processes.kill_all(home)
    server.leave()
    with postgres.shared(home) as url:
        assert ask(url, "SELECT text FROM note") == "kept"


def test_claim_of_a_foreign_process_is_not_believed(server: EmbeddedPostgres, home: Path) -> None:
    claim = (home / "data" / "postmaster.pid").read_text()
    server.leave()
    stale = claim.replace(claim.split("\n", 1)[0], str(os.getpid()), 1)
    (home / "data" / "postmaster.pid").write_text(stale)
    with postgres.shared(home) as url:
        assert ask(url, "SELECT true") is True


def test_interrupted_first_start_is_begun_anew(empty_home: Path) -> None:
    (empty_home / "data.new" / "base").mkdir(parents=True)
    (empty_home / "data.new" / "PG_VERSION").write_text("18\n")
    with postgres.shared(empty_home) as url:
        assert ask(url, "SELECT true") is True


def test_data_of_another_version_are_refused_in_plain_words(empty_home: Path) -> None:
    (empty_home / "data").mkdir(parents=True)
    (empty_home / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresUnavailableError, match="written by PostgreSQL 9"):
        EmbeddedPostgres(empty_home).join()


def test_reason_is_told_when_it_can_not_start(home: Path) -> None:
    broken = EmbeddedPostgres(home, settings=("no_such_setting=1",))
    with pytest.raises(PostgresUnavailableError, match="no_such_setting"):
        broken.join()
    assert processes.of_folder(home) == {}


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_candidates", lambda: iter([Path("/nonexistent")]))
    with pytest.raises(PostgresUnavailableError, match="DATABASE_URL"):
        postgres.find_binaries()
