"""The states, territories and military posts of United States addresses, by USPS code and by name (USPS Publication 28, B)."""

import re
from typing import Final

UNITED_STATES: Final = "United States"

STATES: Final[dict[str, str]] = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "AS": "American Samoa",
    "GU": "Guam",
    "MP": "Northern Mariana Islands",
    "PR": "Puerto Rico",
    "VI": "Virgin Islands",
    "FM": "Federated States of Micronesia",
    "MH": "Marshall Islands",
    "PW": "Palau",
    "AA": "Armed Forces Americas",
    "AE": "Armed Forces Europe",
    "AP": "Armed Forces Pacific",
}
_OTHER_NAMES: Final[dict[str, str]] = {
    "washington dc": "DC",
    "us virgin islands": "VI",
    "united states virgin islands": "VI",
    "micronesia": "FM",
}
_COUNTRY_NAMES: Final = frozenset({"united states", "united states of america", "us", "usa"})


def _plain(text: str) -> str:
    """Fold case, drop full stops, and let commas, hyphens and runs of spaces count as one space."""
    return re.sub(r"[\s,\-]+", " ", text.casefold().replace(".", "")).strip().removeprefix("the ")


_CODES: Final = {_plain(text): code for code, name in STATES.items() for text in (code, name)} | _OTHER_NAMES


def state_code(text: str) -> str | None:
    """Find the code of a state given by its code or its name in any case; None when no state is called that."""
    return _CODES.get(_plain(text))


def is_united_states(country: str) -> bool:
    """Tell whether a country's name means the United States."""
    return _plain(country) in _COUNTRY_NAMES
