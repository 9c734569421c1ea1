"""What webhooks tell a partner of its syncs is what their schemas say."""

import json
from typing import Any

from audit.events import DELIVERED, EventType
from audit.models import Event
from core.principals import SYSTEM
from organizations.models import OAuthProvider
from organizations.services.grants import connect_organization, disconnect_organization
from organizations.services.sync_switches import pause_sync, resume_sync
from organizations.services.token_refresh import note_recovery
from tests.factories import ALICE
from tests.organizations.oauth.provider import Answer
from tests.organizations.oauth.world import EVE, World, issued_tokens
from webhooks.catalogue import schema_problems
from webhooks.projection import LedgerRow, find_people, public_data

OURS = ("organization.", "oauth_provider.", "profile.")


def told() -> dict[str, list[Any]]:
    """Every event a webhook would carry, by its type, with its data checked."""
    rows = [row_of(each) for each in Event.objects.filter(feed_xid__isnull=False).order_by("id") if each.type.startswith(OURS)]
    people, found = find_people(rows), dict[str, list[Any]]()
    for row in rows:
        data = json.loads(public_data(row, people))
        assert schema_problems(row.definition.type, data) == [], row.type
        found.setdefault(row.type.value, []).append(data)
    return found


def row_of(event: Event) -> LedgerRow:
    return LedgerRow(
        id=event.pk,
        xid=int(event.feed_xid or 0),
        type=EventType(event.type),
        recorded_at=event.recorded_at,
        partner_id=event.partner_id,
        environment=event.environment,
        actor_kind=event.actor_kind,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        data=event.data,
    )


def test_everything_that_happens_to_a_grant_is_told_as_its_schema_says(world: World) -> None:
    world.document["users"].append(dict(EVE))
    world.document["organizationPhone"] = "+1 415 555 0101"
    world.sync()
    world.document["users"] = world.document["users"][:2]
    world.sync_again()
    world.document["users"] = []
    world.sync_again()
    resume_sync(world.organization.pk, reason="", actor=ALICE)
    pause_sync(world.organization.pk, reason="odd", actor=ALICE)
    resume_sync(world.organization.pk, reason="", actor=ALICE)
    world.document["users"] = [dict(EVE), dict(EVE, internalUserId="user-1"), dict(EVE, internalUserId="user-2")]
    world.provider.next_at_data.append(Answer(403))
    world.sync()
    world.sync_again()
    world.age_access_token()
    world.provider.next_at_token.append(Answer(401))
    world.sync_again()
    note_recovery(OAuthProvider.objects.get(), actor=SYSTEM)
    world.provider.next_at_data.extend([Answer(401)] * 2)
    world.sync_again()
    connect_organization(world.organization, tokens=issued_tokens(world.provider), actor=ALICE)
    disconnect_organization(world.organization.pk, actor=ALICE)
    seen = told()
    created_elsewhere = {"organization.created"}
    assert set(seen) | created_elsewhere == {each.value for each in DELIVERED if each.value.startswith(OURS)}
    first = seen["organization.synced"][0]
    assert first["partner_org_id"] == world.organization.external_id
    assert (first["by"], first["users_added"]) == ("service", 3)
    assert [each["reason"] for each in seen["organization.sync_paused"]] == ["no_users", "by_staff"]
    assert seen["organization.reauthorization_required"][0]["notice"] == 1
    assert seen["profile.removed"][0]["internal_user_id"] == "user-3"
