"""The address rules, over every state and over texts nobody thought of."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from organizations.addresses import PostalAddress, UnknownStateError, normalised
from organizations.states import STATES, UNITED_STATES, is_united_states, state_code

COUNTRY_SPELLINGS = ["", "United States", "united states", "USA", "U.S.A.", "us", "U.S.", "United States of America"]
texts = st.text(min_size=1, max_size=40)


def address(province: str = "CA", *, country: str = "", postal_code: str = "94607") -> PostalAddress:
    return PostalAddress("1 Mill Road", "", "Oakland", province, postal_code, country)


@given(st.sampled_from(sorted(STATES.items())), st.sampled_from(COUNTRY_SPELLINGS), st.data())
def test_state_is_stored_by_code_however_it_is_written(state: tuple[str, str], country: str, data: st.DataObject) -> None:
    code, name = state
    written = "".join(data.draw(st.sampled_from([char.upper(), char.lower()])) for char in data.draw(st.sampled_from(state)))
    stored = normalised(address(written, country=country))
    assert (stored.province, stored.country) == (code, UNITED_STATES), name


@given(texts)
def test_anything_else_is_no_state(text: str) -> None:
    assume(state_code(text) is None)
    with pytest.raises(UnknownStateError):
        normalised(address(text))


@given(texts)
def test_what_counts_as_a_state_leads_to_its_code(text: str) -> None:
    code = state_code(text)
    assert code is None or code in STATES


@given(texts, texts, texts)
def test_addresses_elsewhere_are_kept_as_they_are(country: str, province: str, postal_code: str) -> None:
    assume(not is_united_states(country))
    given_address = address(province, country=country, postal_code=postal_code)
    assert normalised(given_address) == given_address


@given(st.sampled_from(sorted(STATES)), st.sampled_from(COUNTRY_SPELLINGS), texts)
def test_normalising_twice_changes_nothing_more(province: str, country: str, postal_code: str) -> None:
    once = normalised(address(province, country=country, postal_code=postal_code))
    assert normalised(once) == once


@given(st.text("0123456789", min_size=9, max_size=9), st.sampled_from(["", "-", " "]))
def test_nine_digit_zip_codes_are_stored_in_one_form(digits: str, between: str) -> None:
    stored = normalised(address(postal_code=digits[:5] + between + digits[5:]))
    assert stored.postal_code == f"{digits[:5]}-{digits[5:]}"


@pytest.mark.parametrize("postal_code", ["94607", "94607-12", "9460712345", "٩٤٦٠٧١٢٣٤", "APO 1"])
def test_other_zip_codes_are_kept_as_they_are(postal_code: str) -> None:
    assert normalised(address(postal_code=postal_code)).postal_code == postal_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("D.C.", "DC"),
        ("Washington, D.C.", "DC"),
        ("washington", "WA"),
        ("N.Y.", "NY"),
        ("  new   york ", "NY"),
        ("U.S. Virgin Islands", "VI"),
        ("puerto rico", "PR"),
        ("Guam", "GU"),
        ("The District of Columbia", "DC"),
        ("Armed Forces Europe", "AE"),
    ],
)
def test_common_spellings_are_understood(text: str, code: str) -> None:
    assert state_code(text) == code


@pytest.mark.parametrize("text", ["", "X", "XX", "Cal", "New", "Ontario", "C A"])
def test_near_misses_are_no_state(text: str) -> None:
    assert state_code(text) is None


def test_table_holds_the_states_the_district_the_territories_and_the_posts() -> None:
    assert len(STATES) == 50 + 1 + 8 + 3
    assert all(len(code) == 2 and code.isupper() for code in STATES)
    assert len(set(STATES.values())) == len(STATES)
