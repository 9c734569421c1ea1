"""The console for player issuers in real Chromium: it fits every screen, asks nobody else, and gives no token back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from surfaces.models.players import Algorithm
from tests.admin.browser import NARROW, WIDE, visit
from tests.admin.staff import PASSWORD, make_staff
from tests.databases import django_at
from tests.factories import make_partner
from tests.surfaces.players.key_hosts import serve
from tests.surfaces.players.shops import Shop
from tests.surfaces.players.signers import Signer, key_set, make_issuer, player_claims, signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, ViewportSize
    from pytest_django.plugin import DjangoDbBlocker

    from tests.servers import StartService


@dataclass(frozen=True, slots=True)
class Issuers:
    """A running console with two issuers, and a signer of the first."""

    base_url: str
    with_keys: str
    with_set: str
    by: Signer
    read_log: "Callable[[], str]"

    def url(self, name: str, issuer: str = "") -> str:
        return reverse(f"admin:surfaces_playerissuer_{name}", args=[issuer] if issuer else [])


@pytest.fixture(scope="module", params=["unfold", "plain"])
def issuers(
    request: pytest.FixtureRequest,
    shared_service: "StartService",
    django_db_setup: None,
    django_db_blocker: "DjangoDbBlocker",
) -> Issuers:
    """The console under each theme."""
    service = shared_service(env={"ADMIN_THEME": request.param})
    with django_db_blocker.unblock(), django_at(service.database_url), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.EGRESS_ALLOWED_NETWORKS", ["127.0.0.0/8"])
        make_staff(username="root", password=PASSWORD, is_superuser=True)
        by, other = signer(Algorithm.ES256, kid="2026-a"), signer(Algorithm.RS256, kid="rsa-with-a-rather-long-key-id-2026")
        issuer = make_issuer(make_partner("Northwind <i>Label</i>"), by)
        shop = Shop(serve(lambda: key_set(by, other)))
        shop.prove(by)
        shop.there.close()
        return Issuers(service.base_url, str(issuer.pk), str(shop.issuer.pk), by, service.log.read_text)


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")])
def test_every_page_is_quiet_fits_and_asks_nobody_else(
    chromium: "Browser", issuers: Issuers, viewport: "ViewportSize", scheme: str
) -> None:
    seen = visit(chromium, issuers.base_url, viewport=viewport, scheme=scheme)
    of_keys = ["change", "edit", "add-key", "retire-key", "disable", "check"]
    paths = [issuers.url("changelist"), issuers.url("register")]
    paths += [issuers.url(name, issuers.with_keys) for name in of_keys]
    paths += [issuers.url(name, issuers.with_set) for name in ("change", "fetch", "drop", "edit")]
    for path in paths:
        seen.open(path)
        is_too_wide = seen.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not is_too_wide, path
    assert seen.complaints == []
    assert seen.outside() == []
    seen.page.context.close()


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_pasted_token_is_judged_in_the_dialog_and_forgotten(
    chromium: "Browser", issuers: Issuers, viewport: "ViewportSize"
) -> None:
    seen = visit(chromium, issuers.base_url, viewport=viewport)
    page, token = seen.page, issuers.by.token(player_claims(exp=1_700_000_000, iat=None, nbf=None))
    seen.open(issuers.url("change", issuers.with_keys))
    page.click("a[data-dialog]:has-text('Check a token')")
    page.fill("dialog [name=token]", token)
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .sa-bad")
    assert "The token expired" in page.inner_text("dialog")
    assert page.locator("dialog table").is_visible()
    fits = page.evaluate("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('dialog'))")
    assert fits
    for part in token.split("."):
        assert part not in page.content()
        assert part not in issuers.read_log()
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state, location.href])")
    assert token.split(".")[1] not in kept + repr(page.context.cookies())
    page.click("dialog a:has-text('Check another')")
    page.wait_for_selector("dialog [name=token]")
    assert page.input_value("dialog [name=token]") == ""
    assert seen.complaints == []
    page.context.close()
