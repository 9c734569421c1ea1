"""A GET changes nothing, whoever sends it; addresses carry no secret; what partners wrote is text."""

from typing import Any

from django.apps import apps
from django.test import Client
from django.urls import reverse

from audit.models import Event
from core.batching import flush_all
from core.principals import Environment
from partners.services.partners import Contact, create_partner, set_contacts
from tests.admin.staff import World, make_staff, signed_in
from tests.admin.test_roles import LISTS, all_actions
from tests.factories import ALICE, make_key, make_organization, make_profile

HOSTILE = '"><script>alert(1)</script>{{ 73310|add:1 }}'


def snapshot() -> dict[str, list[Any]]:
    """Every row of our own tables."""
    labels = ("audit", "partners", "organizations", "sessions_app", "surfaces")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    return {model.__name__: sorted(map(repr, model._default_manager.values())) for model in models}


def test_a_get_of_an_act_changes_nothing(world: World) -> None:
    client = signed_in(is_superuser=True)
    before = snapshot()
    for url in all_actions(world):
        for query in ("", f"?reason=x&confirm={world.key.kid}"):
            assert client.get(url + query).status_code in (200, 302)
            assert client.head(url + query).status_code in (200, 302)
    assert snapshot() == before


def test_a_post_without_its_token_is_refused(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_staff(is_superuser=True))
    before = snapshot()
    for url in all_actions(world):
        assert client.post(url, {"reason": "x"}).status_code == 403
    assert snapshot() == before


def test_a_whole_key_in_an_address_is_refused_named_and_not_repeated(world: World) -> None:
    client = signed_in(is_superuser=True)
    answer = client.get(reverse("admin:partners_apikey_changelist"), {"q": world.issued.plaintext})
    flush_all()
    assert answer.status_code == 400
    assert world.issued.plaintext.encode() not in answer.content
    assert world.key.kid.encode() in answer.content
    seen = Event.objects.get(type="secret.exposed")
    assert seen.subject_id == world.key.kid
    assert world.issued.plaintext not in repr(seen.data)


def test_a_whole_key_in_an_address_is_refused_before_the_login_page_repeats_it(world: World) -> None:
    url = reverse("admin:partners_apikey_changelist")
    answer = Client().get(url, {"q": world.issued.plaintext})
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    again = Client().get(reverse("admin:login"), {"next": f"{url}?q={world.issued.plaintext}"})
    assert again.status_code == 400
    assert world.issued.plaintext.encode() not in again.content


def test_forms_of_these_pages_may_say_where_they_come_from(world: World) -> None:
    answer = signed_in(is_superuser=True).get(world.key_url("revoke"))
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"]


def test_what_partners_wrote_is_escaped_on_every_page(db: None) -> None:
    partner = create_partner(HOSTILE, slug="hostile", actor=ALICE)
    set_contacts(partner.pk, contacts=[Contact(HOSTILE, "a@example.com", "security")], actor=ALICE)
    key = make_key(partner, name=HOSTILE, environment=Environment.LIVE).key
    organization = make_organization(partner, environment=Environment.LIVE, name=HOSTILE, external_id=HOSTILE)
    texts = {"first_name": HOSTILE, "last_name": HOSTILE, "email": HOSTILE, "external_id": HOSTILE}
    profile = make_profile(partner, organization=organization, environment=Environment.LIVE, **texts)
    pages = [
        reverse("admin:partners_partner_change", args=[partner.pk]),
        reverse("admin:partners_partner_contacts", args=[partner.pk]),
        reverse("admin:partners_partner_emergency", args=[partner.pk]),
        reverse("admin:partners_apikey_change", args=[key.kid]),
        reverse("admin:organizations_organization_change", args=[organization.pk]),
        reverse("admin:organizations_profile_change", args=[profile.pk]),
        reverse("admin:audit_event_change", args=[Event.objects.newest_first()[0].pk]),
        *(reverse(f"admin:{name}_changelist") for name in LISTS),
    ]
    client = signed_in(is_superuser=True)
    for url in pages:
        content = client.get(url).content
        assert b"<script>alert(1)" not in content, url
        assert b"73311" not in content, url
