"""The overview, the pages for what went wrong, and what the documents say of the roles."""

import re
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from partners.services.keys import pause_key
from sticker_auth.local.environment import PROJECT_ROOT
from sticker_auth.roles import MEANINGS, Role
from tests.admin.staff import World, signed_in
from tests.factories import ALICE
from tests.webhooks.pump.world import open_endpoint, queue
from webhooks.models import Delivery, DeliveryState, Endpoint

REFUSED = """INSERT INTO audit_event (type, severity, actor_kind, actor_id, actor_label, environment, subject_type, subject_id,
               reason, data, request_id, count, recorded_at)
             VALUES ('refusal.counted', 'info', 'anonymous', 'x', '', '', '', '', %s, '{}', '', %s, now() - %s::interval)"""


def overview(*roles: Role) -> Any:
    return signed_in(*roles).get(reverse("admin:index")).context["dashboard"]


def test_refusals_of_the_last_hour_are_added_up_by_reason(db: None) -> None:
    with connection.cursor() as cursor:
        rows = [("unknown", 40, "1 minute"), ("unknown", 2, "50 minutes"), ("revoked", 7, "1 minute"), ("paused", 9, "2 hours")]
        cursor.executemany(REFUSED, rows)
    assert [(each.reason, each.count) for each in overview(Role.VIEWER).refusals] == [("unknown", "42"), ("revoked", "7")]


def test_each_reason_leads_to_its_rows(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REFUSED, ["network", 3, "1 minute"])
    url = overview(Role.VIEWER).refusals[0].url
    rows = signed_in(Role.VIEWER).get(url).context["cl"].result_list
    assert [row.reason for row in rows] == ["network"]


def test_warnings_stand_on_the_overview(world: World) -> None:
    pause_key(world.key.pk, reason="SEC-4", actor=ALICE)
    assert [line.event.reason for line in overview(Role.VIEWER).warnings] == ["SEC-4"]


def test_sessions_are_counted(world: World) -> None:
    numbers = {card.label: card.number for card in overview(Role.VIEWER).traffic}
    assert numbers["Signed in now"] == "1"
    assert numbers["Handshakes"] == "0"


def test_the_ribbon_says_which_deployment_this_is(world: World) -> None:
    for client, url in ((Client(), "admin:login"), (signed_in(Role.VIEWER), "admin:index")):
        assert b"Development" in client.get(reverse(url)).content


def test_the_menu_holds_only_what_may_be_opened(db: None) -> None:
    viewer = signed_in(Role.VIEWER).get(reverse("admin:index")).content.decode()
    auditor = signed_in(Role.AUDITOR).get(reverse("admin:index")).content.decode()
    people = f'href="{reverse("admin:auth_user_changelist")}"'
    assert people not in viewer
    assert people in auditor
    assert f'href="{reverse("admin:audit_event_changelist")}"' in viewer


def test_an_unknown_address_is_answered_with_a_page(db: None) -> None:
    answer = Client().get("/nowhere")
    assert answer.status_code == 404
    assert b"Nothing is here under this address." in answer.content
    assert answer.headers["X-Request-ID"].encode() in answer.content
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_form_without_its_token_is_answered_with_advice(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {"username": "x"})
    assert answer.status_code == 403
    assert b"Go back, reload the page" in answer.content


def test_the_favicon_is_found(db: None) -> None:
    assert Client().get("/favicon.ico").headers["Location"] == "/static/admin_console/mark.svg"


def test_the_document_for_staff_says_of_each_role_what_the_code_says() -> None:
    text = (PROJECT_ROOT / "docs" / "staff.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", text, re.MULTILINE)
    assert {name: meaning for name, meaning in rows if name in set(Role)} == {role.value: MEANINGS[role] for role in Role}


def test_webhooks_that_need_somebody_stand_on_the_overview(world: World, settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    cards = {card.label: (card.number, card.tone) for card in overview(Role.VIEWER).webhooks}
    assert cards == {
        "Longest wait of a due delivery": ("0 s", "ok"),
        "Failing endpoints": ("0", "ok"),
        "Deliveries set aside": ("0", "ok"),
    }
    endpoint = open_endpoint("http://127.0.0.1:20000/")
    queue(endpoint, 2)
    Delivery.objects.filter(endpoint=endpoint, is_probe=False).update(state=DeliveryState.QUARANTINED)
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=Now())
    cards = {card.label: (card.number, card.tone) for card in overview(Role.VIEWER).webhooks}
    assert cards["Failing endpoints"] == ("1", "warn")
    assert cards["Deliveries set aside"] == ("2", "warn")
