"""The main job from end to end: a key by command, an organization, a link, a signed-in iframe, the record, the purge."""

import json

from tests.journeys.parties import SETUP, USER, Backend, Page, database, hire, ledger, send
from tests.servers import LiveService, StartService

OLDER_FORM = {
    "partner_org_id": "org-2002",
    "organization": {
        "name": "Southwind",
        "email": "office@southwind.example",
        "addresses": [{"line1": "5 Dock Street", "city": "Oakland", "state": "California", "zip": "94607"}],
    },
    "users": [{"email": "bo@southwind.example", "first_name": "Bo", "last_name": "Lind", "role": "admin"}],
}


def test_partner_goes_from_key_to_signed_in_user_and_everything_is_on_the_record(service: LiveService) -> None:
    backend = hire(service)
    page = Page(backend)
    made = backend.handshake()
    opened = page.open(made["session_key"])
    assert opened.status == 200
    assert opened.body["session"]["id"] == made["session_id"]
    assert opened.body["profile"] == made["profile"]
    assert page.call("GET", "current").body["profile"]["email"] == "ada@northwind.example"
    assert page.call("POST", "refresh", {}).status == 200
    assert page.call("POST", "heartbeat", {}).status == 200
    status = backend.call("GET", f"/v1/sessions/{made['session_id']}").body
    assert (status["status"], status["is_used"], status["internal_user_id"]) == ("redeemed", True, USER)
    assert page.call("POST", "logout", {}).status == 204
    assert page.call("GET", "current").status == 401
    assert ledger(service, backend.partner_id) == [
        "partner.created",
        "key.issued",
        "organization.created",
        "profile.created",
        "session.created",
        "session.redeemed",
        "session.ended",
    ]


def test_older_setup_form_leads_to_the_same_iframe(service: LiveService, backend: Backend) -> None:
    first, again = (backend.call("POST", "/v1/partner/organization-setup", OLDER_FORM) for _ in range(2))
    assert (first.status, first.body["action"]) == (201, "created")
    assert (again.status, again.body["action"]) == (200, "updated")
    made = backend.handshake(partner_org_id="org-2002", user={"email": "BO@southwind.example", "last_name": "Lindt"})
    assert (made["partner_org_id"], made["profile"]["last_name"]) == ("org-2002", "Lindt")
    assert Page(backend).open(made["session_key"]).body["profile"]["id"] == made["profile"]["id"]


def test_loading_the_embed_page_uses_nothing_up(backend: Backend, page: Page) -> None:
    made = backend.handshake()
    address = made["iframe_url"].removeprefix(backend.base_url)
    for query in ("", f"?session_key={made['session_key']}", f"?session_key={made['session_key']}&theme=dark"):
        shown = send(backend.base_url, "GET", address + query)
        assert shown.status == 200
        assert made["session_key"].encode() not in shown.raw
        assert "Set-Cookie" not in shown.headers
    assert backend.call("GET", f"/v1/sessions/{made['session_id']}").body["status"] == "issued"
    assert page.open(made["session_key"]).status == 200


def test_known_user_set_up_again_is_a_conflict_that_names_what_exists(backend: Backend) -> None:
    again = backend.call("POST", "/v1/organizations/setup", SETUP)
    assert again.status == 409
    assert again.body["profileId"] == backend.handshake()["profile"]["id"]


def test_live_and_test_never_meet(service: LiveService, backend: Backend) -> None:
    policy = ("--partner", backend.partner_id, "--environment", "live", "--scopes", "session:create,session:read", "--json")
    issued = json.loads(service.manage("issue_key", *policy))
    live = Backend(backend.base_url, backend.partner_id, issued["kid"], issued["key"])
    made = backend.handshake()
    assert live.call("POST", "/v1/partner/handshake", {"internal_user_id": USER}).body["code"] == "PROFILE_NOT_FOUND"
    assert live.call("GET", f"/v1/sessions/{made['session_id']}").body["code"] == "SESSION_NOT_FOUND"
    assert Page(backend).open(made["session_key"], environment="live").status == 401
    assert Page(backend).open(made["session_key"]).status == 200


def test_purge_removes_what_is_dead_and_leaves_what_lives(live_service: StartService) -> None:
    service = live_service()
    backend = hire(service)
    dead, living = backend.handshake(), backend.handshake()
    page = Page(backend)
    assert page.open().status == 200
    with database(service) as connection:
        connection.execute(
            "UPDATE sessions_app_sessiontoken SET created_at = created_at - interval '3 days',"
            " expires_at = expires_at - interval '3 days' WHERE id = %s",
            [dead["session_id"]],
        )
    done = json.loads(service.manage("purge_expired", "--json"))
    assert done["removed"] == {"session tokens": 1}
    assert backend.call("GET", f"/v1/sessions/{dead['session_id']}").status == 404
    assert backend.call("GET", f"/v1/sessions/{living['session_id']}").body["status"] == "issued"
    assert page.call("GET", "current").status == 200
