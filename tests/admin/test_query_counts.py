"""A list costs the same questions however many rows it shows."""

from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.staff import SURFACE_ROWS, make_session, make_token, make_world, signed_in
from tests.admin.test_roles import LISTS
from tests.factories import make_key, make_organization, make_profile

MOST_QUERIES: Final = 14


def questions(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", [*LISTS, "auth_user", "auth_group"])
def test_a_list_costs_the_same_for_one_row_and_for_many(db: None, name: str) -> None:
    make_world()
    client = signed_in(is_superuser=True)
    url = reverse(f"admin:{name}_changelist")
    few = questions(client, url)
    for number in range(4):
        world = make_world(f"More {number}")
        make_key(world.partner)
        profile = make_profile(world.partner, organization=make_organization(world.partner))
        make_session(make_token(world.key, profile))
        signed_in()
    assert questions(client, url) == few
    assert few <= MOST_QUERIES


def test_pages_cost_a_bounded_number_of_questions(db: None) -> None:
    world = make_world()
    client = signed_in(is_superuser=True)
    rows = [world.surface_url(name) for name in SURFACE_ROWS]
    for url in (world.key_url(), world.partner_url(), world.session_url(), reverse("admin:index"), *rows):
        assert questions(client, url) <= 22, url
