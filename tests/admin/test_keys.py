"""Keys in the console: made, rotated, paused, edited, revoked, imported, found; each act on record with who and why."""

import hashlib
import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from core.batching import flush_all
from core.credentials import KEY_PATTERN
from partners.models import ApiKey, IdempotencyRecord, KeyStatus
from partners.scopes import Scope
from partners.services.keys import find_key, pause_key
from partners.verification import verify_key
from sticker_auth.roles import Role
from tests.admin.staff import World, form_id_of, make_staff, signed_in, use_key
from tests.factories import ALICE

ISSUE: Final = "admin:partners_apikey_issue"
DIALOG: Final = {"x-console-dialog": "1"}


def policy(world: World, **changes: Any) -> dict[str, Any]:
    """What the form that issues a key sends."""
    return {
        "partner": world.partner.slug,
        "environment": "live",
        "name": "Nightly sync",
        "kind": "sk",
        "scopes": ["session:create", "key:read"],
        "networks": "203.0.113.0/24\n2001:db8::/48",
        "lifetime": "90",
        "expires_on": "",
    } | changes


def issue(client: Client, world: World, *, headers: Any = None, **changes: Any) -> Any:
    fields = policy(world, form_id=form_id_of(client, reverse(ISSUE)), **changes)
    return client.post(reverse(ISSUE), fields, headers=headers)


def the_key_in(answer: Any) -> str:
    """The one key in an answer; it stands there exactly once."""
    found = [match.group(0) for match in re.finditer(KEY_PATTERN, answer.content.decode())]
    assert len(found) == 1
    return found[0]


def test_issue_makes_the_key_that_the_form_describes(world: World) -> None:
    user = make_staff(Role.ISSUER, username="ines")
    client = Client()
    client.force_login(user)
    plaintext = the_key_in(issue(client, world))
    key = find_key(plaintext[8:20])
    assert (key.partner, key.environment, key.kind, key.name) == (world.partner, "live", "sk", "Nightly sync")
    assert key.scopes == [Scope.SESSION_CREATE, Scope.KEY_READ]
    assert key.networks == ["203.0.113.0/24", "2001:db8::/48"]
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    assert not verify_key(plaintext, address="203.0.113.7").refusal
    row = Event.objects.get(type="key.issued", subject_id=key.kid)
    assert (row.actor_kind, row.actor_id, row.actor_label) == ("staff", str(user.pk), "ines")
    assert row.context.address == "127.0.0.1"


@pytest.mark.parametrize("headers", [None, DIALOG])
def test_a_new_key_is_in_the_answer_once_and_nowhere_else(world: World, headers: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = signed_in(Role.ISSUER, Role.SUPPORT)
    answers = [issue(client, world, headers=headers)]
    fields = {"overlap": "24h", "reason": "OPS-1", "form_id": form_id_of(client, world.key_url("rotate"))}
    answers.append(client.post(world.key_url("rotate"), fields, headers=headers))
    flush_all()
    stored = [repr(list(model.objects.values())) for model in (Event, IdempotencyRecord, LogEntry, ApiKey)]
    stored += [repr(session.get_decoded()) for session in Session.objects.all()]
    pages = [client.get(url).content.decode() for url in (world.key_url(), world.partner_url(), reverse("admin:index"))]
    for answer in answers:
        plaintext = the_key_in(answer)
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        assert plaintext not in repr(answer.headers) + repr(answer.cookies) + repr(client.cookies)
        assert not list(answer.context["messages"])
        for text in [*stored, *pages, caplog.text]:
            assert plaintext[20:] not in text
            assert hashlib.sha256(plaintext.encode()).hexdigest() not in text


def test_a_form_makes_one_key_however_often_it_is_sent(world: World) -> None:
    client = signed_in(Role.ISSUER)
    fields = policy(world, form_id=form_id_of(client, reverse(ISSUE)))
    plaintext = the_key_in(client.post(reverse(ISSUE), fields))
    before = ApiKey.objects.count()
    again = client.post(reverse(ISSUE), fields)
    assert again.status_code == 409
    assert plaintext[8:20].encode() in again.content
    assert plaintext.encode() not in again.content
    assert ApiKey.objects.count() == before


def test_two_forms_make_two_keys(world: World) -> None:
    client = signed_in(Role.ISSUER)
    assert the_key_in(issue(client, world)) != the_key_in(issue(client, world))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"partner": "nobody"}, "partner"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"networks": "203.0.113.7/24"}, "networks"),
        ({"networks": "example.com"}, "networks"),
        ({"lifetime": "custom"}, "expires_on"),
        ({"lifetime": "custom", "expires_on": "2020-01-01"}, "expires_on"),
        ({"lifetime": "5000"}, "lifetime"),
        ({"environment": "both"}, "environment"),
        ({"setup_per_minute": "0"}, "setup_per_minute"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_policy_is_said_beside_its_field_and_makes_nothing(world: World, changes: Any, wrong: str) -> None:
    before = ApiKey.objects.count()
    answer = issue(signed_in(Role.ISSUER), world, **changes)
    assert wrong in answer.context["form"].errors
    assert ApiKey.objects.count() == before


def test_a_key_may_last_to_a_day_or_for_ever(world: World) -> None:
    client = signed_in(Role.ISSUER)
    day = (timezone.now() + timedelta(days=10)).date()
    dated = find_key(the_key_in(issue(client, world, lifetime="custom", expires_on=day.isoformat()))[8:20])
    assert dated.expires_at is not None
    assert dated.expires_at.date() == day
    endless = find_key(the_key_in(issue(client, world, lifetime="never"))[8:20])
    assert endless.expires_at is None


def test_rotate_shows_the_successor_and_keeps_the_old_key_for_the_overlap(world: World) -> None:
    client = signed_in(Role.SUPPORT)
    fields = {"overlap": "24h", "reason": "OPS-7 yearly", "form_id": form_id_of(client, world.key_url("rotate"))}
    answer = client.post(world.key_url("rotate"), fields)
    successor = find_key(the_key_in(answer)[8:20])
    world.key.refresh_from_db()
    assert successor.family_id == world.key.family_id
    assert world.key.status is KeyStatus.GRACE
    assert not verify_key(world.issued.plaintext, address=None).refusal
    assert Event.objects.get(type="key.rotated").reason == "OPS-7 yearly"


def test_rotate_without_overlap_ends_the_old_key_at_once(world: World) -> None:
    client = signed_in(Role.SUPPORT)
    fields = {"overlap": "now", "reason": "leak", "form_id": form_id_of(client, world.key_url("rotate"))}
    the_key_in(client.post(world.key_url("rotate"), fields))
    assert verify_key(world.issued.plaintext, address=None).refusal == "grace_over"


def test_a_rotation_that_the_service_refuses_says_why_and_keeps_the_form(world: World) -> None:
    client = signed_in(Role.SUPPORT)
    form_id = form_id_of(client, world.key_url("rotate"))
    ApiKey.objects.filter(pk=world.key.pk).update(revoked_at=timezone.now(), revoke_reason="compromise")
    answer = client.post(world.key_url("rotate"), {"overlap": "1h", "reason": "x", "form_id": form_id})
    assert b"This key is revoked or expired" in answer.content
    assert ApiKey.objects.filter(family_id=world.key.family_id).count() == 1


def test_pause_and_resume_are_recorded_with_their_reasons(world: World) -> None:
    client = signed_in(Role.SUPPORT)
    assert client.post(world.key_url("pause"), {"reason": "SEC-4"}).status_code == 302
    assert verify_key(world.issued.plaintext, address=None).refusal == "paused"
    assert client.post(world.key_url("resume"), {"reason": "SEC-4 explained"}).status_code == 302
    assert not verify_key(world.issued.plaintext, address=None).refusal
    reasons = Event.objects.filter(type__in=["key.paused", "key.resumed"]).order_by("id").values_list("reason", flat=True)
    assert list(reasons) == ["SEC-4", "SEC-4 explained"]


def test_edit_changes_name_and_networks(world: World) -> None:
    fields = {"name": "Renamed", "networks": "203.0.113.0/24", "reason": "OPS-3"}
    signed_in(Role.ISSUER).post(world.key_url("edit"), fields)
    world.key.refresh_from_db()
    assert (world.key.name, world.key.networks) == ("Renamed", ["203.0.113.0/24"])
    assert Event.objects.get(type="key.updated").data["before"]["name"] == "Order backend"


def test_revoke_needs_the_kid_typed_a_reason_and_a_comment(world: World) -> None:
    client = signed_in(Role.RESPONDER)
    whole = {"code": "compromise", "reason": "SEC-9", "confirm": world.key.kid}
    for missing in whole:
        client.post(world.key_url("revoke"), whole | {missing: ""})
    client.post(world.key_url("revoke"), whole | {"confirm": world.key.kid.swapcase()})
    world.key.refresh_from_db()
    assert world.key.revoked_at is None
    assert client.post(world.key_url("revoke"), whole).status_code == 302
    world.key.refresh_from_db()
    assert world.key.status is KeyStatus.COMPROMISED
    row = Event.objects.get(type="key.revoked")
    assert (row.actor_kind, row.reason, row.data["revoke_reason"]) == ("staff", "SEC-9", "compromise")


def test_a_confirmation_says_what_would_break(world: World) -> None:
    use_key(world.key, calls=4321)
    use_key(world.key, calls=12, outcome="network", network="198.51.100.0/24")
    for action in ("revoke", "rotate", "pause"):
        text = signed_in(is_superuser=True).get(world.key_url(action)).content.decode()
        assert "4\u202f321 accepted, 12 refused" in text
        assert "203.0.113.0/24" in text
        assert "1 users" in text or "1 user" in text


def test_a_dialog_gets_the_panel_alone_and_is_told_where_to_go(world: World) -> None:
    client = signed_in(Role.RESPONDER)
    asked = client.get(world.key_url("revoke"), headers=DIALOG)
    assert b"<html" not in asked.content
    assert b"data-panel" in asked.content
    fields = {"code": "superseded", "reason": "x", "confirm": world.key.kid}
    done = client.post(world.key_url("revoke"), fields, headers=DIALOG)
    assert done.status_code == 204
    assert done.headers["X-Console-Location"] == world.key_url()


def test_a_paused_key_offers_resume_and_a_revoked_one_nothing(world: World) -> None:
    client = signed_in(is_superuser=True)
    pause_key(world.key.pk, reason="x", actor=ALICE)
    labels = {button.label for button in client.get(world.key_url()).context["buttons"]}
    assert "Resume" in labels
    assert "Pause" not in labels
    ApiKey.objects.filter(pk=world.key.pk).update(revoked_at=timezone.now(), revoke_reason="compromise")
    assert client.get(world.key_url()).context["buttons"] == []


def test_import_lets_a_foreign_key_in_by_its_sha256_and_once(world: World) -> None:
    text = "sk_live_0123456789abcdef0123456789abcdef"
    fields = policy(world, sha256=hashlib.sha256(text.encode()).hexdigest(), networks="")
    client = signed_in(Role.ISSUER)
    url = reverse("admin:partners_apikey_import")
    assert client.post(url, fields).status_code == 302
    assert not verify_key(text, address=None).refusal
    assert b"already known" in client.post(url, fields).content
    assert "sha256" in client.post(url, fields | {"sha256": text}).context["form"].errors


def test_identify_finds_a_key_by_kid_or_by_the_hash_of_a_foreign_one(world: World) -> None:
    client = signed_in(Role.VIEWER)
    url = reverse("admin:partners_apikey_identify")
    assert client.post(url, {"kid": world.key.kid, "sha256": ""}).headers["Location"] == world.key_url()
    assert b"No key has this kid" in client.post(url, {"kid": "000000000000", "sha256": ""}).content
    text = "ak_test_0123456789abcdef0123456789abcdef"
    digest = hashlib.sha256(text.encode()).hexdigest()
    signed_in(Role.ISSUER).post(
        reverse("admin:partners_apikey_import"), policy(world, sha256=digest, kind="ak", environment="test")
    )
    imported = ApiKey.objects.get(is_imported=True)
    assert client.post(url, {"kid": "", "sha256": digest}).headers["Location"].endswith(f"/{imported.kid}/change/")
    assert b"neither a kid nor" in client.post(url, {"kid": text, "sha256": ""}).content
