"""The management commands, called in this process: what they print, refuse and put on record."""

import hashlib
import io
import json
import os
import pwd
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import Event
from core.credentials import KEY_PATTERN
from partners.models import ApiKey, Partner
from partners.scopes import Scope
from partners.services.keys import find_key
from tests.factories import make_key, make_partner
from tests.partners.callers import ask

pytestmark = pytest.mark.django_db

FOREIGN = "ak_live_0123456789abcdef0123456789abcdef"
FOREIGN_SHA256 = hashlib.sha256(FOREIGN.encode()).hexdigest()


def run(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def run_json(name: str, *arguments: str) -> dict[str, Any]:
    """Run with --json; stdout must hold exactly one object."""
    return dict(json.loads(run(name, *arguments, "--json")))


def refusal(name: str, *arguments: str) -> tuple[dict[str, Any], CommandError]:
    out = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command(name, *arguments, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue()), raised.value


def issue(partner: Partner, *arguments: str) -> dict[str, Any]:
    return run_json("issue_key", "--partner", partner.slug, "--environment", "test", "--scopes", "all", *arguments)


def test_create_partner_answers_with_id_and_slug() -> None:
    partner = run_json("create_partner", "--name", "Zoë & Söhne")
    assert partner == {"id": str(Partner.objects.get().pk), "slug": "zoe-sohne"}


def test_create_partner_takes_a_slug() -> None:
    assert run_json("create_partner", "--name", "Acme", "--slug", "acme-eu")["slug"] == "acme-eu"


def test_create_partner_with_a_slug_that_is_taken_is_refused() -> None:
    partner = make_partner()
    said, error = refusal("create_partner", "--name", "Other", "--slug", partner.slug)
    assert said == {"error": "ALREADY_EXISTS", "message": "A partner with this slug exists."}
    assert error.returncode == 1


def test_a_wrong_field_is_named_in_the_message() -> None:
    said, _ = refusal("create_partner", "--name", "Acme", "--slug", "Not A Slug")
    assert said["error"] == "INVALID_REQUEST"
    assert "slug:" in said["message"]


@pytest.mark.parametrize("by", ["pk", "slug"])
def test_issue_key_answers_with_a_key_that_works(by: str) -> None:
    partner = make_partner()
    made = run_json(
        "issue_key", "--partner", str(getattr(partner, by)), "--environment", "live", "--scopes", "key:read,session:create"
    )
    assert set(made) == {"key", "kid", "expires_at"}
    assert made["key"].startswith("sk_live_" + made["kid"])
    assert ask(made["key"]).json()["key"]["scopes"] == ["key:read", "session:create"]


def test_issue_key_gives_all_scopes_a_kind_a_name_and_networks() -> None:
    made = issue(make_partner(), "--kind", "ak", "--name", "till 7", "--networks", "10.0.0.0/8, ::1")
    key = find_key(made["kid"])
    assert (key.kind, key.name, key.networks) == ("ak", "till 7", ["10.0.0.0/8", "::1/128"])
    assert key.scopes == list(Scope)


@pytest.mark.parametrize(("arguments", "days"), [([], 365), (["--expires-days", "7"], 7)])
def test_issue_key_lets_a_key_expire(arguments: list[str], days: int) -> None:
    key = find_key(issue(make_partner(), *arguments)["kid"])
    assert key.expires_at is not None
    assert (key.expires_at - timezone.now()).days in (days - 1, days)


def test_issue_key_can_make_a_key_that_never_expires() -> None:
    assert issue(make_partner(), "--never-expires")["expires_at"] is None


def test_without_json_the_key_stands_once_with_advice() -> None:
    partner = make_partner()
    said = run("issue_key", "--partner", partner.slug, "--environment", "test", "--scopes", "all")
    key = ApiKey.objects.get()
    assert said.count(f"sk_test_{key.kid}") == 1
    assert "once" in said


def test_issue_key_for_a_partner_nobody_created_is_refused() -> None:
    said, error = refusal("issue_key", "--partner", "nobody", "--environment", "test", "--scopes", "all")
    assert (said["error"], error.returncode) == ("PARTNER_NOT_FOUND", 1)


def test_rotate_key_answers_with_the_successor_and_the_end_of_the_old_one() -> None:
    old = issue(make_partner())
    made = run_json("rotate_key", "--kid", old["kid"], "--overlap", "now", "--reason", "lost laptop")
    assert set(made) == {"key", "kid", "expires_at", "previous", "previous_works_until"}
    assert ask(made["key"]).status_code == 200
    assert ask(old["key"]).status_code == 401
    assert Event.objects.get(type="key.rotated").reason == "lost laptop"


def test_rotate_key_of_a_dead_key_is_refused() -> None:
    kid = issue(make_partner())["kid"]
    run("revoke_key", "--kid", kid, "--reason", "compromise")
    assert refusal("rotate_key", "--kid", kid, "--reason", "x")[0]["error"] == "KEY_NOT_ROTATABLE"


def test_revoke_key_answers_with_every_key_it_ended() -> None:
    old = issue(make_partner())
    new = run_json("rotate_key", "--kid", old["kid"], "--reason", "x")
    said = run_json("revoke_key", "--kid", old["kid"], "--reason", "compromise", "--comment", "in a repository")
    assert said == {"kid": old["kid"], "revoked": [old["kid"], new["kid"]]}
    assert run_json("revoke_key", "--kid", old["kid"], "--reason", "compromise")["revoked"] == []


def test_emergency_revoke_ends_everything_and_may_be_repeated() -> None:
    partner = make_partner()
    kid = issue(partner)["kid"]
    first = run_json("emergency_revoke", "--partner", str(partner.pk), "--reason", "drill")
    second = run_json("emergency_revoke", "--partner", partner.slug, "--reason", "drill")
    assert first == {"partner": str(partner.pk), "revoked": [kid], "auth_epoch": 1}
    assert second["revoked"] == []


def test_import_key_lets_in_a_key_by_its_hash() -> None:
    partner = make_partner()
    policy = ("--environment", "live", "--scopes", "orders:read", "--kind", "ak")
    made = run_json("import_key", "--partner", partner.slug, *policy, "--sha256", FOREIGN_SHA256)
    assert set(made) == {"kid", "expires_at"}
    assert ask(FOREIGN).json()["key"]["kid"] == made["kid"]


@pytest.mark.parametrize("written", [f"{FOREIGN_SHA256}\n", f"{FOREIGN_SHA256.upper()}  key.txt\n"])
def test_import_key_reads_what_sha256sum_writes(written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = ("--partner", make_partner().slug, "--environment", "live", "--scopes", "all", "--kind", "ak")
    monkeypatch.setattr("sys.stdin", io.StringIO(written))
    run("import_key", *policy, "--sha256-file", "-")
    (tmp_path / "hash").write_text(written)
    assert refusal("import_key", *policy, "--sha256-file", str(tmp_path / "hash"))[0]["error"] == "KEY_ALREADY_IMPORTED"


@pytest.mark.parametrize("content", ["", "no hash", "ab" * 31])
def test_import_key_from_a_file_without_a_hash_is_a_wrong_argument(content: str, tmp_path: Path) -> None:
    (tmp_path / "hash").write_text(content)
    policy = ("--partner", make_partner().slug, "--environment", "live", "--scopes", "all")
    said, error = refusal("import_key", *policy, "--sha256-file", str(tmp_path / "hash"))
    assert (said["error"], error.returncode) == ("BAD_ARGUMENTS", 2)


def test_identify_key_says_whose_key_a_kid_is() -> None:
    issued = make_key(networks=["10.0.0.0/8"])
    said = run_json("identify_key", issued.key.kid)
    assert (said["partner"]["slug"], said["status"], said["is_genuine"]) == (issued.key.partner.slug, "active", None)
    assert said["networks"] == ["10.0.0.0/8"]


def test_identify_key_reads_a_whole_key_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    issued = make_key()
    monkeypatch.setattr("sys.stdin", io.StringIO(issued.plaintext + "\n"))
    assert run_json("identify_key", "-")["is_genuine"] is True


def test_identify_key_reads_a_whole_key_from_a_file_and_sees_through_a_forgery(tmp_path: Path) -> None:
    issued = make_key()
    (tmp_path / "key").write_text(issued.plaintext[:-1] + "_")
    said = run("identify_key", "--file", str(tmp_path / "key"))
    assert issued.key.partner.slug in said
    assert "is not this key" in said


def test_identify_key_of_what_nobody_issued_is_refused() -> None:
    assert refusal("identify_key", "000000000000")[0]["error"] == "KEY_NOT_FOUND"


def test_identify_key_shows_nothing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    issued = make_key()
    monkeypatch.setattr("sys.stdin", io.StringIO(issued.plaintext))
    said = run("identify_key", "-")
    assert issued.plaintext[20:] not in said
    assert bytes(issued.key.digest).hex() not in said


def test_pepper_report_counts_keys() -> None:
    make_key()
    said = run_json("pepper_report")
    assert said == {
        "signing": 1,
        "peppers": [{"id": 1, "is_known": True, "usable_keys": 1, "dead_keys": 0, "can_be_retired": False}],
        "unknown": [],
        "can_be_retired": [],
    }
    assert run("pepper_report") == "pepper 1: 1 usable keys, 0 dead ones; signs\n"


ISSUE = ["--partner", "acme", "--environment", "test", "--scopes", "all"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("create_partner", []),
        ("create_partner", ["--nam", "Acme"]),
        ("issue_key", ["--partner", "acme", "--environment", "test"]),
        ("issue_key", ["--partner", "acme", "--environment", "prod", "--scopes", "all"]),
        ("issue_key", ["--partner", "acme", "--environment", "test", "--scopes", ""]),
        ("issue_key", ["--partner", "acme", "--environment", "test", "--scopes", "orders:delete"]),
        ("issue_key", [*ISSUE, "--networks", "10.0.0.1/8"]),
        ("issue_key", [*ISSUE, "--expires-days", "0"]),
        ("issue_key", [*ISSUE, "--expires-days", "soon"]),
        ("issue_key", [*ISSUE, "--expires-days", "5", "--never-expires"]),
        ("issue_key", [*ISSUE, "--kind", "pk"]),
        ("issue_key", [*ISSUE, "--name", ""]),
        ("rotate_key", ["--kid", "x"]),
        ("rotate_key", ["--kid", "x", "--reason", "y", "--overlap", "2h"]),
        ("revoke_key", ["--kid", "x", "--reason", "bored"]),
        ("emergency_revoke", ["--partner", "acme"]),
        ("import_key", [*ISSUE]),
        ("import_key", [*ISSUE, "--sha256", "abc"]),
        ("identify_key", []),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_happens(name: str, arguments: list[str]) -> None:
    make_partner(slug="acme")
    with pytest.raises(CommandError):
        call_command(name, *arguments)
    assert not ApiKey.objects.exists()


def test_an_act_is_on_record_with_the_operating_systems_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    run("create_partner", "--name", "Acme")
    event = Event.objects.get(type="partner.created")
    assert (event.actor_kind, event.actor_id) == ("command", pwd.getpwuid(os.getuid()).pw_name)


def test_a_user_without_a_name_is_on_record_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 54_321)
    run("create_partner", "--name", "Acme")
    assert Event.objects.get(type="partner.created").actor_id == "uid 54321"


def test_printed_keys_have_the_published_form() -> None:
    assert re.fullmatch(KEY_PATTERN, issue(make_partner())["key"])
