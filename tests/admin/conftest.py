"""What the tests of the staff's console stand on."""

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from audit.models import Event
from sticker_auth.roles import Role
from tests.admin.browser import Console
from tests.admin.staff import PASSWORD, SURFACE_ROWS, World, make_staff, make_world, use_key
from tests.admin.test_roles import LISTS, all_actions
from tests.databases import django_at

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from tests.servers import LiveService, StartService


@pytest.fixture
def world(db: None) -> World:
    """One row of each kind."""
    return make_world()


@pytest.fixture(scope="session", params=["unfold", "plain"])
def console(
    request: pytest.FixtureRequest,
    shared_service: "StartService",
    django_db_setup: None,
    django_db_blocker: "DjangoDbBlocker",
) -> Console:
    """The running console under each theme, with rows in every list."""
    service = shared_service(env={"ADMIN_THEME": request.param})
    with django_db_blocker.unblock(), django_at(service.database_url):
        make_staff(username="root", password=PASSWORD, is_superuser=True)
        make_staff(Role.RESPONDER, username="rosa", password=PASSWORD)
        world = make_world("Northwind <i>Label</i>")
        use_key(world.key, calls=1234)
        use_key(world.key, calls=7, outcome="network", network="198.51.100.0/24")
        return described(service, world)


def described(service: "LiveService", world: World) -> Console:
    """Name the pages of a world, one of each kind."""
    newest = Event.objects.newest_first()[0]
    person = User.objects.get(username="root")
    pages = {f"{name} list": reverse(f"admin:{name}_changelist") for name in (*LISTS, "auth_user", "auth_group")}
    pages |= {
        "overview": reverse("admin:index"),
        "key": world.key_url(),
        "partner": world.partner_url(),
        "session token": world.session_url(),
        "embed session": reverse("admin:sessions_app_embedsession_change", args=[world.session.pk]),
        "organization": reverse("admin:organizations_organization_change", args=[world.organization.pk]),
        "profile": reverse("admin:organizations_profile_change", args=[world.profile.pk]),
        "sync": reverse("admin:organizations_oauthgrant_change", args=[world.organization.oauth_grant.pk]),
        "oauth provider": reverse("admin:organizations_oauthprovider_change", args=[world.partner.oauth_providers.get().pk]),
        "ledger row": reverse("admin:audit_event_change", args=[newest.pk]),
        "person": reverse("admin:auth_user_change", args=[person.pk]),
        "role": reverse("admin:auth_group_change", args=[person.groups.model.objects.all()[0].pk]),
        "password": reverse("admin:password_change"),
        "reports": f"{reverse('admin:reports')}?partner={world.partner.slug}",
        "try a request": reverse("admin:surfaces_route_try"),
        **{name: world.surface_url(name) for name in SURFACE_ROWS},
    }
    return Console(
        base_url=service.base_url,
        pages=pages,
        acts=list(all_actions(world)),
        key_page=world.key_url(),
        partner_page=world.partner_url(),
        partner_slug=world.partner.slug,
        kid=world.key.kid,
        plaintext=world.issued.plaintext,
        read_log=service.log.read_text,
    )
