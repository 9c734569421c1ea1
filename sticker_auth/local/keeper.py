"""Keeps one PostgreSQL server for as long as anyone uses it; a process of its own, the server's parent.

Every user of the server holds a shared lock on `users.lock`, which the kernel takes back even after kill -9. The keeper
waits for the exclusive lock, so it learns at once that the last user is gone, and then stops the server. It restarts a
server that dies while in use, and the server is tied to it: without keeper no server. Standard library only.
"""

import argparse
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sticker_auth.local import leash
from sticker_auth.local.environment import short_private_folder

USER: Final = "sticker"
_WAKERS: Final = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
_START_TRIES: Final = 4
_RETRY_SECONDS: Final = 0.25
_FAST_STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to keep: the folder of the server's files, the programs, and how the server is to behave."""

    home: Path
    binaries: Path
    initdb_options: tuple[str, ...]
    settings: tuple[str, ...]
    is_disposable: bool
    is_restarted: bool

    @property
    def data(self) -> Path:
        """The data folder, owned by the server's user."""
        return self.home / "data"

    @property
    def sockets(self) -> Path:
        """A link to the folder of the server's socket."""
        return self.home / "sockets"

    def arguments(self) -> list[str]:
        """Spell the plan as the keeper's command line."""
        flags = {"--disposable": self.is_disposable, "--restart": self.is_restarted}
        return [
            str(self.home),
            str(self.binaries),
            *(f"--initdb={option}" for option in self.initdb_options),
            *(f"--set={setting}" for setting in self.settings),
            *(flag for flag, is_wanted in flags.items() if is_wanted),
        ]


def main(arguments: Sequence[str]) -> int:
    """Keep the server until its last user is gone; 1 when it can't be started."""
    plan = _parse(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKERS)
    _end_strays(plan.data)  # before the lock, which tells users that the status file is of this keeper's server
    with (plan.home / "keeper.lock").open("a") as own, (plan.home / "users.lock").open("a") as users:
        fcntl.flock(own, fcntl.LOCK_EX)
        status = _keep(plan, users.fileno())
        fcntl.flock(own, fcntl.LOCK_UN)  # before the users' lock: who waits for that one finds no keeper any more
    return status


def _parse(arguments: Sequence[str]) -> Plan:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--initdb", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--disposable", action="store_true")
    parser.add_argument("--restart", action="store_true")
    given = parser.parse_args(arguments)
    return Plan(
        home=given.home,
        binaries=given.binaries,
        initdb_options=tuple(given.initdb),
        settings=tuple(given.set),
        is_disposable=given.disposable,
        is_restarted=given.restart,
    )


def _keep(plan: Plan, users: int) -> int:
    threading.Thread(target=_await_last_user, args=(users,), daemon=True).start()
    if not _make_data(plan):
        return 1
    sockets = _socket_folder(plan)
    status = _serve(plan, sockets)
    if status == 0:
        shutil.rmtree(sockets, ignore_errors=True)
        plan.sockets.unlink(missing_ok=True)
    if status == 0 and plan.is_disposable:
        shutil.rmtree(plan.home, ignore_errors=True)
    return status


def _serve(plan: Plan, sockets: Path) -> int:
    server, failures = _start_server(plan, sockets), 0
    while True:
        if signal.sigwait(_WAKERS) != signal.SIGCHLD:
            _stop_server(server)
            return 0
        if server.poll() is None:
            continue
        failures = 0 if _was_ready(plan.data) else failures + 1
        if failures == _START_TRIES or (failures == 0 and not plan.is_restarted):
            return 1
        time.sleep(_RETRY_SECONDS)
        _end_strays(plan.data)
        server = _start_server(plan, sockets)


def _await_last_user(users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)
    os.kill(os.getpid(), signal.SIGUSR1)


def _make_data(plan: Plan) -> bool:
    """Run initdb beside the final place, so that a death half-way leaves nothing that looks complete."""
    if plan.data.exists():
        return True
    unfinished = plan.home / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, leash.server_owner(), -1)
    initdb = _spawn([str(plan.binaries / "initdb"), "-D", str(unfinished), *plan.initdb_options])
    while initdb.poll() is None:
        if signal.sigwait(_WAKERS) != signal.SIGCHLD:
            initdb.kill()
            return False
    if initdb.returncode:
        return False
    if os.geteuid() == 0:
        _admit_only_root(unfinished)
    unfinished.rename(plan.data)
    return True


def _admit_only_root(data: Path) -> None:
    """Refuse other programs that run as the server's user: by the server they would reach what only root may read."""
    (data / "pg_hba.conf").write_text("local all all peer map=launcher\n")
    (data / "pg_ident.conf").write_text(f"launcher {pwd.getpwuid(0).pw_name} {USER}\n")


def _socket_folder(plan: Plan) -> Path:
    """Take up the folder that a killed keeper has left, so that its users' address stays true, or make one."""
    if plan.sockets.is_symlink() and _is_ours(plan.sockets.resolve()):
        return plan.sockets.resolve()
    folder = short_private_folder("sticker-pg-")
    os.chown(folder, leash.server_owner(), -1)
    plan.sockets.unlink(missing_ok=True)
    plan.sockets.symlink_to(folder)
    return folder


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == leash.server_owner() and found.st_mode & 0o077 == 0


def _start_server(plan: Plan, sockets: Path) -> "subprocess.Popen[bytes]":
    settings = [part for setting in plan.settings for part in ("-c", setting)]
    return _spawn([str(plan.binaries / "postgres"), "-D", str(plan.data), "-k", str(sockets), *settings])


def _spawn(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath},
        preexec_fn=_in_child,  # noqa: PLW1509  # the one other thread waits in the kernel
    )


def _in_child() -> None:
    leash.server_rights()()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAKERS)


def _stop_server(server: "subprocess.Popen[bytes]") -> None:
    for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(signum)
        try:
            server.wait(_FAST_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _was_ready(data: Path) -> bool:
    """Tell whether the server that just died had been serving: only then its status file says so."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _end_strays(data: Path) -> None:
    """End what a killed keeper or server left at work on these files, and remove its claim to them.

    The claim (`postmaster.pid`) must go by hand when its number meanwhile belongs to a zombie or to another program;
    it may go only when no process works on the files any more.
    """
    claim = data / "postmaster.pid"
    if not claim.exists() or not Path("/proc/self/cwd").exists():
        return
    for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if _have_ended(data, signum):
            break
    for path in (claim, *(data.parent / "sockets").glob(".s.PGSQL.*")):
        path.unlink(missing_ok=True)


def _have_ended(data: Path, signum: signal.Signals) -> bool:
    for pid in _processes_at(data):
        with suppress(ProcessLookupError):
            os.kill(pid, signum)
    end = time.monotonic() + _FAST_STOP_SECONDS
    while any(True for _ in _processes_at(data)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _processes_at(data: Path) -> Iterator[int]:
    """Find the living processes of a server by their working folder, which is its data folder."""
    wanted = str(data.resolve())
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd") == wanted:
                yield int(entry.name)
        except OSError:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
