"""Clients written from the published guide, in Python and in Node, and the calls of our own guide, against the real service."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from core.credentials import KeyKind
from partners.scopes import Scope
from sticker_auth.local.environment import PROJECT_ROOT
from surfaces.models.players import Algorithm
from surfaces.names import SurfaceName
from tests.databases import django_at
from tests.factories import make_key
from tests.journeys.test_documents import BLOCK
from tests.servers import LiveService, StartService, bare_environment
from tests.surfaces.players.signers import make_issuer, signer
from tests.surfaces.tokens.parties import make_customer, make_entitled, make_program, make_reseller

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

CLIENTS: Final = Path(__file__).parent / "clients"
WANTED: Final = {
    "orders": [200, 200],
    "sign_ins": 1,
    "claims": ["exp", "scope", "sub", "tenant"],
    "without_prefix": 401,
    "wrong_password": [400, False],
    "products": 200,
    "in_another_case": 200,
    "bad_key": [-23, -23],
    "storefront": 200,
    "on_the_wrong_surface": 401,
    "no_scope": 403,
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A running service and what a client of one tenant is given."""

    service: LiveService
    given: dict[str, str]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        env = {**bare_environment(), **self.given}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="module")
def shop(shared_service: StartService, django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Shop:
    service = shared_service(workers=2)
    with django_db_blocker.unblock(), django_at(service.database_url):
        partner = make_entitled(*SurfaceName)
        reseller = make_reseller(partner, scopes=(Scope.ORDERS_CREATE,))
        customer, program, by = make_customer(partner), make_program(partner), signer(Algorithm.ES256)
        make_issuer(partner, by)
        key = make_key(partner, kind=KeyKind.SURFACE)
    given = {
        "API_HOST": service.base_url,
        "BASE": service.base_url,
        "SHOP": partner.slug,
        "SURFACE_KEY": key.plaintext,
        "RESELLER_EMAIL": reseller.account.email,
        "RESELLER_PASSWORD": reseller.password,
        "CUSTOMER_EMAIL": customer.account.email,
        "CUSTOMER_PASSWORD": customer.password,
        "EMAIL": reseller.account.email,
        "PASSWORD": reseller.password,
        "CLIENT_ID": program.client.client_id,
        "CLIENT_SECRET": program.secret,
        "PLAYER_TOKEN": by.token(),
    }
    return Shop(service, given)


def test_python_client_gets_what_the_guide_promises(shop: Shop) -> None:
    assert json.loads(shop.run(sys.executable, str(CLIENTS / "platform_client.py")).stdout) == WANTED


def test_node_client_gets_what_the_guide_promises(shop: Shop, node: str) -> None:
    assert json.loads(shop.run(node, str(CLIENTS / "platform_client.mjs")).stdout) == WANTED


def test_calls_of_our_own_guide_work_as_they_stand(shop: Shop) -> None:
    login = json.dumps({"Email": shop.given["CUSTOMER_EMAIL"], "Password": shop.given["CUSTOMER_PASSWORD"]})
    call = f"curl -s $BASE/Login/Customer/Verify -H Content-Type:application/json -H X-Shop-Handle:$SHOP -d '{login}'"
    shop.given["REFRESH_TOKEN"] = json.loads(shop.run("bash", "-c", call).stdout)["data"]["RefreshToken"]
    blocks = [each for each in BLOCK.findall((PROJECT_ROOT / "docs/tokens.md").read_text()) if "$BASE" in each]
    answers: list[dict[str, Any]] = [json.loads(shop.run("bash", "-euc", block).stdout) for block in blocks]
    by_password, by_secret, by_player, refreshed = answers
    assert by_password["data"]["callbackData"] == "anything"
    assert (by_secret["scope"], by_secret["expires_in"]) == ("orders:create", 3600)
    assert by_player["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert len(refreshed["refresh_token"]) == 96
