"""The signed assertion, as a second library sees it with nothing but the published keys."""

import time
from dataclasses import replace

import jwt as pyjwt
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from pytest_django import Settings

from surfaces.gateway.assertion import ALGORITHM, Assertion, key_set, path_digest, sign

# Libraries still know the algorithm by this name alone; the newer one (RFC 9864) says the same.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

OLD = "1:" + "A" * 43
NEW = "2:" + "B" * 42 + "A"
SAMPLE = Assertion(
    audience="orders",
    policy="nginx",
    subject="customer-1",
    tenant="0b9d9f9e-0000-4000-8000-000000000001",
    surface="reseller",
    scope="orders:create orders:read",
    environment="test",
    key_id="k1",
    session_id=None,
    method="POST",
    path="/Orders/Create",
)


def test_a_second_library_verifies_it_with_the_published_keys() -> None:
    token = jwt.decode(sign(SAMPLE), KeySet.import_key_set(key_set()), algorithms=[ALGORITHM])  # type: ignore[arg-type]

    assert token.header["typ"] == "sticker-assertion+jwt"
    assert token.claims["aud"] == "orders"
    assert token.claims["exp"] - token.claims["iat"] == 60
    assert abs(token.claims["iat"] - time.time()) < 5
    assert token.claims["method"] == "POST"
    assert token.claims["path_sha256"] == path_digest("/Orders/Create")
    assert "sid" not in token.claims


def test_the_guides_upstream_accepts_it() -> None:
    token = sign(SAMPLE)
    key = pyjwt.PyJWKSet.from_dict(key_set())[pyjwt.get_unverified_header(token)["kid"]]
    claims = pyjwt.decode(token, key.key, algorithms=["EdDSA"], audience="orders", issuer="http://127.0.0.1:8000")

    assert claims["path_sha256"] == path_digest("/Orders/Create")


def test_each_assertion_has_an_id_of_its_own() -> None:
    keys = KeySet.import_key_set(key_set())  # type: ignore[arg-type]
    ids = {jwt.decode(sign(SAMPLE), keys, algorithms=[ALGORITHM]).claims["jti"] for _ in range(20)}

    assert len(ids) == 20


@pytest.mark.parametrize("part", [1, 2])
def test_a_changed_assertion_is_refused(part: int) -> None:
    parts = sign(SAMPLE).split(".")
    parts[part] = sign(replace(SAMPLE, subject="customer-2", method="GET")).split(".")[part]
    keys = KeySet.import_key_set(key_set())  # type: ignore[arg-type]

    with pytest.raises(BadSignatureError):
        jwt.decode(".".join(parts), keys, algorithms=[ALGORITHM])


def test_only_public_halves_are_published() -> None:
    for key in key_set()["keys"]:
        assert set(key) == {"crv", "kty", "x", "kid", "use", "alg"}


def test_a_staged_key_is_published_before_it_signs(settings: Settings) -> None:
    settings.STICKER_ASSERTION_KEYS = f"{OLD},+{NEW}"
    published = key_set()["keys"]
    before = jwt.decode(sign(SAMPLE), KeySet.import_key_set({"keys": published}), algorithms=[ALGORITHM])  # type: ignore[typeddict-item]
    settings.STICKER_ASSERTION_KEYS = f"{OLD},{NEW}"
    after = jwt.decode(sign(SAMPLE), KeySet.import_key_set({"keys": published}), algorithms=[ALGORITHM])  # type: ignore[typeddict-item]

    assert len(published) == 2
    assert before.header["kid"] != after.header["kid"]


def test_a_number_used_again_is_another_key(settings: Settings) -> None:
    settings.STICKER_ASSERTION_KEYS = OLD
    first = key_set()["keys"][0]["kid"]
    settings.STICKER_ASSERTION_KEYS = "1:" + "C" * 43

    assert key_set()["keys"][0]["kid"] != first


def test_the_printed_form_of_what_signs_holds_no_secret(settings: Settings) -> None:
    from core.keyring import assertion_ring
    from surfaces.gateway.assertion import _signer

    key = assertion_ring().active

    assert key.secret.hex() not in repr(_signer(key))
    assert repr(key.secret) not in repr(_signer(key))
