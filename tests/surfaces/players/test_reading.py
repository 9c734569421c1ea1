"""Whatever text comes as a token: it is read, or refused as flawed, and nothing else happens."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surfaces.players.keys import UnusableKeyError, read_key_set, read_public_key, secret_key
from surfaces.players.token import FlawError, read_token
from tests.surfaces.players.signers import PUBLIC, key_set, signer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "x5t", "jku", "crit"]), JSON, max_size=4)
JWKS = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops", "d", "k"]),
    JSON | st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "sig", "ES256"]),
    max_size=8,
)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_flawed(text: str) -> None:
    with pytest.raises(FlawError):
        read_token(text)


@given(HEADERS, JSON, st.binary(min_size=1, max_size=64))
def test_any_json_is_read_or_flawed(header: dict[str, Any], claims: object, signature: bytes) -> None:
    token = f"{part(header)}.{part(claims)}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with suppress(FlawError):
        read = read_token(token)
        assert isinstance(read.issuer, str)
        assert all(isinstance(each, str) for each in read.audiences)
        assert len(read.jti_digest) == 32


@given(st.lists(JWKS, max_size=3))
def test_any_key_set_yields_usable_keys_or_none(entries: list[dict[str, Any]]) -> None:
    with suppress(UnusableKeyError):
        found = read_key_set(json.dumps({"keys": entries}).encode("utf-8", "surrogatepass"))
        assert len(found.keys) + len(found.left_out) == len(entries)


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_key_is_the_same_from_pem_jwk_and_key_set(algorithm: Any) -> None:
    by = signer(algorithm, kid="k1")
    from_pem, from_jwk = read_public_key(by.pem, kid="k1"), read_public_key(json.dumps(by.jwk))
    (from_set,) = read_key_set(key_set(by)).keys
    assert from_pem == from_jwk == from_set
    assert from_pem.thumbprint == by.thumbprint


@pytest.mark.parametrize("length", [0, 1, 31, 513])
def test_secret_of_a_wrong_length_is_no_key(length: int) -> None:
    with pytest.raises(UnusableKeyError):
        secret_key(b"s" * length)
