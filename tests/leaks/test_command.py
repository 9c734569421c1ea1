"""`report_leak` at a shell: the credential comes on standard input alone."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from partners.models import ApiKey
from tests.factories import make_key
from tests.leaks.credentials import reported

pytestmark = pytest.mark.django_db


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(text: str, *arguments: str) -> str:
        out = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        call_command("report_leak", *arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    return run


def test_a_key_ends_and_the_shell_is_told_whose_it_was(shell: Any) -> None:
    issued = make_key()
    said = json.loads(shell(f"{issued.plaintext}\n", "--json", "--url", "https://paste.example/1", "--comment", "by mail"))

    assert said == {
        "is_ours": True,
        "subject_type": "key",
        "subject_id": issued.key.kid,
        "partner_id": str(issued.key.partner_id),
        "environment": "test",
        "ended": [issued.key.kid],
    }
    assert ApiKey.objects.get(pk=issued.key.pk).revoke_reason == "compromise"
    event = reported().get()
    assert (event.actor_kind, event.data["source"], event.data["comment"]) == ("command", "operator", "by mail")


def test_again_it_ends_nothing_and_is_on_record(shell: Any) -> None:
    issued = make_key()
    assert shell(issued.plaintext).startswith(f"Ended: {issued.key.kid}")
    assert "had ended already" in shell(issued.plaintext)
    assert reported().count() == 2


def test_a_text_that_is_nothing_of_ours(shell: Any) -> None:
    assert json.loads(shell("whatever", "--json"))["is_ours"] is False
    assert "Nothing was changed" in shell("whatever")


@pytest.mark.parametrize("text", ["", "  \n", "two\nlines", "x" * 9000])
def test_what_can_be_no_credential_is_refused(shell: Any, text: str) -> None:
    with pytest.raises(CommandError) as raised:
        shell(text)
    assert raised.value.returncode == 2


def test_the_output_never_repeats_the_credential(shell: Any) -> None:
    issued = make_key()
    assert issued.plaintext[20:] not in shell(issued.plaintext) + shell(issued.plaintext, "--json")
