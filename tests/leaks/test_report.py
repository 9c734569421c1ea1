"""Anyone who holds a credential may have it ended, and learns nothing by it."""

import json
import time
from typing import Any

import pytest
from pytest_django import Settings

from audit.models import Event
from core.principals import Environment
from partners.models import ApiKey, RevokeReason
from partners.scopes import Scope
from partners.services.keys import Overlap, revoke_key, rotate_key
from surfaces import leak_views
from surfaces.leak_shapes import RECEIVED
from tests.factories import ALICE, make_key, make_partner
from tests.leaks.credentials import KINDS, Holder, has_ended, report, reported
from tests.surfaces.tokens.parties import make_program

pytestmark = pytest.mark.django_db

JUNK = [
    *("x", "ü", "0" * 64, "0" * 96, "eyJhbGciOiJub25lIn0.e30."),
    *("sk_test_" + "a" * 50, "ak_live_" + "0" * 32, "cs_live_" + "0" * 49),
]


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_credential_ends_at_once(holder: Holder, kind: str) -> None:
    token = holder[kind]
    assert not has_ended(holder, token)

    answer = report({"credential": token})

    assert (answer.status_code, answer.json()) == (202, RECEIVED)
    assert has_ended(holder, token)
    (event,) = reported()
    assert (event.partner_id, event.environment, event.severity) == (holder.partner.pk, "test", "critical")
    assert (event.actor_kind, event.data["source"]) == ("anonymous", "anyone")
    assert event.data["ended"]


def test_client_secret_ends_with_the_tokens_of_its_client(holder: Holder) -> None:
    program = make_program(holder.partner)
    token = program.token()

    report({"credential": program.secret})

    assert has_ended(holder, token)
    assert program.ask().status_code == 401
    assert reported().get().subject_id == program.client.client_id


def test_key_ends_with_what_came_out_of_it_as_compromised() -> None:
    issued = make_key()
    successor = rotate_key(issued.key.pk, overlap=Overlap.DAY.delta, reason="", actor=ALICE)

    report({"credential": issued.plaintext})

    ended = ApiKey.objects.filter(revoke_reason="compromise").values_list("kid", flat=True)
    assert set(ended) == {issued.key.kid, successor.key.kid}
    assert set(reported().get().data["ended"]) == set(ended)
    assert Event.objects.filter(type="key.revoked").count() == 2


def test_key_of_a_network_or_without_scopes_ends_from_anywhere() -> None:
    for policy in ({"networks": ["192.0.2.0/24"]}, {"scopes": (Scope.KEY_READ,)}, {"environment": Environment.LIVE}):
        issued = make_key(**policy)
        report({"credential": issued.plaintext})
        assert ApiKey.objects.get(pk=issued.key.pk).revoke_reason == "compromise"


@pytest.mark.parametrize("text", JUNK)
def test_what_is_no_credential_gets_the_same_answer_and_leaves_no_trace(text: str) -> None:
    genuine = report({"credential": make_key().plaintext})
    before = Event.objects.count()

    answer = report({"credential": text})

    assert (answer.status_code, answer.content) == (genuine.status_code, genuine.content)
    assert set(answer.headers) == set(genuine.headers)
    assert Event.objects.count() == before


def test_a_dead_key_gets_the_same_answer_and_leaves_no_trace() -> None:
    issued = make_key()
    revoke_key(issued.key.pk, reason=RevokeReason.SUPERSEDED, comment="", actor=ALICE)
    before = Event.objects.count()

    assert report({"credential": issued.plaintext}).json() == RECEIVED
    assert report({"credential": issued.plaintext}).json() == RECEIVED
    assert Event.objects.count() == before
    assert ApiKey.objects.get(pk=issued.key.pk).revoke_reason == "superseded"


def test_a_wrong_secret_with_a_real_kid_ends_nothing() -> None:
    issued, other = make_key(), make_key()
    forged = issued.plaintext[:20] + other.plaintext[20:]

    report({"credential": forged})

    assert ApiKey.objects.filter(revoked_at=None).count() == 2


def test_no_answer_comes_sooner_than_another(holder: Holder) -> None:
    def seconds(text: str) -> float:
        began = time.monotonic()
        report({"credential": text})
        return time.monotonic() - began

    waits = [seconds(text) for text in ("x", "0" * 64, make_key().plaintext, holder["session_token"])]

    assert min(waits) >= leak_views.ANSWER_SECONDS


def test_where_it_was_found_is_kept_masked_and_short() -> None:
    issued, other = make_key(), make_key()
    spelled = issued.plaintext.replace("_", "%5F")
    url = f"https://paste.example/?k={spelled}&o={other.plaintext}#" + "x" * 600

    report({"credential": issued.plaintext, "url": url, "comment": f"see {other.plaintext}\n{'0' * 64}"})

    data = reported().get().data
    kept = json.dumps(data)
    assert data["url"].startswith("https://paste.example/?k=***&o=sk_test_")
    assert len(data["url"]) == 500
    assert not any(key.plaintext[8:] in kept for key in (issued, other))
    assert "0" * 64 not in kept


def test_a_credential_is_recognised_however_its_separators_are_written() -> None:
    issued = make_key()
    report({"credential": issued.plaintext, "url": "https://x.example/?k=" + issued.plaintext.replace("_", "%255F")})

    assert reported().get().data["url"] == "https://x.example/?k=sk%5Ftest%5F***"


def test_a_session_handle_cut_by_the_cap_is_masked_first() -> None:
    report({"credential": make_key().plaintext, "comment": "c" * 460 + " " + "0123456789abcdef" * 6})

    assert "0123456789abcdef" not in reported().get().data["comment"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"credential": ""}, 400),
        ({"credential": None}, 400),
        ({"credential": ["sk"]}, 400),
        ({"credential": "x" * 8193}, 400),
        ({"credential": "x", "url": 1}, 400),
        ({"credential": "x", "comment": "c" * 2049}, 400),
        ({"credential": "x", "partner_id": "y"}, 400),
        ({"credential": "x" * 70_000}, 413),
    ],
)
def test_a_malformed_report_is_refused(body: dict[str, Any], status: int) -> None:
    assert report(body).status_code == status


def test_reports_of_one_address_are_limited(settings: Settings) -> None:
    settings.LEAK_REPORTS_PER_MINUTE = 2
    issued = make_key()
    answers = [report({"credential": "x"}), report({"credential": "x"}), report({"credential": issued.plaintext})]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert ApiKey.objects.get(pk=issued.key.pk).revoked_at is None
    assert report({"credential": issued.plaintext}, REMOTE_ADDR="203.0.113.9").status_code == 202
    assert ApiKey.objects.get(pk=issued.key.pk).revoked_at is not None


def test_a_report_meanwhile_is_put_off() -> None:
    with leak_views._same_time():
        answer = report({"credential": "x"})

    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert report({"credential": "x"}).status_code == 202


def test_the_partner_is_told_by_webhook_where_it_subscribed() -> None:
    issued = make_key(make_partner())
    report({"credential": issued.plaintext})

    assert reported().get().feed_xid is not None
