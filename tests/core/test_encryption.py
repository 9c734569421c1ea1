"""Sealed values open where they were sealed and nowhere else."""

from dataclasses import replace
from uuid import UUID

import pytest
from pytest_django import Settings

from core.encryption import DecryptionError, Place, decrypt, encrypt, key_id_of
from tests.servers import TEST_SETTINGS

FIRST = TEST_SETTINGS["STICKER_ENCRYPTION_KEYS"]
SECOND = "2:" + TEST_SETTINGS["STICKER_PEPPERS"].removeprefix("1:")
PLACE = Place("webhooks_secret", "sealed", 7, UUID(int=1), "live")
ELSEWHERE = [
    replace(PLACE, table="webhooks_secre", column="tsealed"),
    replace(PLACE, column="other"),
    replace(PLACE, row_id=8),
    replace(PLACE, partner_id=UUID(int=2)),
    replace(PLACE, environment="test"),
]


@pytest.mark.parametrize("plaintext", [b"", b"whsec", bytes(range(256)) * 20])
def test_what_was_sealed_opens(plaintext: bytes) -> None:
    assert decrypt(encrypt(plaintext, place=PLACE), place=PLACE) == plaintext


def test_equal_values_are_sealed_differently() -> None:
    assert encrypt(b"secret", place=PLACE) != encrypt(b"secret", place=PLACE)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_value_moved_elsewhere_does_not_open(place: Place) -> None:
    with pytest.raises(DecryptionError, match="another row"):
        decrypt(encrypt(b"secret", place=PLACE), place=place)


def test_no_altered_byte_goes_unnoticed() -> None:
    sealed = encrypt(b"secret", place=PLACE)
    for position in range(len(sealed)):
        altered = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(DecryptionError):
            decrypt(altered, place=PLACE)


@pytest.mark.parametrize("text", [b"", b"\x01", b"\x01\x00\x01" + bytes(12)])
def test_what_is_too_short_is_refused(text: bytes) -> None:
    with pytest.raises(DecryptionError):
        decrypt(text, place=PLACE)


def test_newest_key_seals_and_older_ones_open(settings: Settings) -> None:
    old = encrypt(b"secret", place=PLACE)
    settings.STICKER_ENCRYPTION_KEYS = f"{FIRST},{SECOND}"
    new = encrypt(b"secret", place=PLACE)
    assert (key_id_of(old), key_id_of(new)) == (1, 2)
    assert decrypt(old, place=PLACE) == decrypt(new, place=PLACE) == b"secret"


def test_a_key_that_is_gone_is_named_by_its_number(settings: Settings) -> None:
    sealed = encrypt(b"secret", place=PLACE)
    settings.STICKER_ENCRYPTION_KEYS = SECOND
    with pytest.raises(DecryptionError, match="key 1 is not known"):
        decrypt(sealed, place=PLACE)
