"""The sealed ledger: what was settled is covered once, whatever is done to it afterwards is found, and the bad row is named."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from audit.bundle import bundle_lines
from audit.chain import public_keys
from audit.checking import Fault, Report, check_ledger, first_bad_row
from audit.events import EventType
from audit.models import Event, EventContext, Seal
from audit.sealing import checkpoint, parse_gaps, seal_ledger
from audit.services import Act, record
from core.principals import Actor, ActorKind, RequestContext
from sticker_auth.local.environment import PROJECT_ROOT
from tests.servers import TEST_SETTINGS

pytestmark = pytest.mark.django_db

CONTEXT = RequestContext("request-1", "203.0.113.77", "browser/1")
BOB = Actor(ActorKind.STAFF, "2", "bob", CONTEXT)
TABLES = ("audit_event", "audit_seal")
OTHER_KEY = "9:" + TEST_SETTINGS["STICKER_PEPPERS"].removeprefix("1:")


def act(number: int) -> int:
    """Write one row; odd text on purpose."""
    with transaction.atomic():
        return record(Act(EventType.PARTNER_UPDATED, BOB, reason=f"row\t{number}\\n é", data={"n": number, "t": "a\nb"}))


def sealed(rows: int = 5) -> list[int]:
    """Write rows and seal them; their ids."""
    ids = [act(number) for number in range(rows)]
    list(seal_ledger(settle_seconds=0))
    return ids


@contextmanager
def unguarded() -> Iterator[Callable[[str, Any], None]]:
    """Act as the owner of the tables, whom no trigger stops."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")

        def run(sql: str, params: Any) -> None:
            cursor.execute(sql, params)

        yield run
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def faults(report: Report) -> set[Fault]:
    return {finding.fault for finding in report.findings}


def test_settled_rows_are_sealed_once_and_found_sound() -> None:
    ids = sealed()
    assert list(seal_ledger(settle_seconds=0)) == []
    seal = Seal.objects.get()
    assert (seal.number, seal.ids, seal.count) == (1, f"{ids[0]}-{ids[-1]}", 5)
    report = check_ledger()
    assert (report.is_sound, report.rows, report.seals, report.unsealed) == (True, 5, 1, 0)


def test_a_row_that_is_not_settled_waits() -> None:
    act(1)
    assert list(seal_ledger(settle_seconds=60)) == []
    assert check_ledger().unsealed == 1


def test_seals_follow_each_other() -> None:
    for _ in range(3):
        sealed(2)
    seals = list(Seal.objects.order_by("number"))
    assert [seal.number for seal in seals] == [1, 2, 3]
    assert check_ledger().is_sound


def skip_ids(count: int) -> list[int]:
    """Take ids of the sequence as a transaction does that has not committed yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_event', 'id')) FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor]


def awaited(*, since: int) -> list[tuple[int, int]]:
    """What the newest seal awaits, but for ids that other tests took."""
    gaps = parse_gaps(Seal.objects.latest("number").awaited)
    return [(gap.first, gap.last) for gap in gaps if gap.first >= since]


def write_as(row_id: int) -> None:
    """Commit a row under an id that was taken earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (id, type, severity, actor_kind, actor_id, actor_label, environment, subject_type,"
            " subject_id, reason, data, request_id)"
            " VALUES (%s, 'key.issued', 'info', 'system', 's', '', '', '', '', '', '{}', '')",
            [row_id],
        )


def test_a_row_that_commits_late_is_sealed_when_it_comes() -> None:
    act(1)
    first, second = skip_ids(2)
    act(2)
    list(seal_ledger(settle_seconds=0))
    assert awaited(since=first) == [(first, second)]
    write_as(second)
    assert check_ledger().is_sound
    list(seal_ledger(settle_seconds=0))
    assert Seal.objects.latest("number").ids == f"{second}-{second}"
    assert awaited(since=first) == [(first, first)]
    assert check_ledger().is_sound


def test_a_row_that_appears_where_none_is_awaited_any_more_was_added(monkeypatch: pytest.MonkeyPatch) -> None:
    act(1)
    [gone] = skip_ids(1)
    sealed(2)
    monkeypatch.setattr("audit.sealing.AWAIT_SECONDS", 0)
    sealed(1)
    write_as(gone)
    list(seal_ledger(settle_seconds=0))
    report = check_ledger()
    assert (faults(report), first_bad_row(report)) == ({Fault.ROW_ADDED}, gone)


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.sealing.BATCH_ROWS", 4)
    sealed(10)
    assert list(Seal.objects.order_by("number").values_list("count", flat=True)) == [4, 4, 2]
    assert check_ledger().is_sound


def test_erasing_a_person_keeps_the_chain_valid() -> None:
    sealed()
    EventContext.objects.update(is_cut=True, salt=None, user_agent="", address="203.0.113.0")
    assert check_ledger().is_sound
    EventContext.objects.all().delete()
    assert check_ledger().is_sound


def test_a_changed_address_is_found() -> None:
    ids = sealed()
    EventContext.objects.filter(event_id=ids[2]).update(address="198.51.100.1")
    report = check_ledger()
    assert (faults(report), first_bad_row(report)) == ({Fault.CONTEXT_CHANGED}, ids[2])


def test_a_seal_cannot_be_changed_by_the_services_own_means() -> None:
    sealed()
    for statement in ("UPDATE audit_seal SET count = 1", "DELETE FROM audit_seal", "TRUNCATE audit_seal"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_chain_that_was_written_anew_without_the_key_is_found(settings: Settings) -> None:
    sealed()
    kept = [checkpoint(seal) for seal in Seal.objects.all()]
    with unguarded() as run:
        run("UPDATE audit_event SET reason = 'nothing happened'", None)
        run("DELETE FROM audit_seal", None)
    settings.STICKER_LEDGER_KEYS = OTHER_KEY
    list(seal_ledger(settle_seconds=0))
    settings.STICKER_LEDGER_KEYS = TEST_SETTINGS["STICKER_LEDGER_KEYS"]
    assert Fault.SEAL_NOT_SIGNED in faults(check_ledger())
    assert Fault.CHECKPOINT_DIFFERS in faults(check_ledger(checkpoints=kept))


def test_an_older_backup_lacks_what_the_checkpoints_have() -> None:
    sealed()
    kept_rows = list(Event.objects.values_list("pk", flat=True))
    later = sealed(3)
    kept = [checkpoint(seal) for seal in Seal.objects.order_by("number")]
    with unguarded() as run:
        run("DELETE FROM audit_event WHERE NOT id = ANY(%s)", [kept_rows])
        run("DELETE FROM audit_seal WHERE number > 1", None)
    assert check_ledger().is_sound
    report = check_ledger(checkpoints=kept)
    assert (faults(report), first_bad_row(report)) == ({Fault.CHECKPOINT_MISSING}, later[0])


# -- A thousand random tamperings

COLUMNS = {
    "reason": "'other'",
    "actor_id": "'someone'",
    "type": "'key.issued'",
    "data": """'{"n": -1}'""",
    "recorded_at": "recorded_at - interval '1 microsecond'",
    "count": "count + 1",
    "subject_id": "'else'",
    "environment": "'live'",
    "severity": "'critical'",
}


def edit(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> int:
    row = chance.choice(ids)
    column = chance.choice(list(COLUMNS))
    run(f"UPDATE audit_event SET {column} = {COLUMNS[column]} WHERE id = %s", [row])  # noqa: S608  # literals above
    return row


def delete(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> int:
    row = chance.choice(ids)
    run("DELETE FROM audit_event WHERE id = %s", [row])
    return row


def swap(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> int:
    first, second = sorted(chance.sample(ids, 2))
    run("UPDATE audit_event SET id = -1 WHERE id = %s", [first])
    run("UPDATE audit_event SET id = %s WHERE id = %s", [first, second])
    run("UPDATE audit_event SET id = %s WHERE id = -1", [second])
    return first


def truncate(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> int:
    row = chance.choice(ids[1:])
    run("DELETE FROM audit_event WHERE id >= %s", [row])
    return row


def rehash(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> None:
    """Change a seal's own words: its digest of a row, the order, the count, or the link."""
    change = chance.choice(
        [
            "leaves = substring(leaves FROM 33) || substring(leaves FOR 32)",
            "root = sha256(root)",
            "previous = sha256(previous)",
            "sealed_at = sealed_at - 1",
            "ids = ids || ',9000000-9000000'",
            "newest_id = newest_id + 1",
            "signature = sha512(signature)",
            "awaited = '1-1@1'",
        ]
    )
    run(f"UPDATE audit_seal SET {change} WHERE number = %s", [chance.randint(1, 6)])  # noqa: S608  # as well


def reseal(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> int:
    """Change a row and make its seal's digests fit, without the key."""
    row = chance.choice(ids)
    run("UPDATE audit_event SET reason = 'other' WHERE id = %s", [row])
    run("UPDATE audit_seal SET leaves = sha256('x')::bytea || substring(leaves FROM 33), root = sha256(leaves)", None)
    return row


def older_backup(run: Callable[[str, Any], None], chance: random.Random, ids: list[int]) -> int:
    kept = chance.randint(1, 5)
    run("DELETE FROM audit_seal WHERE number > %s", [kept])
    row = ids[kept * 10]
    run("DELETE FROM audit_event WHERE id >= %s", [row])
    return row


TAMPERINGS = [edit, delete, swap, truncate, rehash, reseal, older_backup]


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sixty rows under six seals."""
    monkeypatch.setattr("audit.sealing.BATCH_ROWS", 10)
    return sealed(60)


@pytest.mark.parametrize("seed", range(10))
def test_of_a_thousand_random_tamperings_each_is_found_and_its_first_row_named(ledger: list[int], seed: int) -> None:
    chance = random.Random(seed)
    kept = [checkpoint(seal) for seal in Seal.objects.order_by("number")]
    for number in range(100):
        tampering = TAMPERINGS[number % len(TAMPERINGS)]
        point = transaction.savepoint()
        with unguarded() as run:
            bad = tampering(run, chance, ledger)
        report = check_ledger(checkpoints=kept)
        assert not report.is_sound, tampering
        if bad is not None and tampering is not reseal:
            assert first_bad_row(report) == bad, tampering
        transaction.savepoint_rollback(point)
    assert check_ledger(checkpoints=kept).is_sound


# -- Commands, and the verifier that needs nothing of ours


def run_verifier(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(PROJECT_ROOT / "tools" / "verify_ledger.py"), str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")


def exported(folder: Path) -> Path:
    path = folder / "ledger.jsonl"
    path.write_text("".join(f"{line}\n" for line in bundle_lines()), encoding="utf-8")
    return path


def test_the_offline_verifier_finds_an_export_sound(ledger: list[int], tmp_path: Path) -> None:
    done = run_verifier(exported(tmp_path), "--key", public_keys()[1])
    assert (done.returncode, done.stdout) == (0, "Sound: 60 rows under 6 seals\n"), done.stderr


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_the_offline_verifier_finds_what_was_done(ledger: list[int], tmp_path: Path, tampering: Any) -> None:
    kept = tmp_path / "checkpoints.jsonl"
    kept.write_text("".join(json.dumps(checkpoint(seal)) + "\n" for seal in Seal.objects.order_by("number")), encoding="ascii")
    chance = random.Random(7)
    with unguarded() as run:
        bad = tampering(run, chance, ledger)
    done = run_verifier(exported(tmp_path), "--key", public_keys()[1], "--checkpoints", str(kept))
    assert done.returncode == 1, done.stderr
    assert "NOT SOUND" in done.stdout
    if bad is not None and tampering not in (reseal, older_backup):
        assert f"row {bad} " in done.stdout


def test_the_offline_verifier_trusts_no_key_but_the_one_it_is_given(ledger: list[int], tmp_path: Path) -> None:
    done = run_verifier(exported(tmp_path), "--key", "E" * 43 + "=")
    assert done.returncode == 1
    assert "not signed by a key you trust" in done.stdout


def test_the_offline_verifier_says_when_it_cannot_read_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("hello\n")
    assert run_verifier(path, "--key", "E" * 43 + "=").returncode == 2


def test_the_command_says_sound_or_exits_1(ledger: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["is_sound"], said["rows"], said["findings"]) == (True, 60, [])
    with unguarded() as run:
        run("DELETE FROM audit_event WHERE id = %s", [ledger[5]])
    with pytest.raises(CommandError):
        call_command("verify_audit", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["is_sound"], said["first_bad_row"]) == (False, ledger[5])


def test_checkpoints_leave_the_database_as_they_are_made(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.jsonl"
    settings.LEDGER_CHECKPOINT_FILE = str(path)
    sealed(2)
    sealed(1)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        checkpoint(seal) for seal in Seal.objects.order_by("number")
    ]
    call_command("verify_audit", "--json")


def test_the_export_command_writes_a_private_file_and_a_ledger_row(ledger: list[int], tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    call_command("export_ledger", "--out", str(path), "--json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().splitlines()) == 1 + 6 + 60
    assert Event.objects.latest("pk").type == EventType.LEDGER_EXPORTED
    with pytest.raises(CommandError):
        call_command("export_ledger", "--out", str(path), "--json")
