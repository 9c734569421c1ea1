"""How a postal address is brought into the form it is stored in; the rules of both setup forms."""

import re
from dataclasses import dataclass, replace
from typing import Final

from organizations.states import UNITED_STATES, is_united_states, state_code

_NINE_DIGITS: Final = re.compile(r"([0-9]{5})[ -]?([0-9]{4})", re.ASCII)


class UnknownStateError(ValueError):
    """A United States address names no state we know."""


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An address as it is stored: in the United States the state stands by its code and the country by one name."""

    line1: str
    line2: str
    city: str
    province: str
    postal_code: str
    country: str
    is_primary: bool = False


def normalised(address: PostalAddress) -> PostalAddress:
    """Bring an address into its stored form; one without a country lies in the United States. Safe to call twice.

    Raises: UnknownStateError for a United States address whose province is neither a state's code nor its name.
    """
    if address.country and not is_united_states(address.country):
        return address
    code = state_code(address.province)
    if code is None:
        raise UnknownStateError
    return replace(address, province=code, postal_code=_zip(address.postal_code), country=UNITED_STATES)


def _zip(text: str) -> str:
    match = _NINE_DIGITS.fullmatch(text)
    return f"{match[1]}-{match[2]}" if match else text
