"""The numeric catalogue: the same for programs, for people and in the code; and the rules as they are seeded."""

from typing import Any

import pytest
from django.test import Client

from core.errors import catalogue
from surfaces.authentication import SurfaceView
from surfaces.models import GatewayPolicy, Route, Surface
from surfaces.names import Dialect, Mechanism, SurfaceName
from surfaces.paths import parse_pattern
from surfaces.urls import urlpatterns


def published() -> list[dict[str, Any]]:
    return list(Client().get("/v1/errors").json()["errors"])


def test_the_catalogue_is_the_codes_and_needs_no_credential() -> None:
    known = [
        {"code": each.code, "name": each.slug, "status": each.status, "title": each.title, "message": each.message}
        for each in catalogue()
    ]
    assert published() == known
    assert {each["code"] for each in known if each["name"] == "INVALID_API_KEY"} == {-23}


def test_the_page_for_people_shows_the_same_numbers_and_names() -> None:
    page = Client().get("/docs/errors").content.decode()
    for each in published():
        assert f'id="{each["name"].lower()}"' in page
        assert f">{each['code']}</span>" in page


def test_the_catalogue_may_be_cached_and_takes_no_other_method() -> None:
    assert "max-age" in Client().get("/v1/errors").headers["Cache-Control"]
    assert Client().post("/v1/errors").status_code == 405


@pytest.mark.django_db
def test_the_surfaces_are_seeded_as_published() -> None:
    seeded = {each.name: (each.pk, each.mechanism, each.error_family) for each in Surface.objects.all()}
    assert seeded == {
        "reseller": (1, "jwt", "platform"),
        "storefront": (2, "jwt", "platform"),
        "payment": (3, "api_key", "platform"),
        "supplier": (4, "api_key", "platform"),
    }
    assert set(seeded) == set(SurfaceName)
    assert {mechanism for _, mechanism, _ in seeded.values()} == set(Mechanism)
    assert set(GatewayPolicy.objects.values_list("name", "dialect")) == {(each.value, each.value) for each in Dialect}


@pytest.mark.django_db
def test_every_seeded_rule_is_served_and_every_served_endpoint_has_its_rule() -> None:
    rules = {(each.method, each.pattern): (each.surface.name, each.scope) for each in Route.objects.select_related("surface")}
    served: dict[tuple[str, str], tuple[str, str]] = {}
    for pattern in urlpatterns:
        view: Any = getattr(pattern.callback, "view_class", None)
        if view is not None and issubclass(view, SurfaceView):
            for method, scope in view.required_scopes.items():
                served[method, f"/{pattern.pattern}"] = (view.surface.value, scope or "")
    assert served == rules
    assert rules["POST", "/Orders/Create"] == ("reseller", "orders:create")
    assert rules["POST", "/Supplier/Products/List"] == ("supplier", "products:read")


@pytest.mark.django_db
def test_seeded_rules_are_stored_in_the_shape_they_are_matched_by() -> None:
    assert all(each.shape == parse_pattern(each.pattern).shape for each in Route.objects.all())
