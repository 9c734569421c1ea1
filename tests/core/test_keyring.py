"""The ring of numbered secrets: the newest signs, all verify, a staged one only verifies."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from core.keyring import parse_ring


def secret(fill: str, length: int = 32) -> str:
    return base64.urlsafe_b64encode(fill.encode() * length).decode().rstrip("=")


ONE, TWO, THREE = f"1:{secret('a')}", f"2:{secret('b')}", f"3:{secret('c')}"


@pytest.mark.parametrize(
    ("text", "signing", "known"),
    [
        (ONE, 1, [1]),
        (f"{ONE},{TWO}", 2, [2, 1]),
        (f"{TWO},{ONE}", 2, [2, 1]),
        (f"{ONE},{TWO},+{THREE}", 2, [3, 2, 1]),
        (f" {ONE} , {TWO} ,", 2, [2, 1]),
        (f"1:{secret('a')}=", 1, [1]),
    ],
)
def test_the_newest_that_is_not_staged_signs_and_all_are_known(text: str, signing: int, known: list[int]) -> None:
    ring = parse_ring(text, setting="RING")
    assert ring.active.id == signing
    assert [key.id for key in ring] == known
    assert len(ring) == len(known)


def test_a_number_nobody_set_is_unknown() -> None:
    assert parse_ring(ONE, setting="RING").get(2) is None


def test_a_secret_comes_out_as_it_was_put_in() -> None:
    found = parse_ring(ONE, setting="RING").get(1)
    assert found is not None
    assert found.secret == b"a" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        f"+{ONE}",
        secret("a"),
        f"0:{secret('a')}",
        f"01:{secret('a')}",
        f"-1:{secret('a')}",
        f"123456:{secret('a')}",
        f"one:{secret('a')}",
        "1:",
        "1:not base64!",
        "1:" + "a" * 41,
        f"{ONE},{ONE}",
        f"{ONE},1:{secret('b')}",
        f"{ONE},+1:{secret('b')}",
        f"{ONE};{TWO}",
        f"1:{secret('a', 31)}",
        f"{ONE},2:{secret('b', 16)}",
    ],
)
def test_a_broken_ring_stops_the_start_and_names_the_setting_but_no_secret(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        parse_ring(text, setting="STICKER_PEPPERS")
    assert "STICKER_PEPPERS" in str(refusal.value)
    assert secret("a")[:10] not in str(refusal.value)


def test_a_ring_does_not_show_its_secrets() -> None:
    ring = parse_ring(f"{ONE},{TWO}", setting="RING")
    assert "aaaa" not in repr(list(ring)) + repr(ring)
