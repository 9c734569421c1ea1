"""Access tokens: what we signed is read back, and every way of bending one is refused."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pytest_django import Settings

from core import jwt
from core.jwt import InvalidTokenError
from core.keyring import jwt_ring

CLAIMS = {
    "iss": "https://auth.example.com",
    "aud": "sticker:storefront",
    "sub": "user-1",
    "tenant": "partner-1",
    "surface": "storefront",
    "scope": "orders:read",
    "env": "test",
}
TEXT_CLAIMS = [*CLAIMS, "jti"]


def mint(lifetime_seconds: int = 60, **claims: Any) -> str:
    return jwt.mint({**CLAIMS, **claims}, lifetime_seconds=lifetime_seconds)


def verify(token: str, **expected: str) -> dict[str, Any]:
    return jwt.verify(token, **{"issuer": CLAIMS["iss"], "audience": CLAIMS["aud"], **expected})


def encode(part: object) -> str:
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=").decode()


def decode(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "==")))


def signed(header: object, claims: object) -> str:
    """A token over anything, signed with our own key: only its content can be wrong."""
    text = f"{encode(header)}.{encode(claims)}"
    return f"{text}.{encode(hmac.digest(jwt_ring().active.secret, text.encode(), 'sha256'))}"


def good_header(**changes: object) -> dict[str, object]:
    return {"alg": "HS256", "typ": "at+jwt", "kid": "1", **changes}


def good_claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    return {**CLAIMS, "jti": "abc", "iat": now, "nbf": now, "exp": now + 60, **changes}


def test_what_was_signed_is_read_back() -> None:
    claims = verify(mint(300))
    assert {name: claims[name] for name in CLAIMS} == CLAIMS
    assert claims["exp"] - claims["iat"] == 300
    assert len(claims["jti"]) >= 16


def test_the_header_names_algorithm_type_and_key() -> None:
    assert decode(mint().split(".")[0]) == {"alg": "HS256", "typ": "at+jwt", "kid": "1"}


def test_our_own_way_of_signing_in_these_tests_is_accepted() -> None:
    assert verify(signed(good_header(), good_claims()))


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"alg": None},
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"kid": "2"},
        {"kid": "0"},
        {"kid": "01"},
        {"kid": "-1"},
        {"kid": "\u0967"},
        {"kid": "9" * 5000},
        {"kid": "../../etc/passwd"},
        {"kid": None},
        {"kid": {"1": 1}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"crit": ["b64"], "b64": False},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_header_of_any_other_kind_is_refused_though_signed_with_our_key(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidTokenError):
        verify(signed(good_header(**changes), good_claims()))


@pytest.mark.parametrize("name", ["alg", "typ", "kid"])
def test_a_header_without_one_of_its_fields_is_refused(name: str) -> None:
    header = good_header()
    del header[name]
    with pytest.raises(InvalidTokenError):
        verify(signed(header, good_claims()))


NOW = int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 1},
        {"exp": 0},
        {"exp": str(NOW + 60)},
        {"exp": NOW + 60.5},
        {"exp": True},
        {"exp": None},
        {"nbf": NOW + 3600},
        {"iat": NOW + 3600},
        {"iss": "https://evil.example"},
        {"aud": "reseller"},
        {"aud": ["sticker:storefront"]},
        {"sub": 1},
        {"env": None},
        {"scope": ["orders:read"]},
        {"tenant": {}},
    ],
    ids=str,
)
def test_claims_of_another_kind_time_or_place_are_refused_though_signed_with_our_key(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidTokenError):
        verify(signed(good_header(), good_claims(**changes)))


@pytest.mark.parametrize("name", [*TEXT_CLAIMS, "iat", "nbf", "exp"])
def test_claims_without_one_of_them_are_refused(name: str) -> None:
    claims = good_claims()
    del claims[name]
    with pytest.raises(InvalidTokenError):
        verify(signed(good_header(), claims))


@pytest.mark.parametrize("expected", [{"issuer": "https://other.example.com"}, {"audience": "payment"}])
def test_a_token_for_somewhere_else_is_refused(expected: dict[str, str]) -> None:
    with pytest.raises(InvalidTokenError):
        verify(mint(), **expected)


@given(st.integers(0, 400), st.sampled_from("AaZz09-_"))
def test_a_token_with_one_character_changed_is_refused(position: int, char: str) -> None:
    token = mint()
    assume(position < len(token) - 1 and token[position] not in (char, "."))
    with pytest.raises(InvalidTokenError):
        verify(token[:position] + char + token[position + 1 :])


@given(st.text(max_size=200))
def test_any_text_is_a_refusal_and_never_a_fault(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        verify(text)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_in_its_parts_are_a_refusal_and_never_a_fault(first: bytes, second: bytes) -> None:
    with pytest.raises(InvalidTokenError):
        verify(signed(first, second))


@pytest.mark.parametrize(
    "bend",
    [
        lambda token: token.rpartition(".")[0],
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token + ".",
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", "..", 1),
        lambda token: ".".join([encode({"alg": "none", "typ": "at+jwt", "kid": "1"}), token.split(".")[1], ""]),
        lambda token: ".".join([token.split(".")[0], encode(good_claims(sub="admin")), token.split(".")[2]]),
        lambda token: token + "A" * 9000,
        lambda _token: "",
        lambda _token: "..",
    ],
)
def test_a_bent_token_is_refused(bend: Any) -> None:
    with pytest.raises(InvalidTokenError):
        verify(bend(mint()))


def test_a_doubled_claim_is_refused() -> None:
    body = json.dumps(good_claims()).encode()[:-1] + b', "sub": "admin"}'
    with pytest.raises(InvalidTokenError):
        verify(signed(good_header(), body))


def entry(number: int) -> str:
    return f"{number}:{base64.urlsafe_b64encode(bytes([number]) * 32).decode()}"


def test_tokens_of_the_old_key_hold_while_the_new_one_signs(settings: Settings) -> None:
    settings.STICKER_JWT_KEYS = entry(1)
    old = mint()
    settings.STICKER_JWT_KEYS = f"{entry(1)},{entry(2)}"
    assert verify(old)
    assert decode(mint().split(".")[0])["kid"] == "2"


def test_a_key_that_was_removed_proves_nothing(settings: Settings) -> None:
    settings.STICKER_JWT_KEYS = entry(1)
    old = mint()
    settings.STICKER_JWT_KEYS = entry(2)
    with pytest.raises(InvalidTokenError):
        verify(old)


def test_a_key_under_the_number_of_another_proves_nothing(settings: Settings) -> None:
    settings.STICKER_JWT_KEYS = entry(1)
    token = mint()
    settings.STICKER_JWT_KEYS = "1:" + entry(2)[2:]
    with pytest.raises(InvalidTokenError):
        verify(token)
