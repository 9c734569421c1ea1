"""The list of keys and the page of one: found, filtered, counted and drawn."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from core.principals import Environment
from partners.models import ApiKey, KeyStatus
from sticker_auth.roles import Role
from tests.admin.staff import World, make_world, signed_in, use_key
from tests.factories import make_key, make_partner


def test_search_finds_by_kid_by_masked_key_by_partner_and_by_name(world: World) -> None:
    other = make_world("Zenith").key
    client = signed_in(Role.VIEWER)
    url = reverse("admin:partners_apikey_changelist")
    for text in (world.key.kid, f"sk_live_{world.key.kid}", world.key.masked, world.partner.slug, world.partner.name):
        found = list(client.get(url, {"q": text}).context["cl"].result_list)
        assert found == [world.key], text
    assert set(client.get(url, {"q": "order backend"}).context["cl"].result_list) == {world.key, other}


def test_filters_agree_with_the_status_a_key_shows(db: None) -> None:
    partner, now = make_partner(), timezone.now()
    states: dict[KeyStatus, dict[str, Any]] = {
        KeyStatus.ACTIVE: {},
        KeyStatus.PAUSED: {"paused_at": now},
        KeyStatus.GRACE: {"rotated_at": now, "grace_until": now + timedelta(hours=1)},
        KeyStatus.EXPIRED: {"paused_at": now, "expires_at": now - timedelta(seconds=1)},
        KeyStatus.REVOKED: {"revoked_at": now, "revoke_reason": "superseded", "expires_at": now - timedelta(days=1)},
        KeyStatus.COMPROMISED: {"revoked_at": now, "revoke_reason": "compromise"},
    }
    keys = {status: make_key(partner).key for status in states}
    for status, fields in states.items():
        ApiKey.objects.filter(pk=keys[status].pk).update(**fields)
    client = signed_in(Role.VIEWER)
    for status, key in keys.items():
        url = reverse("admin:partners_apikey_changelist")
        assert list(client.get(url, {"status": status.value}).context["cl"].result_list) == [key]
        key.refresh_from_db()
        assert key.status is status


@pytest.mark.parametrize(
    ("attention", "fields"),
    [
        ("expiring", {"expires_at": timezone.now() + timedelta(days=3)}),
        ("idle", {"created_at": timezone.now() - timedelta(days=91)}),
        ("endless", {"expires_at": None}),
    ],
)
def test_what_needs_attention_is_a_filter_and_a_card(db: None, attention: str, fields: dict[str, Any]) -> None:
    risky, quiet = make_key(networks=["203.0.113.0/24"]).key, make_key(networks=["203.0.113.0/24"]).key
    ApiKey.objects.filter(pk=risky.pk).update(**fields)
    client = signed_in(Role.VIEWER)
    url = reverse("admin:partners_apikey_changelist")
    assert list(client.get(url, {"attention": attention}).context["cl"].result_list) == [risky]
    cards = {card.url: card.number for card in client.get(reverse("admin:index")).context["dashboard"].keys}
    assert cards[f"{url}?attention={attention}"] == "1"
    assert quiet.status is KeyStatus.ACTIVE


def test_environment_kind_and_partner_filters_keep_their_rows(world: World) -> None:
    test_key = make_key(world.partner, environment=Environment.TEST).key
    client = signed_in(Role.VIEWER)
    url = reverse("admin:partners_apikey_changelist")
    for query, expected in (
        ({"environment": "test"}, {test_key}),
        ({"environment": "live"}, {world.key}),
        ({"kind": "ak"}, set()),
        ({"partner": world.partner.slug}, {world.key, test_key}),
        ({"partner": str(world.partner.pk)}, {world.key, test_key}),
        ({"partner": "nobody"}, set()),
    ):
        assert set(client.get(url, query).context["cl"].result_list) == expected, query


def test_the_page_of_a_key_shows_its_use_and_its_risks(world: World) -> None:
    use_key(world.key, calls=1234)
    answer = signed_in(Role.VIEWER).get(world.key_url())
    text = answer.content.decode()
    assert [plot.summary for plot in answer.context["plots"]] == ["1\u202f234 accepted, 0 refused"] * 2
    assert "It works from any address" in text
    assert "organization:write" in text
    assert world.issued.plaintext not in text
