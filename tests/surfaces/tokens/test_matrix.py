"""Every kind of credential on every surface: only the diagonal passes."""

from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.credentials import KeyKind
from surfaces.gateway.assertion import Assertion, sign
from surfaces.models.players import Algorithm
from surfaces.names import SurfaceName
from tests.factories import make_key, make_profile
from tests.sessions_app.conftest import World
from tests.surfaces.players.signers import make_issuer, signer
from tests.surfaces.tokens.parties import (
    STOREFRONT_TOKEN,
    make_customer,
    make_entitled,
    make_program,
    make_reseller,
    post_form,
)

ENDPOINTS: Final = {
    SurfaceName.RESELLER: "/Reseller/Account",
    SurfaceName.STOREFRONT: "/Storefront/Account",
    SurfaceName.PAYMENT: "/Payment/Account",
    SurfaceName.SUPPLIER: "/Supplier/Account",
}
OPENS: Final[dict[str, tuple[SurfaceName, ...]]] = {
    "reseller account's token": (SurfaceName.RESELLER,),
    "reseller client's token": (SurfaceName.RESELLER,),
    "customer's token": (SurfaceName.STOREFRONT,),
    "refreshed token": (SurfaceName.STOREFRONT,),
    "embed page's token": (SurfaceName.STOREFRONT,),
    "exchanged token": (SurfaceName.STOREFRONT,),
    "player token": (SurfaceName.STOREFRONT,),
    "surface key": (SurfaceName.PAYMENT, SurfaceName.SUPPLIER),
    "partner key": (),
    "session token": (),
    "embed handle": (),
    "refresh token": (),
    "client secret": (),
    "client id": (),
    "password": (),
    "identity assertion": (),
}


@pytest.fixture
def credentials(db: None) -> dict[str, str]:
    """One of each kind, all of one partner in one environment, who is entitled to everything."""
    partner = make_entitled(*SurfaceName)
    program, customer, reseller = make_program(partner), make_customer(partner), make_reseller(partner)
    world = World(make_key(partner), make_profile(partner))
    by = signer(Algorithm.ES256)
    make_issuer(partner, by)
    login, embed = customer.signed_in(), world.redeem(world.handshake()["session_key"], mode="memory").json()
    refreshed = post_form(STOREFRONT_TOKEN, {"grant_type": "refresh_token", "refresh_token": login["RefreshToken"]}).json()
    exchanged = post_form(
        STOREFRONT_TOKEN,
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": by.token(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        },
        headers={"X-Shop-Handle": partner.slug},
    )
    return {
        "reseller account's token": reseller.token(),
        "reseller client's token": program.token(),
        "customer's token": login["Token"],
        "refreshed token": refreshed["access_token"],
        "embed page's token": embed["access_token"],
        "exchanged token": exchanged.json()["access_token"],
        "player token": by.token(),
        "surface key": make_key(partner, kind=KeyKind.SURFACE).plaintext,
        "partner key": make_key(partner).plaintext,
        "session token": world.handshake()["session_key"],
        "embed handle": embed["refresh_handle"],
        "refresh token": refreshed["refresh_token"],
        "client secret": program.secret,
        "client id": program.client.client_id,
        "password": customer.password,
        "identity assertion": _assertion(str(partner.pk)),
    }


def _assertion(tenant: str) -> str:
    return sign(
        Assertion(
            audience="sticker:reseller",
            policy="nginx",
            subject=tenant,
            tenant=tenant,
            surface="reseller",
            scope="orders:create",
            environment="test",
            key_id=None,
            session_id=None,
            method="GET",
            path="/Reseller/Account",
        )
    )


def send(surface: SurfaceName, credential: str, header: str) -> Any:
    value = f"Bearer {credential}" if header == "Authorization" else credential
    return Client(HTTP_HOST="127.0.0.1:8000").get(ENDPOINTS[surface], headers={header: value})


@pytest.mark.parametrize("header", ["Authorization", "ApiKey"])
def test_only_the_diagonal_passes(credentials: dict[str, str], header: str) -> None:
    assert credentials.keys() == OPENS.keys()
    found = {}
    for kind, credential in credentials.items():
        for surface in SurfaceName:
            answer = send(surface, credential, header)
            found[kind, surface] = answer.status_code
            assert answer.json()["success"] is (answer.status_code == 200)
    keyed = (SurfaceName.PAYMENT, SurfaceName.SUPPLIER)
    # A surface of tokens reads the one header; a surface of keys reads a key wherever a key may stand.
    opened = {
        (kind, surface)
        for kind, surfaces in OPENS.items()
        for surface in surfaces
        if header == "Authorization" or surface in keyed
    }
    assert {each for each, status in found.items() if status == 200} == opened
    assert set(found.values()) == {200, 401}


def test_a_refused_token_is_challenged_as_its_surface_has_it(credentials: dict[str, str]) -> None:
    token = credentials["customer's token"]
    for surface, scheme, number in (
        (SurfaceName.RESELLER, "Bearer", -22),
        (SurfaceName.PAYMENT, "ApiKey", -23),
        (SurfaceName.SUPPLIER, "ApiKey", -23),
    ):
        answer = send(surface, token, "Authorization")
        assert answer.headers["WWW-Authenticate"].startswith(f'{scheme} realm="sticker"')
        assert answer.json()["code"] == number


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "{}", "Basic {}", "Token {}", "bearer{}"])
def test_a_token_without_its_scheme_is_no_credential(credentials: dict[str, str], value: str) -> None:
    token = credentials["reseller account's token"]
    answer = Client(HTTP_HOST="127.0.0.1:8000").get(
        ENDPOINTS[SurfaceName.RESELLER], headers={"Authorization": value.format(token)}
    )
    assert (answer.status_code, answer.json()["name"]) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sticker"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(credentials: dict[str, str], scheme: str) -> None:
    token = credentials["reseller account's token"]
    answer = Client(HTTP_HOST="127.0.0.1:8000").get(
        ENDPOINTS[SurfaceName.RESELLER], headers={"Authorization": f"{scheme} {token}"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", [kind for kind, surfaces in OPENS.items() if kind.endswith("token") and surfaces])
def test_a_check_of_a_token_costs_one_query_and_no_write(credentials: dict[str, str], kind: str) -> None:
    surface = OPENS[kind][0]
    assert send(surface, credentials[kind], "Authorization").status_code == 200
    with CaptureQueriesContext(connection) as captured:
        assert send(surface, credentials[kind], "Authorization").status_code == 200
    assert len(captured) == 1
    assert captured[0]["sql"].lstrip().upper().startswith("SELECT")


@pytest.mark.parametrize("kind", ["partner key", "client secret", "session token"])
def test_what_is_no_token_costs_a_token_surface_no_look_up(credentials: dict[str, str], kind: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert send(SurfaceName.RESELLER, credentials[kind], "Authorization").status_code == 401
    assert not [each for each in captured if "reselleraccount" in each["sql"] or "partners_apikey" in each["sql"]]
