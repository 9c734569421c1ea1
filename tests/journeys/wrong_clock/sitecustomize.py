"""Python imports this first where its folder is on the path: every clock that shows the date is then wrong by some seconds."""

import datetime
import os
import time
from typing import Any

OFFSET = float(os.environ.get("CLOCK_IS_WRONG_BY_SECONDS", "0"))
real_time = time.time


class WrongDatetime(datetime.datetime):
    """`datetime` whose present is OFFSET seconds away."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return cls.fromtimestamp(real_time() + OFFSET, tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)


if OFFSET:
    time.time = lambda: real_time() + OFFSET
    datetime.datetime = WrongDatetime  # type: ignore[misc]
