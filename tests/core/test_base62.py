"""Base62: fixed width, ordered, and never silently cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import base62


def decode(text: str) -> int:
    number = 0
    for char in text:
        number = number * 62 + base62.ALPHABET.index(char)
    return number


@given(st.integers(0, 2**32 - 1))
def test_any_crc32_fits_six_characters_and_comes_back(number: int) -> None:
    text = base62.encode(number, width=6)
    assert len(text) == 6
    assert decode(text) == number


@given(st.integers(0, 62**6 - 2))
def test_the_order_of_texts_is_the_order_of_numbers(number: int) -> None:
    assert base62.encode(number, width=6) < base62.encode(number + 1, width=6)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        base62.encode(62**6, width=6)


def test_random_text_has_the_length_and_alphabet_asked_for() -> None:
    text = base62.random_text(1000)
    assert len(text) == 1000
    assert set(text) <= set(base62.ALPHABET)
