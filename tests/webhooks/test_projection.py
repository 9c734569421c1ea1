"""What real acts are told as: every own event fits its schema, and says nothing of people or of staff."""

import json
from typing import Any

from core.batching import flush_all
from core.principals import SYSTEM
from partners.models import RevokeReason
from partners.services import keys, partners
from tests.factories import ALICE, make_key, make_profile
from tests.webhooks.conftest import Backend, run_fan_out
from webhooks.catalogue import schema_problems
from webhooks.models import Message
from webhooks.reasons import DisabledReason
from webhooks.services.endpoints import disable_endpoint, enable_endpoint


def told(type_: str) -> list[Any]:
    rows = Message.objects.filter(type=type_).order_by("id").values_list("data", flat=True)
    return [json.loads(bytes(each)) for each in rows]


def handshake(backend: Backend, user: str) -> Any:
    answer = backend.call("POST", "/v1/partner/handshake", {"internal_user_id": user})
    assert answer.status_code == 200, answer.content
    return answer.json()


def redeem(backend: Backend, session: Any, redeem_id: str = "a" * 32) -> int:
    body = {"session_key": session["session_key"], "partner_id": str(backend.partner.pk), "redeem_id": redeem_id}
    answer = backend.client.post("/v1/sessions/redeem", {**body, "environment": "test"}, content_type="application/json")
    return int(answer.status_code)


def test_session_events_name_the_user_by_the_partners_own_ids(committed_backend: Backend) -> None:
    backend = committed_backend
    profile = make_profile(backend.partner)
    session = handshake(backend, str(profile.external_id))
    assert redeem(backend, session) == 200
    assert redeem(backend, session, "b" * 32) == 401
    backend.call("DELETE", f"/v1/sessions/{session['session_id']}")
    backend.call("DELETE", f"/v1/users/{profile.external_id}/sessions")
    run_fan_out()
    who = {
        "profile_id": str(profile.pk),
        "internal_user_id": profile.external_id,
        "partner_org_id": profile.organization.external_id,
    }
    assert told("session.redeemed") == [{"session_id": session["session_id"], **who, "by": "user"}]
    assert told("session.revoked") == [{"session_id": session["session_id"], **who, "by": "partner"}]
    assert told("user.sessions_revoked") == [{**who, "by": "partner"}]
    assert told("session.created") == []
    (alert,) = told("security.alert")
    assert alert == {"alert": "session_replayed", "subject_type": "session", "subject_id": session["session_id"]}
    assert not [each for each in Message.objects.all() if b"Ada" in bytes(each.data) or b"example.com" in bytes(each.data)]


def test_setup_is_told_with_the_partners_ids(committed_backend: Backend) -> None:
    body = {
        "internalOrgId": "org-7",
        "organizationName": "Northwind",
        "internalUserId": "user-7",
        "user": {"firstName": "Ada", "lastName": "Byron", "email": "ada@example.com"},
    }
    made = committed_backend.call("POST", "/v1/organizations/setup", body).json()
    run_fan_out()
    ours = made["organizationId"]
    assert told("organization.created") == [{"organization_id": ours, "partner_org_id": "org-7", "by": "partner"}]
    (profile,) = told("profile.created")
    assert (profile["internal_user_id"], profile["partner_org_id"], profile["organization_id"]) == ("user-7", "org-7", ours)


def test_life_of_a_key_is_told(committed_backend: Backend) -> None:
    partner = committed_backend.partner
    key = make_key(partner).key
    keys.pause_key(key.pk, reason="Check", actor=ALICE)
    keys.resume_key(key.pk, reason="Fine", actor=ALICE)
    keys.update_key(key.pk, name="Shop", networks=["203.0.113.0/24"], reason="", actor=ALICE)
    successor = keys.rotate_key(key.pk, overlap=keys.Overlap.DAY.delta, reason="Yearly", actor=ALICE).key
    keys.revoke_key(key.pk, reason=RevokeReason.COMPROMISE, comment="Leaked", actor=ALICE)
    run_fan_out()
    assert told("key.issued")[-1]["kid"] == key.kid
    assert told("key.issued")[-1]["expires_at"].endswith("Z")
    assert told("key.paused") == told("key.resumed") == told("key.updated") == [{"kid": key.kid, "by": "staff"}]
    assert told("key.rotated") == [{"kid": key.kid, "by": "staff", "successor": successor.kid, "overlap_seconds": 86400}]
    assert {"kid": key.kid, "by": "staff", "reason": "compromise"} in told("key.revoked")
    assert "alice" not in str([bytes(each.data) for each in Message.objects.all()])


def test_emergency_and_leak_are_alerts(committed_backend: Backend) -> None:
    backend = committed_backend
    kid = backend.principal.kid
    assert backend.client.get(f"/v1/whoami?key={backend.key}").status_code == 400
    flush_all()
    partners.emergency_revoke(backend.partner.pk, reason="Incident", actor=ALICE)
    run_fan_out()
    alerts = {each["alert"]: each for each in told("security.alert")}
    assert alerts["secret_exposed"]["subject_id"] == kid
    assert alerts["emergency_revoked"]["kids"] == [kid]


def test_endpoints_own_trouble_is_told(committed_backend: Backend) -> None:
    endpoint = committed_backend.open_endpoint()
    disable_endpoint(endpoint.pk, because=DisabledReason.FAILING, reason="", actor=SYSTEM)
    enable_endpoint(endpoint.pk, reason="", actor=ALICE)
    run_fan_out()
    assert told("endpoint.disabled") == [{"endpoint_id": str(endpoint.pk), "reason": "failing"}]
    assert told("endpoint.enabled") == [{"endpoint_id": str(endpoint.pk), "reason": ""}]


def test_everything_told_fits_its_schema(committed_backend: Backend) -> None:
    test_life_of_a_key_is_told(committed_backend)
    test_session_events_name_the_user_by_the_partners_own_ids(committed_backend)
    test_setup_is_told_with_the_partners_ids(committed_backend)
    partners.suspend_partner(committed_backend.partner.pk, reason="", actor=ALICE)
    partners.reactivate_partner(committed_backend.partner.pk, reason="", actor=ALICE)
    run_fan_out()
    for message in Message.objects.all():
        assert schema_problems(message.type, json.loads(bytes(message.data))) == [], message.type
    assert Message.objects.values("type").distinct().count() > 12
