"""The table of hostile tokens, sent to a real endpoint: each a 401 with the documented code, and no look-up made for it."""

import time
from typing import Any, Final
from uuid import uuid4

import jwt as pyjwt
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from surfaces.names import SurfaceName
from surfaces.token_proof import prove_token
from surfaces.verification import NotProvenError
from tests.core.hostile_tokens import HOSTILE, header, signed
from tests.surfaces.tokens.parties import RESELLER_ACCOUNT, Reseller, get, make_reseller
from tests.surfaces.tokens.test_generate_token import reasons

pytestmark = pytest.mark.django_db
# What the database's clock says no to: the signature is good, so that it may be asked.
BY_THE_CLOCK: Final = {"expired by a second", "expired in 1970", "not yet valid", "issued in the future"}


@pytest.fixture
def reseller() -> Reseller:
    return make_reseller()


def claims_of(reseller: Reseller, **changes: Any) -> dict[str, Any]:
    read = pyjwt.decode(reseller.token(), options={"verify_signature": False})
    return {**read, **changes}


def test_the_token_that_all_are_bent_from_is_good(reseller: Reseller) -> None:
    assert get(RESELLER_ACCOUNT, signed(header(), claims_of(reseller))).status_code == 200


def test_every_hostile_token_is_refused_with_the_documented_code(reseller: Reseller) -> None:
    claims = claims_of(reseller)
    for name, (forge, fault) in HOSTILE.items():
        token = forge(claims)
        with CaptureQueriesContext(connection) as captured, pytest.raises(NotProvenError) as refusal:
            prove_token(token, surface=SurfaceName.RESELLER)
        assert refusal.value.reason == fault.value, name
        assert len(captured) == (1 if name in BY_THE_CLOCK else 0), name
        if not token or not token.isascii() or not token.isprintable() or token != token.strip():
            continue  # the HTTP header itself cannot carry it, or the door takes it for another thing
        answer = get(RESELLER_ACCOUNT, token)
        wanted = (400, "MULTIPLE_CREDENTIALS") if " " in token or "," in token else (401, "INVALID_TOKEN")
        assert (answer.status_code, answer.json()["name"]) == wanted, name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sub": str(uuid4())}, "token_holder_unknown"),
        ({"sub": "1"}, "token_claims"),
        ({"sub": "' OR 1=1"}, "token_claims"),
        ({"tenant": str(uuid4())}, "token_tenant"),
        ({"env": "live"}, "token_tenant"),
        ({"surface": "storefront"}, "token_audience"),
        ({"surface": "payment", "aud": "sticker:payment"}, "token_audience"),
        ({"aud": "sticker:storefront"}, "token_audience"),
        ({"epochs": {"partner": 0, "subject": 99}}, "tokens_revoked"),
        ({"epochs": {"partner": 99, "subject": 1}}, "partner_revoked"),
        ({"epochs": {}}, "tokens_revoked"),
        ({"epochs": None}, "token_claims"),
        ({"client_id": "rc_test_0000000000000000"}, "token_holder_unknown"),
        ({"sid": "x"}, "token_claims"),
    ],
    ids=str,
)
def test_our_own_signature_does_not_make_anything_true(reseller: Reseller, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotProvenError) as refusal:
        prove_token(signed(header(), claims_of(reseller, **changes)), surface=SurfaceName.RESELLER)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("scope", ["", "orders:create", "orders:create admin:everything", "nonsense"])
def test_a_token_may_say_less_than_its_account_and_never_more(reseller: Reseller, scope: str) -> None:
    proven = prove_token(signed(header(), claims_of(reseller, scope=scope)), surface=SurfaceName.RESELLER)
    assert proven.scopes == ({"orders:create"} if "orders:create" in scope else set())


def test_a_token_lives_until_the_second_it_names(reseller: Reseller) -> None:
    now = int(time.time())
    prove_token(signed(header(), claims_of(reseller, exp=now + 2)), surface=SurfaceName.RESELLER)
    with pytest.raises(NotProvenError, match="token_expired"):
        prove_token(signed(header(), claims_of(reseller, exp=now)), surface=SurfaceName.RESELLER)


def test_the_ledger_has_the_exact_reason_and_the_answer_has_not(reseller: Reseller) -> None:
    answer = get(RESELLER_ACCOUNT, signed(header(), claims_of(reseller, exp=1)))
    assert reasons() == {"token_expired"}
    assert "expired" not in answer.json()["message"]
