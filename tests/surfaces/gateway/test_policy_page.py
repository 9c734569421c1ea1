"""What staff see of a policy: what its proxies were refused lately."""

import pytest
from django.urls import reverse

from core import batching
from surfaces import rulebook
from surfaces.models import GatewayPolicy
from surfaces.names import Dialect, SurfaceName
from tests.admin.staff import signed_in
from tests.surfaces.gateway.questions import ask
from tests.surfaces.tenants import PRODUCTS_LIST, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_rules_of_other_tests() -> None:
    rulebook._held.snapshot = None


def page_of(name: str) -> str:
    row = GatewayPolicy.objects.get(name=name)
    answer = signed_in(is_superuser=True).get(reverse("admin:surfaces_gatewaypolicy_change", args=[row.pk]))
    return str(answer.content.decode())


def test_a_policys_page_lists_its_own_recent_refusals() -> None:
    tenant = make_tenant(SurfaceName.PAYMENT)
    for _ in range(3):
        ask(Dialect.NGINX, "POST", PRODUCTS_LIST, ("ApiKey", tenant.key))
    ask(Dialect.CADDY, "POST", "/nowhere", ("ApiKey", tenant.key))
    batching.flush_all()

    nginx, caddy, envoy = page_of("nginx"), page_of("caddy"), page_of("envoy")
    assert "not_entitled" in nginx
    assert tenant.issued.key.kid in nginx
    assert "no_rule" not in nginx
    assert "no_rule" in caddy
    assert "None in the last 24 hours." in envoy
