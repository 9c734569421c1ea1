"""The verifiers that the guide prints, taken out of it."""

import re
from typing import Final

from sticker_auth.local.environment import PROJECT_ROOT

GUIDE: Final = PROJECT_ROOT / "docs" / "receivers.md"
_LISTING: Final = re.compile(r"<!-- verifier: (\w+) -->\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def verifier(language: str) -> str:
    """The guide's listing for a language."""
    listings: dict[str, str] = dict(_LISTING.findall(GUIDE.read_text(encoding="utf-8")))
    return listings[language]
