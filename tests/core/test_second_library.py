"""A second library reads the tokens we make, and makes tokens we read: neither side bends the standard its own way."""

import time
from typing import Any, Final

import pytest
from joserfc import jwt as joserfc
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from joserfc.jwt import JWTClaimsRegistry

from core import jwt
from core.jwt import InvalidTokenError
from core.keyring import jwt_ring
from tests.core.hostile_tokens import HOSTILE
from tests.core.test_hostile_tokens import claims, verify

REGISTRY: Final = JWTClaimsRegistry(
    iss={"essential": True, "value": "https://auth.example.com"},
    aud={"essential": True, "value": "sticker:reseller"},
    exp={"essential": True},
    nbf={"essential": True},
)


def key_set() -> KeySet:
    """Our ring as the other library wants it."""
    return KeySet([OctKey.import_key(key.secret, {"kid": str(key.id), "alg": "HS256", "use": "sig"}) for key in jwt_ring()])


def theirs(header: dict[str, str], payload: dict[str, Any]) -> str:
    return joserfc.encode(header, payload, key_set(), algorithms=["HS256"])


def read_by_them(token: str) -> dict[str, Any]:
    read = joserfc.decode(token, key_set(), algorithms=["HS256"])
    REGISTRY.validate(read.claims)
    return dict(read.claims)


def own() -> dict[str, Any]:
    return {name: value for name, value in claims().items() if name not in ("iat", "nbf", "exp", "jti")}


def test_they_read_what_we_made() -> None:
    token = jwt.mint(own(), lifetime_seconds=60)
    assert {name: read_by_them(token)[name] for name in own()} == own()
    assert joserfc.decode(token, key_set()).header == {"alg": "HS256", "typ": "at+jwt", "kid": "1"}


def test_we_read_what_they_made() -> None:
    payload = claims()
    assert verify(theirs({"alg": "HS256", "typ": "at+jwt", "kid": "1"}, payload)) == payload


def test_they_refuse_what_we_made_once_it_has_expired() -> None:
    token = jwt.mint(own(), lifetime_seconds=1, issued_at=int(time.time()) - 60)
    with pytest.raises(JoseError):
        read_by_them(token)
    with pytest.raises(InvalidTokenError):
        verify(token)


@pytest.mark.parametrize(
    "change", [{"aud": "sticker:storefront"}, {"iss": "https://evil.example"}, {"exp": 1}, {"nbf": 9999999999}]
)
def test_both_refuse_the_same_claims(change: dict[str, Any]) -> None:
    token = theirs({"alg": "HS256", "typ": "at+jwt", "kid": "1"}, {**claims(), **change})
    with pytest.raises(JoseError):
        read_by_them(token)
    with pytest.raises(InvalidTokenError):
        verify(token)


@pytest.mark.parametrize("header", [{"alg": "HS256", "kid": "1"}, {"alg": "HS256", "typ": "JWT", "kid": "1"}])
def test_a_token_of_another_kind_is_theirs_to_read_and_not_ours(header: dict[str, str]) -> None:
    token = theirs(header, claims())
    assert read_by_them(token)
    with pytest.raises(InvalidTokenError):
        verify(token)


def test_whatever_they_refuse_of_the_hostile_tokens_we_refuse_too() -> None:
    for name, (forge, _) in HOSTILE.items():
        try:
            read_by_them(forge(claims()))
        except (JoseError, ValueError, TypeError, RecursionError, AttributeError):
            with pytest.raises(InvalidTokenError):
                verify(forge(claims()))
        else:
            assert name  # they are laxer here; the table above says that we are not
