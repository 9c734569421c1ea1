"""What scanners are given: the published patterns, rules for two scanners, and a commit hook, each tried on minted secrets."""

import os
import re
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.test import Client

from core.credentials import KEY_PATTERN, KeyKind, mint_key
from core.principals import Environment
from sticker_auth.local.environment import PROJECT_ROOT
from surfaces.client_secrets import CLIENT_SECRET_PATTERN, new_secret

TOOLS: Final = PROJECT_ROOT / "tools" / "leaks"
HOOK: Final = TOOLS / "find_sticker_keys.py"
KEYS: Final = [mint_key(kind, environment).plaintext for kind in KeyKind for environment in Environment]
CLIENT_SECRETS: Final = [new_secret(environment) for environment in Environment]
LOOK_ALIKES: Final = [
    *(KEYS[0] + "0", KEYS[0][:-1], KEYS[0].replace("sk_", "pk_"), KEYS[0].upper(), "x" + KEYS[0], KEYS[0] + "_x"),
    *(CLIENT_SECRETS[0] + "0", CLIENT_SECRETS[0][:-1]),
]
AROUND: Final = ("{}", "KEY={}", '"{}"', "Authorization: Bearer {}\r", "https://x.example/?k={}&x=1", "a,{};b", "'{}'")


def document() -> dict[str, Any]:
    answer = Client().get("/.well-known/secret-format.json")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=86400")
    return dict(answer.json())


def gitleaks_rules() -> Iterator[tuple[str, str, list[str]]]:
    for rule in tomllib.loads((TOOLS / "gitleaks.toml").read_text())["rules"]:
        yield rule["id"].removeprefix("sticker-"), rule["regex"], rule["keywords"]


def trufflehog_rules() -> Iterator[tuple[str, str, list[str]]]:
    for rule in yaml.safe_load((TOOLS / "trufflehog.yaml").read_text())["detectors"]:
        (pattern,) = rule["regex"].values()
        yield rule["name"].removeprefix("sticker-"), pattern, rule["keywords"]


def published_rules() -> Iterator[tuple[str, str, list[str]]]:
    for each in document()["formats"]:
        yield each["name"], each["pattern"], each["keywords"]


@pytest.mark.parametrize("rules", [published_rules, gitleaks_rules, trufflehog_rules])
def test_rules_find_every_secret_wherever_it_stands_and_no_look_alike(rules: Any) -> None:
    found = {name: (re.compile(pattern), keywords) for name, pattern, keywords in rules()}
    assert set(found) == {"api-key", "client-secret"}
    for name, secrets in (("api-key", KEYS), ("client-secret", CLIENT_SECRETS)):
        pattern, keywords = found[name]
        for secret in secrets:
            assert any(secret.startswith(keyword) for keyword in keywords)
            for around in AROUND:
                match = pattern.search(around.format(secret))
                assert match is not None
                assert match[0] == secret
        assert not any(pattern.search(text) for text in LOOK_ALIKES)


def test_document_says_what_the_service_does() -> None:
    said = document()
    assert [each["pattern"] for each in said["formats"]] == [KEY_PATTERN, CLIENT_SECRET_PATTERN]
    assert {each["length"] for each in said["formats"]} == {len(KEYS[0]), len(CLIENT_SECRETS[0])}
    assert said["report"]["url"].endswith("/v1/leaks/report")
    assert Client().post("/.well-known/secret-format.json").status_code == 405


def test_checksum_can_be_computed_from_the_document_alone() -> None:
    said = document()["checksum"]

    def checksum(text: str) -> str:
        number, digits = zlib.crc32(text.encode("ascii")), ""
        while len(digits) < 6:
            number, digit = divmod(number, len(said["alphabet"]))
            digits = said["alphabet"][digit] + digits
        return digits

    assert all(checksum(secret[:-6]) == secret[-6:] for secret in (*KEYS, *CLIENT_SECRETS))
    assert all(checksum(vector["input"]) == vector["output"] for vector in said["test_vectors"])


class Repository:
    """A new git repository with the hook in place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q")
        hook = path / ".git" / "hooks" / "pre-commit"
        hook.write_bytes(HOOK.read_bytes())
        hook.chmod(0o755)

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
        return subprocess.run(
            ["git", *who, *arguments], cwd=self.path, env=environ, capture_output=True, text=True, check=False
        )

    def commit(self, **files: str | bytes) -> subprocess.CompletedProcess[str]:
        """Add files and commit them."""
        for name, content in files.items():
            (self.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        return self.git("commit", "-qm", "x")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize("secret", [*KEYS, *CLIENT_SECRETS])
def test_hook_refuses_a_commit_and_does_not_repeat_the_secret(repository: Repository, secret: str) -> None:
    done = repository.commit(env=f"# shop\nKEY={secret}\n")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "env:2: " in said
    assert secret[20:] not in said
    assert secret.startswith("cs_") or secret[:20] in said
    assert repository.git("log").returncode != 0


def test_hook_lets_look_alikes_examples_and_removals_pass(repository: Repository) -> None:
    example = KEYS[0][:-1] + ("1" if KEYS[0][-1] == "0" else "0")
    assert repository.commit(notes="\n".join([*LOOK_ALIKES, example]), binary=bytes(range(256))).returncode == 0
    (repository.path / "notes").unlink()
    assert repository.commit().returncode == 0


def test_hook_looks_at_what_is_committed_and_not_at_what_lies_there(repository: Repository) -> None:
    (repository.path / "a b\tü").write_text(KEYS[0])
    repository.git("add", "-A")
    (repository.path / "a b\tü").write_text("clean")
    assert repository.git("commit", "-qm", "x").returncode == 1
    repository.git("add", "-A")
    (repository.path / "a b\tü").write_text(KEYS[0])
    assert repository.git("commit", "-qm", "x").returncode == 0


def run_hook(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, HOOK, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_hook_takes_files_as_the_framework_names_them(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text(f"{KEYS[0]} {KEYS[1]}")
    (tmp_path / "good").write_text("nothing")
    found = run_hook("good", "bad", cwd=tmp_path)
    assert (found.returncode, found.stdout.count("bad:1: key ")) == (1, 2)
    assert run_hook("good", cwd=tmp_path).returncode == 0
    assert run_hook("missing", cwd=tmp_path).returncode == 2
    assert run_hook(cwd=tmp_path).returncode == 2
