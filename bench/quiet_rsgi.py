"""Our service without request log and without tracking of use, to see what the two cost.

There is no such setting in the service: nobody should run it like this.
"""

import logging
from typing import Any

import partners.authentication
from sticker_auth import rsgi


def _note_nothing(*_args: Any, **_kwargs: Any) -> None:
    pass


partners.authentication.note_use = _note_nothing
logging.getLogger("sticker.requests").setLevel(logging.WARNING)
application = rsgi.application
