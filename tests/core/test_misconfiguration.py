"""A service that is configured wrongly does not start, and says which setting it is and never its value."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sticker_auth.local.environment import PROJECT_ROOT
from tests.servers import TEST_SETTINGS, bare_environment

RING = "1:dGVzdC1wZXBwZXItMC0wMTIzNDU2Nzg5YWJjZGVmLTE"
PRODUCTION = {
    "STICKER_ENV": "production",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "STICKER_PEPPERS": RING,
    "STICKER_JWT_KEYS": RING,
    "STICKER_ENCRYPTION_KEYS": RING,
    "STICKER_ASSERTION_KEYS": RING,
    "STICKER_LEDGER_KEYS": RING,
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    "ALLOWED_HOSTS": "auth.example.com",
    "PUBLIC_BASE_URL": "https://auth.example.com",
    "EMBED_BASE_URL": "https://embed.example.com",
}


# Reads the settings anew under each environment and says how that ended.
PROBE = """
import json, os, runpy, sys
for env in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(env)
    try:
        runpy.run_module("sticker_auth.settings")
        print(json.dumps(""))
    except Exception as error:
        print(json.dumps(f"{type(error).__name__}: {error}"))
"""


def environment(changes: dict[str, str | None]) -> dict[str, str]:
    """A production server's environment with some settings changed, or missing (None)."""
    kept = {name: value for name, value in bare_environment().items() if name not in TEST_SETTINGS}
    wanted = {**kept, **PRODUCTION, "VAR_DIR": "/nonexistent", **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def run(changes: dict[str, str | None], *command: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a program of ours in that environment."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_ROOT,
        env=environment(changes),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


WRONG = [
    ("SECRET_KEY", None),
    ("SECRET_KEY", ""),
    ("SECRET_KEY", "short"),
    ("SECRET_KEY", "a" * 60),
    ("SECRET_KEY", "django-insecure-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"),
    ("STICKER_PEPPERS", None),
    ("STICKER_PEPPERS", "1:c2hvcnQ"),
    ("STICKER_PEPPERS", "+" + RING),
    ("STICKER_PEPPERS", f"{RING},{RING}"),
    ("STICKER_PEPPERS", RING.removeprefix("1:")),
    ("STICKER_JWT_KEYS", None),
    ("STICKER_ENCRYPTION_KEYS", None),
    ("STICKER_ASSERTION_KEYS", "1:" + "A" * 48),
    ("STICKER_LEDGER_KEYS", None),
    ("EGRESS_ALLOWED_NETWORKS", "127.0.0.1/8"),
    ("STICKER_JWT_KEYS", "none"),
    ("STICKER_ENV", "prod"),
    ("DEBUG", "true"),
    ("ALLOWED_HOSTS", None),
    ("ALLOWED_HOSTS", "*"),
    ("ALLOWED_HOSTS", "auth.example.com,*.example.com"),
    ("ALLOWED_HOSTS", ".example.com"),
    ("PUBLIC_BASE_URL", None),
    ("PUBLIC_BASE_URL", "http://auth.example.com"),
    ("EMBED_BASE_URL", "http://embed.example.com"),
    ("DATABASE_URL", None),
    ("DATABASE_URL", "sqlite:///db.sqlite3"),
    ("SETUP_PER_MINUTE", "0"),
    ("HANDSHAKE_PER_MINUTE", "many"),
    ("TRUSTED_PROXY_HOPS", "-1"),
    ("SESSION_TOKEN_SECONDS", "301"),
    ("SESSION_TOKEN_SECONDS", "0"),
    ("EMBED_ACCESS_TOKEN_SECONDS", "301"),
    ("ADDRESS_RETENTION_DAYS", "-1"),
    ("BATCH_FLUSH_SECONDS", "60"),
    ("ADMIN_THEME", "pretty"),
    ("LOG_LEVEL", "LOUD"),
]


@pytest.fixture(scope="module")
def endings() -> dict[tuple[str, str | None], str]:
    """How reading the settings ended under each wrong one; the last is the complete configuration."""
    cases = [environment({name: value}) for name, value in WRONG] + [environment({})]
    done = run({}, "-c", PROBE, stdin=json.dumps(cases))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip([*WRONG, ("nothing", None)], said, strict=True))


def test_a_complete_production_configuration_starts(endings: dict[tuple[str, str | None], str]) -> None:
    assert endings["nothing", None] == ""


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_setting_that_cannot_be_meant_stops_the_start_and_is_named(
    endings: dict[tuple[str, str | None], str], name: str, value: str | None
) -> None:
    said = endings[name, value]
    assert said.startswith("ImproperlyConfigured")
    assert name in said
    assert not value or len(value) < 20 or value not in said


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "migrate"),
        ("manage.py", "issue_key", "--partner", "acme", "--environment", "test", "--scopes", "all", "--json"),
        ("-c", "import sticker_auth.rsgi"),
        ("-c", "import sticker_auth.wsgi"),
        ("-m", "celery", "-A", "sticker_auth", "inspect", "ping"),
    ],
    ids=["migrate", "issue_key", "rsgi", "wsgi", "celery"],
)
def test_every_door_refuses_to_open_without_a_pepper(command: tuple[str, ...]) -> None:
    done = run({"STICKER_PEPPERS": None}, *command)
    assert done.returncode != 0
    assert "STICKER_PEPPERS" in done.stderr + done.stdout


def test_a_production_process_never_takes_up_a_developers_secrets(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text(f"STICKER_ENV=development\nSTICKER_PEPPERS={RING}\n")
    done = run({"STICKER_PEPPERS": None, "VAR_DIR": str(tmp_path)}, "-c", "import sticker_auth.wsgi")
    assert "STICKER_PEPPERS is missing" in done.stderr
