"""The shape of keys and tokens: what is minted is recognised, what is nearly right is not."""

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core import base62
from core.credentials import (
    KEY_PATTERN,
    KeyKind,
    MintedKey,
    ParsedKey,
    hash_key,
    is_session_token,
    key_digest,
    keys_within,
    kid_in,
    mint_key,
    mint_session_token,
    parse_key,
    secret_digest,
)
from core.keyring import RingKey
from core.principals import Environment

KINDS = st.sampled_from(list(KeyKind))
ENVIRONMENTS = st.sampled_from(list(Environment))
SECRET_TEXT = st.text(base62.ALPHABET, min_size=44, max_size=44)
FOREIGN_CHARS = base62.ALPHABET + "_-"


@st.composite
def own_keys(draw: st.DrawFn) -> str:
    body = f"{draw(KINDS)}_{draw(ENVIRONMENTS)}_{draw(SECRET_TEXT)}"
    return body + base62.encode(zlib.crc32(body.encode()), width=6)


@given(KINDS, ENVIRONMENTS)
def test_a_minted_key_is_recognised_with_everything_it_says(kind: KeyKind, environment: Environment) -> None:
    minted = mint_key(kind, environment)
    parsed = parse_key(minted.plaintext)
    assert parsed == ParsedKey(kind, environment, minted.kid, hash_key(minted.plaintext))


@given(own_keys())
def test_a_key_has_58_characters_that_one_double_click_selects(key: str) -> None:
    assert len(key) == 58
    assert re.fullmatch(r"\w+", key, re.ASCII)


@given(own_keys())
def test_a_key_is_found_by_the_published_pattern(key: str) -> None:
    assert re.search(KEY_PATTERN, f'API_KEY="{key}"')


@given(own_keys(), st.integers(0, 57), st.sampled_from(base62.ALPHABET))
def test_a_key_with_one_character_changed_is_junk(key: str, position: int, char: str) -> None:
    assume(key[position] != char)
    assert parse_key(key[:position] + char + key[position + 1 :]) is None


@given(own_keys(), st.integers(0, 57), st.characters())
def test_any_changed_character_stops_it_from_being_that_key(key: str, position: int, char: str) -> None:
    assume(key[position] != char)
    parsed = parse_key(key[:position] + char + key[position + 1 :])
    assert parsed is None or parsed.kid is None


@given(own_keys(), st.integers(8, 56))
def test_two_neighbours_swapped_are_junk(key: str, position: int) -> None:
    assume(key[position] != key[position + 1])
    swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    assert parse_key(swapped) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key[:20],
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: key + "\x00",
        lambda key: key.replace("sk_", "SK_"),
        lambda key: key.replace("_test_", "_Test_"),
        lambda key: key.replace("_test_", "_prod_"),
        lambda key: key.replace("_", "-", 2),
        lambda key: key[:57] + "é",
        lambda key: key[:57] + "\uff21",
        lambda _key: "",
        lambda _key: "sk_test_",
        lambda _key: "sk_test_" + "A" * 15,
        lambda _key: "sk_test_" + "A" * 129,
    ],
    ids=lambda _: "",
)
def test_a_spoilt_key_is_never_taken_for_a_key_of_ours(spoil: Callable[[str], str]) -> None:
    parsed = parse_key(spoil(mint_key(KeyKind.SECRET, Environment.TEST).plaintext))
    assert parsed is None or parsed.kid is None


@given(KINDS, ENVIRONMENTS, st.text(FOREIGN_CHARS, min_size=16, max_size=128))
def test_a_key_issued_elsewhere_is_recognised_by_its_form(kind: KeyKind, environment: Environment, rest: str) -> None:
    assume(not re.fullmatch(r"[0-9A-Za-z]{50}", rest))
    text = f"{kind}_{environment}_{rest}"
    assert parse_key(text) == ParsedKey(kind, environment, None, hash_key(text))


def test_fifty_base62_characters_with_a_wrong_checksum_are_not_a_key_issued_elsewhere() -> None:
    assert parse_key("sk_live_" + "a" * 50) is None


@pytest.mark.parametrize("length", [16, 49, 51, 128])
def test_any_other_length_in_bounds_may_be_a_key_issued_elsewhere(length: int) -> None:
    assert parse_key("ak_live_" + "a" * length) is not None


def test_the_hash_of_a_key_is_the_sha256_anyone_can_compute() -> None:
    assert hash_key("ak_live_x") == hashlib.sha256(b"ak_live_x").digest()


def test_a_digest_has_32_bytes_and_depends_on_the_pepper() -> None:
    first, second = (key_digest(RingKey(1, bytes([n]) * 32), hash_key("sk_live_x")) for n in (1, 2))
    assert len(first) == 32
    assert first != second


def test_digests_of_different_purposes_never_meet() -> None:
    pepper = RingKey(1, b"p" * 32)
    assert secret_digest(pepper, purpose="a", secret="b") != secret_digest(pepper, purpose="ab", secret="")


def test_values_that_hold_a_key_do_not_show_it() -> None:
    minted = mint_key(KeyKind.SECRET, Environment.LIVE)
    parsed = parse_key(minted.plaintext)
    assert parsed is not None
    assert minted.plaintext[20:52] not in repr(minted) + repr(parsed) + repr(replace(minted, kid="x"))
    assert repr(parsed.key_hash) not in repr(parsed)


def test_two_minted_keys_share_neither_public_id_nor_secret() -> None:
    first, second = (mint_key(KeyKind.SECRET, Environment.LIVE) for _ in range(2))
    assert first.kid != second.kid
    assert first.plaintext[20:52] != second.plaintext[20:52]


def test_the_kid_is_read_only_out_of_a_key_of_ours() -> None:
    minted: MintedKey = mint_key(KeyKind.SURFACE, Environment.LIVE)
    assert kid_in(minted.plaintext) == minted.kid
    assert kid_in("ak_live_" + "a-" * 16) is None


@given(own_keys(), st.sampled_from(["key={}", "?a=1&k={}&b=2", "'{}'", "Bearer {}", "{}\n"]))
def test_a_key_inside_other_text_is_spotted(key: str, around: str) -> None:
    assert keys_within(around.format(key)) == [key]


def test_a_session_token_is_64_lower_case_hex_characters() -> None:
    token = mint_session_token()
    assert is_session_token(token)
    assert len(token) == 64


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "\uff11" * 64])
def test_anything_else_is_no_session_token(text: str) -> None:
    assert not is_session_token(text)
