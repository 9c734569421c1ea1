"""The broker of a newcomer's machine."""

import os
import stat
from pathlib import Path

import pytest
import redis as client

from sticker_auth.local import redis
from sticker_auth.local.redis import EmbeddedRedis, RedisUnavailableError


def test_it_answers_on_a_private_socket_only(redis_server: EmbeddedRedis) -> None:
    with client.Redis.from_url(redis_server.url) as connection:
        assert connection.ping()
        assert connection.config_get("port") == {"port": "0"}
    assert stat.S_IMODE(redis_server.socket.parent.stat().st_mode) == 0o700


def test_stop_leaves_neither_process_nor_folder() -> None:
    found = redis.find_program()
    assert found is not None
    server = EmbeddedRedis(found)
    server.stop()
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    assert not server.socket.parent.exists()


def test_program_that_does_not_serve_is_reported() -> None:
    with pytest.raises(RedisUnavailableError):
        EmbeddedRedis(Path("/bin/false"))


def test_folder_of_a_killed_launchers_server_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "sticker-redis-left"
    other = tmp_path / "precious"
    left.mkdir()
    other.mkdir()
    for folder in (left, other):
        redis.remove_leftover(f"redis+socket://{folder}/redis.sock")
    assert not left.exists()
    assert other.exists()


def test_program_of_the_path_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = tmp_path / "redis-server"
    mine.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis.find_program() == mine
